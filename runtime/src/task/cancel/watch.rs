//! Looking whether somebody has asked the task to end.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::cancelled::Cancelled;
use super::domain;
use super::scope::Scope;
use super::state::Role;

/// Waits until somebody asks the task to end, which this answers: for a branch of a
/// [`select!`](crate::select).
///
/// It is [`catch_cancel`](super::catch_cancel) around nothing: all that is said there of answers holds,
/// and the task is not dropped by `cancel` from its first poll on. Outside of a task it never ends.
///
/// # Cancel safety
/// Safe. A dropped future answers nothing.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::task::cancelled;
/// use simoom::time::{Duration, sleep};
///
/// let task = simoom::spawn(async {
///     let mut rounds = 0;
///     loop {
///         simoom::select! {
///             reason = cancelled() => return (rounds, reason),
///             () = sleep(Duration::from_millis(1)) => rounds += 1,
///         }
///     }
/// });
/// sleep(Duration::from_millis(20)).await;
/// task.cancel();
/// let (rounds, _) = task.await.unwrap();
/// assert!(rounds > 0);
/// # });
/// ```
pub fn cancelled() -> CancelRequested {
    CancelRequested {
        scope: Scope::new(Role::Catches),
    }
}

/// The future of [`cancelled`].
#[must_use = "futures do nothing unless awaited"]
pub struct CancelRequested {
    scope: Scope,
}

impl Future for CancelRequested {
    type Output = Cancelled;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Cancelled> {
        match self.scope.poll(cx, |_| Poll::<()>::Pending) {
            Poll::Ready(Err(reason)) => Poll::Ready(Cancelled::new(reason)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for CancelRequested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelRequested").finish_non_exhaustive()
    }
}

/// Whether somebody has asked the running task to end, answered or not: for loops that wait for
/// nothing.
///
/// False outside of a task.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = simoom::spawn(simoom::task::catch_cancel(async {
///     while !simoom::task::is_cancelled() {
///         simoom::task::yield_now().await;
///     }
/// }));
/// simoom::task::yield_now().await;
/// task.cancel();
/// assert!(task.await.unwrap().is_ok());
/// # });
/// ```
#[must_use]
pub fn is_cancelled() -> bool {
    domain::existing().is_some_and(|it| it.is_requested())
}

/// Takes back what was asked of the running task, answered or not: the task is not to end, and
/// another [`cancel`](super::super::JoinHandle::cancel) counts anew.
///
/// Returns whether there was something to take back. False outside of a task.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::task::{cancelled, uncancel};
///
/// let task = simoom::spawn(async {
///     cancelled().await;
///     // Not now.
///     assert!(uncancel());
///     cancelled().await
/// });
/// for reason in ["first", "second"] {
///     simoom::task::yield_now().await;
///     task.cancel_with(reason);
/// }
/// assert_eq!(task.await.unwrap().reason(), Some("second"));
/// # });
/// ```
pub fn uncancel() -> bool {
    domain::existing().is_some_and(|it| it.withdraw())
}
