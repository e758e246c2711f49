//! Asking a future to end at a deadline, instead of dropping it.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::cancelled::Cancelled;
use super::domain::Domain;
use super::scope::Scope;
use super::state::{Cancellation, Reason, Role};
use crate::time::Instant;
use crate::time::timer::{Timer, later};

/// Waits for `future`; when `duration` has passed since this call, asks it to end, and waits on.
///
/// It is asked as [a task](crate::task::JoinHandle::cancel) is: a [`catch_cancel`](super::catch_cancel)
/// in it answers and may clean up, and without one it is dropped. It is late at most by its own
/// cleaning up. ([`timeout`](crate::time::timeout()) drops.)
///
/// Whatever it returns is `Ok` of that, also after the deadline. What answers requests by itself
/// returns something: around a [`TaskGroup`](crate::task::TaskGroup), a
/// [`gather`](crate::asyncio::gather) or another `timeout_cancel`, a deadline that has passed is
/// `Ok(Err(…))` with *their* error, and not `Err(Elapsed)`. So look at both, and at the clock if it
/// matters which it was. Of nested ones with equal deadlines the inner one fires.
///
/// The future is polled first, then the clock is looked at. When somebody asks the task around it to
/// end, so is the future; the request is left to what is around this.
///
/// # Errors
/// [`Stopped::Elapsed`] if the deadline has passed and the future was dropped, which it is where it
/// waits for something that does not answer requests;
/// [`Stopped::Cancelled`] if it was since somebody has asked the task. Of both the first is told.
///
/// # Panics
/// When polled outside a runtime.
///
/// # Cancel safety
/// That of `future`, which is dropped with it. The time counts from this call.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::asyncio::{Stopped, timeout_cancel};
/// use simoom::task::catch_cancel;
/// use simoom::time::{Duration, sleep};
///
/// let soon = Duration::from_millis(1);
/// let cleans_up = async {
///     let _ = catch_cancel(std::future::pending::<()>()).await;
///     sleep(Duration::from_millis(3)).await;
///     "cleaned up"
/// };
/// assert_eq!(timeout_cancel(soon, cleans_up).await, Ok("cleaned up"));
/// let late = timeout_cancel(soon, std::future::pending::<()>()).await;
/// assert_eq!(late, Err(Stopped::Elapsed));
///
/// // The inner one answers what it is asked by the outer one.
/// let inner = timeout_cancel(Duration::from_secs(60), std::future::pending::<()>());
/// let nested = timeout_cancel(soon, inner).await;
/// assert!(matches!(nested, Ok(Err(Stopped::Cancelled(_)))));
/// # });
/// ```
#[track_caller]
pub fn timeout_cancel<F: IntoFuture>(
    duration: Duration,
    future: F,
) -> TimeoutCancel<F::IntoFuture> {
    let of = Arc::<Cancellation>::default();
    TimeoutCancel {
        part: Domain::new(of.clone(), future.into_future()),
        of,
        deadline: Timer::new(later(Instant::now(), duration), Location::caller()),
        is_late: false,
        scope: Scope::new(Role::Defers),
        asked: None,
    }
}

pin_project! {
    /// The future of [`timeout_cancel`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct TimeoutCancel<F> {
        #[pin]
        part: Domain<F>,
        of: Arc<Cancellation>,
        // Not a sleep: that asks the budget first, which the future may spend in every poll.
        deadline: Timer,
        is_late: bool,
        scope: Scope,
        // Why somebody has asked the task around it to end, before the deadline had passed: what came
        // first is why it ends.
        asked: Option<Reason>,
    }
}

impl<F: Future> Future for TimeoutCancel<F> {
    type Output = Result<F::Output, Stopped>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut part, deadline) = (this.part, this.deadline);
        if !*this.is_late {
            pass_on(this.scope, this.asked, this.of);
        }
        let polled = this.scope.poll(cx, |cx| {
            loop {
                if let Poll::Ready(output) = part.as_mut().poll(cx) {
                    return Poll::Ready(output);
                }
                if *this.is_late {
                    return Poll::Pending;
                }
                ready!(deadline.poll(cx));
                *this.is_late = true;
                ask(this.of, None);
            }
        });
        match polled {
            Poll::Ready(Ok(Some(output))) => Poll::Ready(Ok(output)),
            Poll::Ready(Ok(None)) => Poll::Ready(Err(match this.asked.take() {
                Some(reason) => Stopped::Cancelled(Cancelled::new(reason)),
                None => Stopped::Elapsed,
            })),
            Poll::Ready(Err(_)) => unreachable!("it leaves the answer to others"),
            Poll::Pending => {
                if !*this.is_late && pass_on(this.scope, this.asked, this.of) {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }
}

/// Asks the part to end if somebody asks the task to, and it was not for that. Whether it is now.
pub(in crate::task) fn pass_on(
    scope: &mut Scope,
    asked: &mut Option<Reason>,
    of: &Cancellation,
) -> bool {
    if asked.is_some() {
        return false;
    }
    *asked = scope.asked();
    if let Some(reason) = asked {
        ask(of, reason.clone());
    }
    asked.is_some()
}

fn ask(of: &Cancellation, reason: Reason) {
    for waker in of.request(reason) {
        waker.wake();
    }
}

impl<F> fmt::Debug for TimeoutCancel<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutCancel").finish_non_exhaustive()
    }
}

/// Why what had a deadline has no output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// The deadline has passed.
    Elapsed,
    /// Somebody has asked the task to end.
    Cancelled(Cancelled),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elapsed => f.write_str("deadline has elapsed"),
            Self::Cancelled(cancelled) => cancelled.fmt(f),
        }
    }
}

impl Error for Stopped {}

impl From<Stopped> for std::io::Error {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Elapsed => Self::new(std::io::ErrorKind::TimedOut, stopped),
            Stopped::Cancelled(cancelled) => cancelled.into(),
        }
    }
}
