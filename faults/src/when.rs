//! When a fault may happen.

use std::time::Duration;

/// When a fault may happen. Times are virtual and count from when faults begin.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_faults::When;
///
/// let when = When::After(Duration::from_secs(10));
/// assert!(!when.is_open(Duration::from_secs(9), 7));
/// assert!(when.is_open(Duration::from_secs(10), 7));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum When {
    /// At any time (default).
    #[default]
    Always,
    /// From then on.
    After(Duration),
    /// From the first moment until before the second.
    Between(Duration, Duration),
    /// At the opportunity of this number and no other, counted from 0 for each thing that can be
    /// hit: the n-th sync of a file, the n-th moment of a node.
    Nth(u32),
    /// From then on for good: every operation is hit, and what begins does not end.
    PermanentAfter(Duration),
}

impl When {
    /// Whether it may happen at `time`, at the opportunity number `number`.
    #[must_use]
    pub fn is_open(self, time: Duration, number: u32) -> bool {
        match self {
            Self::Always => true,
            Self::After(from) | Self::PermanentAfter(from) => time >= from,
            Self::Between(from, until) => from <= time && time < until,
            Self::Nth(nth) => number == nth,
        }
    }
}
