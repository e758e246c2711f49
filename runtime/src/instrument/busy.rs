//! How long a thread did something.
//!
//! Owns the sum. Knows nothing of what the thread did.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The time between each [`begin`](Self::begin) and the next [`end`](Self::end).
#[derive(Debug, Default)]
pub(crate) struct Busy {
    total: Cell<Duration>,
    since: Cell<Option<Instant>>,
}

impl Busy {
    pub(crate) fn begin(&self) {
        self.since.set(Some(Instant::now()));
    }

    pub(crate) fn end(&self) {
        self.total.set(self.total());
        self.since.set(None);
    }

    /// So far.
    pub(crate) fn total(&self) -> Duration {
        self.total.get()
            + self
                .since
                .get()
                .map_or(Duration::ZERO, |since| since.elapsed())
    }
}
