//! Clocks, deadlines and waiting for them.

mod instant;
pub(crate) mod queue;

pub use self::instant::Instant;
pub use std::time::Duration;
