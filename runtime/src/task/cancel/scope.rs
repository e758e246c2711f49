//! A place inside a task that a request to end finds.
//!
//! Owns when a future is inside a scope, and of which task. Knows nothing of what it does there.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::domain;
use super::state::{Cancellation, Reason, Role};

thread_local! {
    /// The innermost scope that this thread polls right now, with the address of what it belongs to.
    static INNERMOST: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// A scope that a future enters at its first poll, and leaves when it is dropped.
///
/// Outside of a task it is none: nobody can ask for anything.
#[derive(Debug)]
pub(in crate::task) struct Scope {
    role: Role,
    entered: Option<Entered>,
}

#[derive(Debug)]
struct Entered {
    of: Arc<Cancellation>,
    key: usize,
}

impl Scope {
    pub(in crate::task) fn new(role: Role) -> Self {
        Self {
            role,
            entered: None,
        }
    }

    /// Polls what is inside of the scope. `Err` when that is pending, and is to be dropped as
    /// somebody has asked for it.
    pub(in crate::task) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        inner: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<Result<R, Reason>> {
        self.enter();
        let role = self.role;
        let Some(Entered { of, key }) = &self.entered else {
            return inner(cx).map(Ok);
        };
        if role != Role::Shields && !of.wakes(*key, cx.waker()) {
            let waker = cx.waker().clone();
            drop(of.keep_waker(*key, waker));
        }
        let polled = {
            let _inside = Inside::new(Arc::as_ptr(of).addr(), *key);
            inner(cx)
        };
        match polled {
            Poll::Ready(output) => {
                self.leave();
                Poll::Ready(Ok(output))
            }
            Poll::Pending if role != Role::Catches => Poll::Pending,
            Poll::Pending => match of.answer(*key) {
                Some(reason) => {
                    self.leave();
                    Poll::Ready(Err(reason))
                }
                None => Poll::Pending,
            },
        }
    }

    /// Why it was asked, if it leaves the answer to others. Enters the scope.
    pub(in crate::task) fn asked(&mut self) -> Option<Reason> {
        self.enter();
        let Entered { of, key } = self.entered.as_ref()?;
        of.asked(*key)
    }

    /// Enters the scope of the running task, unless a task's was entered before.
    fn enter(&mut self) {
        if self.entered.is_some() {
            return;
        }
        let Some(of) = domain::current() else {
            return;
        };
        let innermost = INNERMOST.try_with(Cell::get).unwrap_or(None);
        let parent = innermost.filter(|&(within, _)| within == Arc::as_ptr(&of).addr());
        let parent = parent.map(|(_, key)| key);
        let key = of.enter(self.role, parent);
        self.entered = Some(Entered { of, key });
    }

    /// Leaves the scope: nothing is inside any more.
    pub(super) fn leave(&mut self) {
        if let Some(Entered { of, key }) = self.entered.take() {
            drop(of.leave(key));
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Until it is dropped, this thread polls what is inside a scope.
struct Inside(Option<(usize, usize)>);

impl Inside {
    fn new(task: usize, key: usize) -> Self {
        let before = INNERMOST.try_with(|innermost| innermost.replace(Some((task, key))));
        Self(before.unwrap_or(None))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INNERMOST.try_with(|innermost| innermost.set(self.0));
    }
}
