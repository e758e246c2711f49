//! The clock of the real world, which can be stopped.
//!
//! Owns what time it is once somebody has stopped it. Until then it is the system's clock, and
//! costs no more than that and one look.

use std::time::Duration;

use crate::shim::{AtomicBool, Mutex, Ordering, lock};
use crate::time::Instant;

/// The system's clock, or one of the runtime's own.
pub(super) struct StopClock {
    /// Whether it was ever stopped.
    is_own: AtomicBool,
    state: Mutex<State>,
}

struct State {
    /// What it showed when it was last started or stopped.
    shown: Instant,
    /// When it was started, by the system's clock. It stands without.
    started: Option<Instant>,
}

impl StopClock {
    pub(super) fn new() -> Self {
        Self {
            is_own: AtomicBool::new(false),
            state: Mutex::new(State {
                shown: Instant::from_nanos(0),
                started: None,
            }),
        }
    }

    pub(super) fn now(&self) -> Instant {
        if self.is_own.load(Ordering::Acquire) {
            lock(&self.state).now()
        } else {
            Instant::now_real()
        }
    }

    /// Stops it. False if it stands.
    pub(super) fn stop(&self) -> bool {
        let mut state = lock(&self.state);
        if !self.is_own.load(Ordering::Acquire) {
            state.shown = Instant::now_real();
            state.started = None;
            self.is_own.store(true, Ordering::Release);
            return true;
        }
        if state.started.is_none() {
            return false;
        }
        state.shown = state.now();
        state.started = None;
        true
    }

    /// Has it go on from where it stands. False if it runs.
    pub(super) fn start(&self) -> bool {
        let mut state = lock(&self.state);
        let stands = self.is_own.load(Ordering::Acquire) && state.started.is_none();
        if stands {
            state.started = Some(Instant::now_real());
        }
        stands
    }

    pub(super) fn stands(&self) -> bool {
        self.is_own.load(Ordering::Acquire) && lock(&self.state).started.is_none()
    }

    /// Moves it forward where it stands. False if it runs.
    pub(super) fn advance(&self, by: Duration) -> bool {
        self.change(|shown| shown + by)
    }

    /// Moves it to `moment` where it stands and has not come there.
    pub(super) fn reach(&self, moment: Instant) {
        self.change(|shown| shown.max(moment));
    }

    /// Changes what it shows where it stands. False if it runs.
    fn change(&self, later: impl FnOnce(Instant) -> Instant) -> bool {
        if !self.is_own.load(Ordering::Acquire) {
            return false;
        }
        let mut state = lock(&self.state);
        let stands = state.started.is_none();
        if stands {
            state.shown = later(state.shown);
        }
        stands
    }
}

impl State {
    fn now(&self) -> Instant {
        let passed = self.started.map_or(Duration::ZERO, |started| {
            Instant::now_real().saturating_duration_since(started)
        });
        self.shown + passed
    }
}
