//! Being told what a runtime does.
//!
//! Owns the hooks, who is told by them, and what is known of a task there. Knows nothing of any
//! world: a world keeps a [`Watch`] and says where its thread waits.

mod closures;
mod hooks;
mod spans;
mod watch;

pub use self::hooks::{Instrument, TaskEnd, TaskMeta};
pub use self::spans::Spans;
pub use self::watch::{Watch, WatchedRun};

pub(crate) use self::closures::Closures;
pub(crate) use self::watch::{ended, scheduled, spawned, stepped, will_step};
