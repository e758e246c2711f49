//! What can be asked to end by itself: a task, or the body of a group.
//!
//! Owns which of them runs right now. Knows nothing of who asks.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::state::Cancellation;
use crate::task::cell::{TaskRef, current};

thread_local! {
    /// The part of a task that this thread polls right now, with the task it is a part of.
    static PART: RefCell<Option<Part>> = const { RefCell::new(None) };
}

#[derive(Clone, Debug)]
struct Part {
    /// The data of the task's wakers; 0 outside of a task.
    task: usize,
    of: Arc<Cancellation>,
}

fn task_of(task: Option<TaskRef<'_>>) -> usize {
    task.map_or(0, |task| task.waker_data().addr())
}

fn part(task: Option<TaskRef<'_>>) -> Option<Arc<Cancellation>> {
    let part = PART.try_with(|part| part.borrow().clone()).ok()??;
    // One that polls another task inside of itself is not that.
    (part.task == task_of(task)).then_some(part.of)
}

/// What runs right now; `None` outside of everything that can be asked.
pub(super) fn current() -> Option<Arc<Cancellation>> {
    current::with(|task| part(task).or_else(|| Some(task?.extra().cancellation.clone())))
}

/// As [`current`], if somebody may have asked.
pub(super) fn existing() -> Option<Arc<Cancellation>> {
    current::with(|task| {
        let of_task = || {
            let task = task.filter(|task| task.is_asked_to_end())?;
            Some(task.extra().cancellation.clone())
        };
        part(task).or_else(of_task)
    })
}

pin_project! {
    /// A part of a task that can be asked to end by itself. Ends with `None` when it was, and was
    /// dropped for that.
    pub(crate) struct Domain<F> {
        of: Arc<Cancellation>,
        #[pin]
        future: Option<F>,
    }
}

impl<F> Domain<F> {
    pub(crate) fn new(of: Arc<Cancellation>, future: F) -> Self {
        Self {
            of,
            future: Some(future),
        }
    }
}

impl<F> Domain<F> {
    /// Drops it, whatever it does when it is asked.
    pub(crate) fn end(self: Pin<&mut Self>) {
        self.project().future.set(None);
    }
}

impl<F: Future> Future for Domain<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("a part of a task was polled again after it had ended")
        };
        let polled = {
            let _inside = Inside::new(this.of);
            future.poll(cx)
        };
        match polled {
            Poll::Ready(output) => {
                this.future.set(None);
                Poll::Ready(Some(output))
            }
            Poll::Pending if this.of.may_drop() => {
                this.future.set(None);
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Until it is dropped, this thread polls a part of its task.
struct Inside(Option<Part>);

impl Inside {
    fn new(of: &Arc<Cancellation>) -> Self {
        let part = Part {
            task: current::with(task_of),
            of: of.clone(),
        };
        let before = PART.try_with(|slot| slot.replace(Some(part)));
        Self(before.unwrap_or(None))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let before = self.0.take();
        let _ = PART.try_with(|slot| slot.replace(before));
    }
}
