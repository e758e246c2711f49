//! Small programs with bugs that real software had, each beside its fixed twin.
//!
//! Owns the programs, where each bug comes from, and the list of all. Knows nothing of what is
//! measured with them.

mod bug;
mod list;

mod parts;

mod cancellation;
mod channels;
mod limits;
mod locks;
mod subscriptions;
mod timers;
mod transactions;
mod unpolled;
mod wakeups;
mod windows;

pub use self::bug::{Bug, Family, Program, Twin};
pub use self::list::bugs;
