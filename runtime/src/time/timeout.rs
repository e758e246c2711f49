//! Giving a future a deadline.

use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::Instant;
use super::error::Elapsed;
use super::timer::{Timer, later};
use crate::coop::{Op, OpKind, proceed};

/// Waits for `future`, but no longer than `duration` from this call.
///
/// The future is polled first, then the clock is looked at: a future that is done never loses to
/// its deadline, not even to one of zero. With zero the future is still polled at least once. A
/// duration past the end of the clock stands for about a hundred years.
///
/// The deadline is noticed between two polls of the future, also when the future spends the task's
/// whole budget in each of them. A future that blocks its thread cannot be stopped.
///
/// Of nested ones with equal deadlines the inner one fires: it is polled first. [`Elapsed`] does not
/// say which of them it is of, but where it stands does: `Ok(Err(Elapsed))` is of the inner one.
///
/// # Errors
/// [`Elapsed`] when the deadline has passed. The future is dropped with the [`Timeout`], at the end
/// of the statement that awaits it, and not asked to clean up.
///
/// # Panics
/// When polled outside a runtime, unless the future is ready at the first poll.
///
/// # Cancel safety
/// That of `future`. The time counts from this call, so a new timeout starts counting anew.
///
/// # Under simulation
/// The deadline is one of virtual time. When it has passed, other tasks may run once more before it
/// takes effect, and so may still complete the future.
///
/// # Examples
/// ```
/// use simoom::time::{timeout, Duration};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let soon = timeout(Duration::from_secs(60), async { 5 }).await;
/// assert_eq!(soon, Ok(5));
///
/// let late = timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
/// assert_eq!(late.unwrap_err().to_string(), "deadline has elapsed");
/// # });
/// ```
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    timeout_at(later(Instant::now(), duration), future)
}

/// Waits for `future`, but no longer than until `deadline`.
///
/// # Errors
/// [`Elapsed`] when the deadline has passed; see [`timeout`].
///
/// # Panics
/// When polled outside a runtime, unless the future is ready at the first poll.
///
/// # Cancel safety
/// That of `future`.
///
/// # Under simulation
/// As [`timeout`].
///
/// # Examples
/// One deadline for several waits:
///
/// ```
/// use simoom::time::{timeout_at, Duration, Instant};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(1);
/// assert!(timeout_at(deadline, async {}).await.is_ok());
/// assert!(timeout_at(deadline, std::future::pending::<()>()).await.is_err());
/// # });
/// ```
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        value: future.into_future(),
        timer: Timer::new(deadline, Location::caller()),
        gave_way: false,
    }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    ///
    /// # Examples
    /// ```
    /// use simoom::time::{timeout, Duration};
    ///
    /// let unused = timeout(Duration::from_secs(1), std::future::ready(5));
    /// let inner = unused.into_inner();
    /// assert_eq!(inner.into_inner(), 5);
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    #[derive(Debug)]
    pub struct Timeout<F> {
        #[pin]
        value: F,
        timer: Timer,
        // The deadline had passed, and the task was told to let others run first.
        gave_way: bool,
    }
}

impl<F> Timeout<F> {
    /// The future that has a deadline.
    pub const fn get_ref(&self) -> &F {
        &self.value
    }

    /// The future that has a deadline, for a change.
    pub const fn get_mut(&mut self) -> &mut F {
        &mut self.value
    }

    /// When its time is over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.timer.deadline()
    }

    /// Gives it another deadline, earlier or later; one that has passed takes effect at the next poll.
    ///
    /// A task that waits for it need not poll it again: it is woken at the new deadline. One that has
    /// fired may be given another deadline too, and awaited again: it has not dropped its future.
    ///
    /// Only who holds the time-out can move its deadline; the future in it cannot, unlike with
    /// asyncio. Let it tell of its progress, as below. [Pin](std::pin::pin) the time-out for that, and
    /// poll it by `as_mut()`: `&mut` of one that is not pinned is no future for most futures in it.
    ///
    /// # Examples
    /// A deadline that moves as long as there is progress:
    ///
    /// ```
    /// use simoom::select;
    /// use simoom::sync::mpsc;
    /// use simoom::time::{sleep, timeout, Duration, Instant};
    ///
    /// async fn job(told: mpsc::Sender<u32>) -> u32 {
    ///     for part in 1..=4 {
    ///         sleep(Duration::from_millis(5)).await;
    ///         let _ = told.send(part).await;
    ///     }
    ///     4
    /// }
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let patience = Duration::from_secs(10);
    /// let (told, mut heard) = mpsc::channel(1);
    /// let mut work = std::pin::pin!(timeout(patience, job(told)));
    /// let done = loop {
    ///     select! {
    ///         done = work.as_mut() => break done,
    ///         Some(_part) = heard.recv() => work.as_mut().reset(Instant::now() + patience),
    ///     }
    /// };
    /// assert_eq!(done, Ok(4));
    /// # });
    /// ```
    ///
    /// Another chance:
    ///
    /// ```
    /// use simoom::time::{timeout, Duration, Instant};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut waits = std::pin::pin!(timeout(Duration::from_secs(60), std::future::pending::<()>()));
    /// waits.as_mut().reset(Instant::now());
    /// assert!(waits.as_mut().await.is_err());
    /// waits.as_mut().reset(Instant::now() + Duration::from_millis(1));
    /// assert!(waits.as_mut().await.is_err());
    /// # });
    /// ```
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        *this.gave_way = false;
        this.timer.reset(deadline);
    }

    /// The future, without its deadline.
    pub fn into_inner(self) -> F {
        self.value
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.value.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // The budget is not asked before the deadline is known to have passed: the future may have
        // spent all of it, and would then outlive every deadline.
        ready!(this.timer.poll(cx));
        // A deadline that has passed is an operation like others, so that a loop over deadlines
        // that have passed lets other tasks run. It gives way once: the future could spend the
        // budget of every poll.
        if !*this.gave_way {
            let op = Op::private(OpKind::Sleep, this.timer.location());
            match proceed(cx, &op) {
                Poll::Ready(progress) => progress.done(),
                Poll::Pending => {
                    *this.gave_way = true;
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Err(Elapsed::new()))
    }
}
