//! A moment in the time of the world.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::LazyLock;
use std::time::Duration;

use crate::context;

/// A moment of a clock that never goes back, in nanoseconds.
///
/// In production this is the clock of [`std::time::Instant`], and converts both ways without
/// loss. Under simulation it is virtual time, which starts at the same moment in every run.
/// Adding more than about 292 years saturates.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom::time::{Instant, sleep};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let start = Instant::now();
/// sleep(Duration::from_millis(1)).await;
/// assert!(start.elapsed() >= Duration::from_millis(1));
/// assert_eq!(Instant::from_std(start.into_std()), start);
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

/// The moment that `Instant(0)` stands for.
static ORIGIN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

impl Instant {
    /// The current moment of the world that this thread runs in; of the real one outside any.
    #[must_use]
    pub fn now() -> Self {
        context::with_current(|backend| backend.map(crate::backend::Clock::now))
            .unwrap_or_else(Self::now_real)
    }

    /// The current moment of the real world.
    pub(crate) fn now_real() -> Self {
        Self::from_std(std::time::Instant::now())
    }

    /// The moment `nanoseconds` after the origin of this process's, or this world's, time.
    #[doc(hidden)]
    #[must_use]
    pub const fn from_nanos(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the origin of this process's, or this world's, time.
    #[doc(hidden)]
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// A moment about a hundred years away.
    pub(crate) fn far_future() -> Self {
        Self::now() + Duration::from_secs(86_400 * 365 * 100)
    }

    /// The same moment of the standard library's clock.
    #[must_use]
    pub fn into_std(self) -> std::time::Instant {
        let origin = *ORIGIN;
        let distance = Duration::from_nanos(self.0.unsigned_abs());
        if self.0 < 0 {
            origin.checked_sub(distance).unwrap_or(origin)
        } else {
            origin + distance
        }
    }

    /// The moment that `instant` is on this clock.
    #[must_use]
    pub fn from_std(instant: std::time::Instant) -> Self {
        let origin = *ORIGIN;
        match instant.checked_duration_since(origin) {
            Some(after) => Self(saturate(after)),
            None => Self(-saturate(origin - instant)),
        }
    }

    /// How much later than `earlier` this is; zero if it is not later.
    #[must_use]
    pub fn duration_since(&self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// How much later than `earlier` this is, or `None` if it is earlier.
    #[must_use]
    pub fn checked_duration_since(&self, earlier: Self) -> Option<Duration> {
        let difference = i128::from(self.0) - i128::from(earlier.0);
        u64::try_from(difference).ok().map(Duration::from_nanos)
    }

    /// How much later than `earlier` this is; zero if it is not later.
    #[must_use]
    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.checked_duration_since(earlier).unwrap_or_default()
    }

    /// How much time has passed since this moment; zero if it is still to come.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Self::now().saturating_duration_since(*self)
    }

    /// The moment `duration` later, or `None` if it is out of range.
    #[must_use]
    pub fn checked_add(&self, duration: Duration) -> Option<Self> {
        let nanoseconds = i64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_add(nanoseconds).map(Self)
    }

    /// The moment `duration` earlier, or `None` if it is out of range.
    #[must_use]
    pub fn checked_sub(&self, duration: Duration) -> Option<Self> {
        let nanoseconds = i64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub(nanoseconds).map(Self)
    }
}

fn saturate(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl From<std::time::Instant> for Instant {
    fn from(instant: std::time::Instant) -> Self {
        Self::from_std(instant)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> Self {
        instant.into_std()
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturate(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(saturate(duration)))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(
            f,
            "Instant({sign}{:?})",
            Duration::from_nanos(self.0.unsigned_abs())
        )
    }
}
