//! Waiting again and again.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::Instant;
use super::timer::{Timer, later};
use crate::coop::{Op, OpKind, proceed};

/// Ticks every `period`, the first time at once.
///
/// May be called anywhere; the time counts on the clock of the place of the call.
///
/// # Panics
/// If `period` is zero. When a tick is polled outside a runtime.
///
/// # Examples
/// ```
/// use simoom::time::{interval, Duration};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut ticks = interval(Duration::from_millis(2));
/// let first = ticks.tick().await;
/// let second = ticks.tick().await;
/// assert_eq!(second - first, Duration::from_millis(2));
/// # });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks every `period`, the first time at `start`.
///
/// # Panics
/// If `period` is zero. When a tick is polled outside a runtime.
///
/// # Examples
/// ```
/// use simoom::time::{interval_at, Duration, Instant};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let start = Instant::now() + Duration::from_millis(2);
/// let mut ticks = interval_at(start, Duration::from_millis(1));
/// assert_eq!(ticks.tick().await, start);
/// # });
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(
        period > Duration::ZERO,
        "the period of an interval must not be zero"
    );
    Interval {
        timer: Timer::new(start, Location::caller()),
        period,
        missed_tick_behavior: MissedTickBehavior::default(),
    }
}

/// Ticks at a steady pace; made by [`interval`] and [`interval_at`].
///
/// Unlike a loop around [`sleep`](super::sleep()), it counts the time between two waits as part of
/// the period.
///
/// # Examples
/// ```
/// use simoom::time::{interval, Duration, MissedTickBehavior};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut ticks = interval(Duration::from_millis(1));
/// ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
/// for _ in 0..3 {
///     ticks.tick().await;
/// }
/// # });
/// ```
#[derive(Debug)]
pub struct Interval {
    timer: Timer,
    period: Duration,
    missed_tick_behavior: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick, and returns the moment it was due.
    ///
    /// # Panics
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    /// Safe. A dropped wait has taken no tick.
    ///
    /// # Under simulation
    /// Takes virtual time, as [`sleep`](super::sleep()).
    #[track_caller]
    pub fn tick(&mut self) -> Tick<'_> {
        Tick {
            interval: self,
            location: Location::caller(),
        }
    }

    /// The next tick, if it is due, as the moment when it was; else keeps the waker.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        self.poll_tick_at(cx, Location::caller())
    }

    pub(crate) fn poll_tick_at(
        &mut self,
        cx: &mut Context<'_>,
        location: &'static Location<'static>,
    ) -> Poll<Instant> {
        let progress = ready!(proceed(cx, &Op::private(OpKind::Sleep, location)));
        ready!(self.timer.poll(cx));
        progress.done();
        Poll::Ready(self.take_tick())
    }

    /// `Ready` when a tick is due, which stays. Asks no budget.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.poll(cx)
    }

    /// The tick that is due, as the moment when it was.
    pub(crate) fn take_tick(&mut self) -> Instant {
        let due = self.timer.deadline();
        let next = self
            .missed_tick_behavior
            .next(due, Instant::now(), self.period);
        self.timer.reset(next);
        due
    }

    /// Makes the next tick due one period from now.
    pub fn reset(&mut self) {
        self.timer.reset(later(Instant::now(), self.period));
    }

    /// Makes the next tick due now, and those after it a period each from now.
    pub fn reset_immediately(&mut self) {
        self.timer.reset(Instant::now());
    }

    /// Makes the next tick due `after` from now, and those after it a period each from then.
    pub fn reset_after(&mut self, after: Duration) {
        self.timer.reset(later(Instant::now(), after));
    }

    /// Makes the next tick due at `deadline`, and those after it a period each from then.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.timer.reset(deadline);
    }

    /// What happens to ticks that nobody waited for in time.
    #[must_use]
    pub const fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed_tick_behavior
    }

    /// Sets what happens to ticks that nobody waited for in time.
    pub const fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed_tick_behavior = behavior;
    }

    /// The time between two ticks.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }
}

/// The future of [`Interval::tick`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Tick<'a> {
    interval: &'a mut Interval,
    location: &'static Location<'static>,
}

impl Future for Tick<'_> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let location = self.location;
        self.interval.poll_tick_at(cx, location)
    }
}

/// What an [`Interval`] does about ticks that nobody waited for in time.
///
/// A tick counts as missed when it is taken more than 5 ms after it was due, so that the common
/// small delays of a busy machine do not move the ticks that follow.
///
/// With a period of 10 ms, and a task that is busy from 20 ms to 55 ms, the ticks are taken at:
///
/// ```text
/// Burst:  0  10  20        55 55 55 60  70      due at 30, 40, 50, 60, 70
/// Delay:  0  10  20        55       65  75      due at 30, 65, 75
/// Skip:   0  10  20        55    60     70      due at 30, 60, 70
/// ```
///
/// # Examples
/// ```
/// use simoom::time::{interval, Duration, MissedTickBehavior};
///
/// let mut ticks = interval(Duration::from_secs(1));
/// assert_eq!(ticks.missed_tick_behavior(), MissedTickBehavior::Burst);
/// ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Ticks without pause until the count is what it would have been.
    #[default]
    Burst,
    /// Ticks a period after the late tick, and goes on from there.
    Delay,
    /// Leaves the missed ticks out and keeps the phase: ticks stay multiples of the period.
    Skip,
}

impl MissedTickBehavior {
    /// When the tick after the one of `due` is due, if that is taken at `now`.
    fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        let late = now.saturating_duration_since(due);
        if late <= LATE_MAX {
            return later(due, period);
        }
        match self {
            Self::Burst => later(due, period),
            Self::Delay => later(now, period),
            Self::Skip => {
                // The remainder is no longer than `late`, which is shorter than 2^64 ns.
                let beyond_ns = late.as_nanos() % period.as_nanos();
                let beyond = Duration::from_nanos(beyond_ns as u64);
                later(now, period - beyond)
            }
        }
    }
}

/// The latest that a tick is taken without being missed.
const LATE_MAX: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
