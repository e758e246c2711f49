//! Not being disturbed by a request to end.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::scope::Scope;
use super::state::Role;

/// Runs `future` to its end even if somebody asks the task to end meanwhile.
///
/// The request waits: it is answered by the next [`catch_cancel`](super::catch_cancel) outside, or the
/// task is dropped when it next waits for something. What drops the whole future, as
/// [`abort`](super::super::JoinHandle::abort), a [`timeout`](crate::time::timeout) or a
/// [`select!`](crate::select) around it, drops `future` too; spawn it to keep it from that.
///
/// # Cancel safety
/// As that of `future`: dropped, it drops it.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::task::shield;
/// use simoom::time::{Duration, sleep};
///
/// let (told, mut tell) = simoom::sync::mpsc::channel(1);
/// let task = simoom::spawn(async move {
///     shield(sleep(Duration::from_millis(5))).await;
///     told.try_send("the important part is done").unwrap();
///     sleep(Duration::from_secs(3600)).await;
/// });
/// simoom::task::yield_now().await;
/// task.cancel();
/// assert!(task.await.unwrap_err().is_cancelled());
/// assert_eq!(tell.recv().await, Some("the important part is done"));
/// # });
/// ```
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield {
        future,
        scope: Scope::new(Role::Shields),
    }
}

pin_project! {
    /// The future of [`shield`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Shield<F> {
        #[pin]
        future: F,
        // Left after what is inside was dropped.
        scope: Scope,
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match ready!(this.scope.poll(cx, |cx| this.future.poll(cx))) {
            Ok(output) => Poll::Ready(output),
            Err(_) => unreachable!("a shield answers nothing"),
        }
    }
}

impl<F> fmt::Debug for Shield<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield").finish_non_exhaustive()
    }
}
