//! How a runtime is configured.

use std::io;

use super::Runtime;
use crate::backend::real::Real;

/// Configures a [`Runtime`] before it starts.
///
/// # Examples
/// ```
/// let rt = simoom::runtime::Builder::new_current_thread()
///     .enable_all()
///     .build()
///     .unwrap();
/// assert_eq!(rt.block_on(async { 2 + 2 }), 4);
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    event_interval: u32,
}

/// Few enough that sockets are served while tasks are busy, many enough that asking for events is
/// a small part of the work.
const EVENT_INTERVAL: u32 = 61;

impl Builder {
    /// A runtime that runs its tasks on the one thread that is inside
    /// [`block_on`](Runtime::block_on).
    #[must_use]
    pub fn new_current_thread() -> Self {
        Self {
            event_interval: EVENT_INTERVAL,
        }
    }

    /// Changes nothing: sockets and timers are always enabled.
    pub fn enable_all(&mut self) -> &mut Self {
        self
    }

    /// Changes nothing: sockets are always enabled.
    pub fn enable_io(&mut self) -> &mut Self {
        self
    }

    /// Changes nothing: timers are always enabled.
    pub fn enable_time(&mut self) -> &mut Self {
        self
    }

    /// After how many polls of tasks the runtime looks for events even if tasks are waiting to
    /// run. 61 by default.
    ///
    /// # Panics
    /// If `polls` is 0.
    #[track_caller]
    pub fn event_interval(&mut self, polls: u32) -> &mut Self {
        assert!(polls > 0, "the event interval must be greater than 0");
        self.event_interval = polls;
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// When the operating system has no descriptors left.
    pub fn build(&mut self) -> io::Result<Runtime> {
        Ok(Runtime::new_in(Box::new(Real::new(self.event_interval)?)))
    }
}
