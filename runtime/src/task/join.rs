//! The handles that outlive a task.
//!
//! Owns what a spawner may do with a task: wait for it, stop it, ask whether it has ended.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::cancel::Reason;
use super::cell::{Aborter, Join, TaskRef};
use super::error::JoinError;
use super::id::Id;
use crate::coop::{Op, OpKind, Resource, proceed};
use crate::instrument::TaskTimes;

/// Waits for a task's output; also stops the task, on request.
///
/// Dropping the handle detaches the task: it runs on, and its output is dropped when it ends.
///
/// # Cancel safety
/// Safe. Waiting again after a dropped wait gives the output; polling again after the output was
/// returned panics.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = simoom::spawn(async { 6 * 7 });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
pub struct JoinHandle<T> {
    join: Join<T>,
    location: &'static Location<'static>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(join: Join<T>, location: &'static Location<'static>) -> Self {
        Self { join, location }
    }

    /// Asks for the task to be dropped at its next turn, or after its poll if it is being polled.
    ///
    /// Joining it then gives a [`JoinError`] that [is cancelled](JoinError::is_cancelled), unless
    /// the task ended first. Does nothing to a task that has ended.
    ///
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = simoom::spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn abort(&self) {
        self.join.abort();
    }

    /// Asks the task to end. It may clean up first; how, [`catch_cancel`](super::catch_cancel) says.
    ///
    /// A task that was never in a `catch_cancel` is polled once more, and dropped if it is not done
    /// then and nothing [shields](super::shield) it: joining it gives a [`JoinError`] that
    /// [is cancelled](JoinError::is_cancelled). Another `cancel` does nothing, nor one of a task that
    /// has ended, for which it returns false.
    ///
    /// A closure of [`spawn_blocking`](super::spawn_blocking) that has not begun never does; one that
    /// has may ask [`is_cancelled`](super::is_cancelled).
    ///
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = simoom::spawn(std::future::pending::<()>());
    /// task.cancel();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn cancel(&self) -> bool {
        self.join.cancel(None)
    }

    /// As [`cancel`](Self::cancel), and says why.
    ///
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = simoom::spawn(std::future::pending::<()>());
    /// task.cancel_with("too late");
    /// assert_eq!(task.await.unwrap_err().cancel_reason(), Some("too late"));
    /// # });
    /// ```
    pub fn cancel_with(&self, reason: impl Into<Arc<str>>) -> bool {
        self.join.cancel(Some(reason.into()))
    }

    /// The name that [`Builder::name`](super::Builder::name) gave the task.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.join.name()
    }

    /// What the task has done so far, and how long that took; `None` unless the runtime
    /// [keeps that](crate::runtime::Builder::task_times). See [`TaskTimes`].
    #[must_use]
    pub fn times(&self) -> Option<TaskTimes> {
        self.join.times()
    }

    /// A handle that can abort the task and does not wait for it.
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle(self.join.aborter())
    }

    /// What whoever joins it waits for.
    pub(super) fn resource(&self) -> &Resource {
        self.join.resource()
    }

    /// Wakes `waker` when the task ends; true if it has. For one who never polls the handle.
    pub(super) fn watch(&self, waker: &Waker) -> bool {
        self.join.watch(waker)
    }

    /// What the task returned, which has ended.
    pub(super) fn into_output(self) -> Result<T, JoinError> {
        match self.join.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => unreachable!("the task has ended"),
        }
    }

    /// Whether the task has ended, be it by its return, a panic or an abort.
    ///
    /// An aborted task ends at its next turn, not when `abort` returns.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.join.id()
    }
}

impl<T> Unpin for JoinHandle<T> {}
impl<T> std::panic::UnwindSafe for JoinHandle<T> {}
impl<T> std::panic::RefUnwindSafe for JoinHandle<T> {}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let resource = self.join.resource();
        let progress = ready!(proceed(
            cx,
            &Op::read(OpKind::Join, resource, self.location).contained()
        ));
        let output = ready!(self.join.poll(cx));
        progress.done();
        Poll::Ready(output)
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// Stops a task without waiting for it.
///
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = simoom::spawn(std::future::pending::<()>());
/// let stop = task.abort_handle();
/// stop.abort();
/// assert!(task.await.unwrap_err().is_cancelled());
/// assert!(stop.is_finished());
/// # });
/// ```
#[derive(Clone)]
pub struct AbortHandle(Aborter);

impl AbortHandle {
    /// As [`abort`](Self::abort). The task is dropped before this returns, unless it is being polled
    /// or belongs to another thread.
    pub(super) fn abort_now(&self) {
        self.0.abort_now();
    }

    pub(super) fn cancel_for(&self, reason: Reason) -> bool {
        self.0.cancel(reason)
    }

    /// That of `task`.
    pub(super) fn of(task: TaskRef<'_>) -> Self {
        Self(Aborter::of(task))
    }

    /// Wakes `waker` when the task has ended; true if it has.
    pub(super) fn watch_end(&self, waker: &Waker) -> bool {
        self.0.watch_end(waker)
    }

    pub(super) fn current() -> Option<Self> {
        Aborter::current().map(Self)
    }

    /// Asks for the task to be dropped at its next turn; see [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Asks the task to end; see [`JoinHandle::cancel`].
    pub fn cancel(&self) -> bool {
        self.0.cancel(None)
    }

    /// As [`cancel`](Self::cancel), and says why.
    pub fn cancel_with(&self, reason: impl Into<Arc<str>>) -> bool {
        self.0.cancel(Some(reason.into()))
    }

    /// The name that [`Builder::name`](super::Builder::name) gave the task.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }

    /// What the task has done so far, and how long that took; `None` unless the runtime
    /// [keeps that](crate::runtime::Builder::task_times). See [`TaskTimes`].
    #[must_use]
    pub fn times(&self) -> Option<TaskTimes> {
        self.0.times()
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.0.id()
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id())
            .field("finished", &self.is_finished())
            .finish()
    }
}
