//! Where a server is in its life.

use std::sync::atomic::{AtomicU8, Ordering};

/// Where a server is in its life. It only goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It reads what was kept; clients wait.
    Loading,
    Serving,
    /// It was asked to stop, and finishes.
    Stopping,
    /// Its log can no longer be written, so it ends.
    Broken,
}

impl Phase {
    pub(crate) const ALL: [Self; 4] = [Self::Loading, Self::Serving, Self::Stopping, Self::Broken];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Serving => "serving",
            Self::Stopping => "stopping",
            Self::Broken => "broken",
        }
    }
}

/// The phase of a server, for everyone to see.
#[derive(Debug, Default)]
pub(crate) struct Current(AtomicU8);

impl Current {
    pub(crate) fn enter(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.0.load(Ordering::Relaxed))]
    }
}
