//! Clocks, deadlines and waiting for them.

pub mod delay_queue;
pub mod error;
mod instant;
mod interval;
mod pause;
pub(crate) mod queue;
mod sleep;
mod system;
mod timeout;
pub(crate) mod timer;

pub use self::delay_queue::DelayQueue;
pub use self::instant::Instant;
pub use self::interval::{Interval, MissedTickBehavior, Tick, interval, interval_at};
pub use self::pause::{advance, pause, resume};
pub use self::sleep::{Sleep, sleep, sleep_until};
pub use self::system::system_time;
pub use self::timeout::{Timeout, timeout, timeout_at};
pub use std::time::{Duration, SystemTime};
