//! Being told of a request to end, instead of being dropped.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::cancelled::Cancelled;
use super::scope::Scope;
use super::state::Role;

/// Runs `future` until it is done, or until somebody asks the task to end: then `future` is dropped,
/// and the task goes on here with [`Cancelled`], free to `.await` what it takes to clean up.
///
/// What [`JoinHandle::cancel`](super::super::JoinHandle::cancel) asks for is answered once, by the
/// innermost `catch_cancel` that the task is in; branches of a [`join!`](crate::join) that are each in
/// one answer each. If `future` is done at the same time, its output counts, and the request waits for
/// the next scope. What comes after an answer is not disturbed: to be asked again, call
/// [`uncancel`](super::uncancel).
///
/// A task that was once in such a scope is not dropped by `cancel`: it must see to its own end.
/// [`abort`](super::super::JoinHandle::abort) drops it all the same.
///
/// Outside of a task nobody can ask, and it is `Ok(future.await)`.
///
/// # Cancel safety
/// As that of `future`: dropped, it drops it.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::task::catch_cancel;
/// use simoom::time::{Duration, sleep};
///
/// let task = simoom::spawn(async {
///     match catch_cancel(sleep(Duration::from_secs(3600))).await {
///         Ok(()) => "slept well",
///         Err(_) => {
///             sleep(Duration::from_millis(1)).await;
///             "cleaned up"
///         }
///     }
/// });
/// simoom::task::yield_now().await;
/// task.cancel();
/// assert_eq!(task.await.unwrap(), "cleaned up");
/// # });
/// ```
pub fn catch_cancel<F: Future>(future: F) -> CatchCancel<F> {
    CatchCancel {
        future: Some(future),
        scope: Scope::new(Role::Catches),
    }
}

pin_project! {
    /// The future of [`catch_cancel`].
    ///
    /// # Panics
    /// If polled again after it was ready.
    #[must_use = "futures do nothing unless awaited"]
    pub struct CatchCancel<F> {
        #[pin]
        future: Option<F>,
        // Left after what is inside was dropped.
        scope: Scope,
    }
}

impl<F: Future> Future for CatchCancel<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("`catch_cancel` was polled again after it was ready")
        };
        let output = ready!(this.scope.poll(cx, |cx| future.poll(cx)));
        this.future.set(None);
        Poll::Ready(output.map_err(Cancelled::new))
    }
}

impl<F> fmt::Debug for CatchCancel<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchCancel").finish_non_exhaustive()
    }
}
