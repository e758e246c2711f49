//! Waiting for a moment.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::Instant;
use super::timer::{Timer, later};
use crate::coop::{Op, OpKind, proceed};
use crate::site::Site;

/// Waits until `duration` has passed since this call.
///
/// Wakes as soon as it can after the deadline, and never before it; the clock counts nanoseconds.
/// Zero is over at once: unlike [`yield_now`](crate::task::yield_now), which always lets the others
/// have a turn, awaiting it gives way only when the task has spent its budget. A duration past the
/// end of the clock stands for about a hundred years.
///
/// May be called anywhere. The time counts on the clock of the place of the call, so inside the
/// runtime that awaits it unless you mean otherwise.
///
/// # Panics
/// When polled outside a runtime.
///
/// # Cancel safety
/// Safe. A dropped sleep is forgotten; a new one starts counting anew, so keep one sleep across
/// a loop to keep its deadline.
///
/// # Under simulation
/// Takes virtual time: the clock jumps to the deadline once nothing can happen before it. A sleep
/// that is over at once is a point where other tasks may run first, like every operation.
///
/// # Examples
/// ```
/// use simoom::time::{sleep, Duration, Instant};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let start = Instant::now();
/// sleep(Duration::from_millis(2)).await;
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(later(Instant::now(), duration))
}

/// Waits until `deadline`; over at once if it has passed.
///
/// # Panics
/// When polled outside a runtime.
///
/// # Cancel safety
/// Safe. Sleeping until the same deadline again goes on where the dropped sleep stopped.
///
/// # Under simulation
/// As [`sleep`].
///
/// # Examples
/// ```
/// use simoom::time::{sleep_until, Duration, Instant};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(2);
/// sleep_until(deadline).await;
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    let location = Location::caller();
    Sleep {
        timer: Timer::new(deadline, location),
        site: Site::new(location),
    }
}

pin_project! {
    /// The future of [`sleep`] and [`sleep_until`].
    ///
    /// It must be pinned to be polled by reference, as around a loop of
    /// [`select!`](crate::select); [`pin!`](crate::pin) does that. Polled after it was over it is
    /// still over. Moving it to another runtime between two polls is allowed.
    ///
    /// # Examples
    /// ```
    /// use simoom::time::{sleep, Duration, Instant};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let idle = sleep(Duration::from_secs(60));
    /// simoom::pin!(idle);
    /// idle.as_mut().reset(Instant::now() + Duration::from_millis(1));
    /// idle.await;
    /// # });
    /// ```
    #[project(!Unpin)]
    #[must_use = "futures do nothing unless awaited"]
    #[derive(Debug)]
    pub struct Sleep {
        timer: Timer,
        site: Site,
    }
}

impl Sleep {
    /// It is part of something that need not wait for it.
    pub(crate) fn into_part(self) -> Self {
        self.site.used();
        self
    }

    /// The moment it waits for.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.timer.deadline()
    }

    /// Whether the deadline has passed, be the sleep polled or not.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.deadline()
    }

    /// Waits for `deadline` instead, also after the sleep was over.
    ///
    /// A task that waits for the sleep need not poll it again: it is woken at the new deadline.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        this.site.used();
        this.timer.reset(deadline);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.site.used();
        let timer = this.timer;
        let op = Op::private(OpKind::Sleep, timer.location());
        let progress = ready!(proceed(cx, &op));
        ready!(timer.poll(cx));
        progress.done();
        Poll::Ready(())
    }
}
