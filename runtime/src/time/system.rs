//! What the wall clock shows.

use std::time::SystemTime;

use crate::context;

/// What the wall clock of the world shows that this thread runs in; of the real one outside any.
///
/// The wall clock is what people and other machines go by, and somebody may set it at any moment:
/// it jumps, also back. Measure lengths of time with [`Instant`](super::Instant).
///
/// In production this is `SystemTime::now()`.
///
/// # Under simulation
/// The wall clock of the simulated node, whose test may set it, and have it run fast or slow. Every
/// run starts at the same moment of it.
///
/// # Examples
/// ```
/// use simoom::time::{SystemTime, system_time};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let today = system_time().duration_since(SystemTime::UNIX_EPOCH).unwrap();
/// assert!(today.as_secs() > 1_700_000_000);
/// # });
/// ```
#[must_use]
pub fn system_time() -> SystemTime {
    context::with_current(|backend| backend.map(crate::backend::Clock::system_time))
        .unwrap_or_else(SystemTime::now)
}
