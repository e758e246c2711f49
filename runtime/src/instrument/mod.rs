//! Being told what a runtime does.
//!
//! Owns the hooks, who is told by them, and what is known of a task there. Knows nothing of any
//! world: a world keeps a [`Watch`] and says where its thread waits.

mod busy;
mod closures;
mod hooks;
mod said;
mod slow;
mod spans;
mod standing;
mod times;
mod watch;

pub use self::hooks::{Instrument, TaskEnd, TaskMeta};
pub use self::slow::SlowPoll;
pub use self::spans::Spans;
pub use self::times::TaskTimes;
pub use self::watch::{Watch, WatchedRun};

pub(crate) use self::busy::Busy;
pub(crate) use self::closures::Closures;
pub(crate) use self::slow::SlowHook;
pub(crate) use self::times::Times;
pub(crate) use self::watch::Debug;
pub(crate) use self::watch::{ended, scheduled, spawned, stepped, will_step};
