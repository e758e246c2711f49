//! Tasks in an order, and what came of those that have ended.
//!
//! Owns the wait for them. Knows nothing of what a failure leads to.
//!
//! # Invariants
//! 1. Of each place there is either the task or, once it has ended, what came of it.

use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::error::GatherError;
use crate::coop::{Op, OpKind, proceed};
use crate::dump::collect::note_members;
use crate::task::JoinHandle;
use crate::task::cancel::{Role, Scope};
use crate::task::set::Ended;

/// What came of a task.
type Outcome<T, E> = Result<T, GatherError<E>>;

pub(super) struct Outcomes<T, E> {
    tasks: Vec<Option<JoinHandle<Result<T, E>>>>,
    outcomes: Vec<Option<Outcome<T, E>>>,
    /// How many have not ended.
    left: usize,
    ended: Arc<Ended>,
    site: &'static Location<'static>,
    scope: Scope,
    /// Whether somebody has asked the task around it to end, which was passed on.
    is_asked: bool,
}

impl<T, E> Outcomes<T, E> {
    pub(super) fn new(
        tasks: Vec<JoinHandle<Result<T, E>>>,
        site: &'static Location<'static>,
    ) -> Self {
        let ended = Arc::<Ended>::default();
        for (key, task) in (0..).zip(&tasks) {
            ended.watch(key, task);
            ended.tell_collected(task);
        }
        Self {
            left: tasks.len(),
            outcomes: tasks.iter().map(|_| None).collect(),
            tasks: tasks.into_iter().map(Some).collect(),
            ended,
            site,
            scope: Scope::new(Role::Defers),
            is_asked: false,
        }
    }

    /// Waits until all have ended; or until one has failed, which is then returned, if `is_hasty` and
    /// nobody has asked the task around it to end.
    ///
    /// When somebody asks, all that are left are asked, and waited for; the request is left to what is
    /// around this.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        is_hasty: bool,
    ) -> Poll<Option<GatherError<E>>> {
        self.pass_on_request();
        let is_hasty = is_hasty && !self.is_asked;
        let (tasks, outcomes) = (&mut self.tasks, &mut self.outcomes);
        let (left, ended, site) = (&mut self.left, &self.ended, self.site);
        let polled = self.scope.poll(cx, |cx| {
            while *left > 0 {
                let op = Op::write(OpKind::Join, &ended.resource, site).contained();
                let Poll::Ready(progress) = proceed(cx, &op) else {
                    note_members(tasks.iter().flatten().map(JoinHandle::id));
                    return Poll::Pending;
                };
                let key = ready!(ended.poll(cx));
                progress.done();
                let index = usize::try_from(key).expect("a key is an index");
                let task = tasks[index].take().expect("a task ends once");
                ended.tell_parted(&task);
                *left -= 1;
                match GatherError::of(task.into_output()) {
                    Err(error) if is_hasty => return Poll::Ready(Some(error)),
                    outcome => outcomes[index] = Some(outcome),
                }
            }
            Poll::Ready(None)
        });
        match polled {
            Poll::Ready(Ok(failed)) => Poll::Ready(failed),
            Poll::Ready(Err(_)) => unreachable!("it leaves the answer to others"),
            Poll::Pending => {
                if self.pass_on_request() {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }

    /// What came of all, which have ended, in their order.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Outcome<T, E>> {
        let outcomes = std::mem::take(&mut self.outcomes);
        outcomes.into_iter().flatten()
    }

    /// Lets those that are left go on by themselves.
    pub(super) fn detach(&mut self) {
        for task in std::mem::take(&mut self.tasks).into_iter().flatten() {
            self.ended.tell_parted(&task);
        }
    }

    /// Asks those that are left to end, if somebody asks and they were not. Whether they are now.
    fn pass_on_request(&mut self) -> bool {
        if self.is_asked {
            return false;
        }
        let Some(reason) = self.scope.asked() else {
            return false;
        };
        self.is_asked = true;
        for task in self.tasks.iter().flatten() {
            task.abort_handle().cancel_for(reason.clone());
        }
        true
    }
}

impl<T, E> Drop for Outcomes<T, E> {
    fn drop(&mut self) {
        for task in std::mem::take(&mut self.tasks).into_iter().flatten() {
            self.ended.tell_parted(&task);
            task.abort_handle().abort_now();
        }
    }
}
