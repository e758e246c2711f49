//! Tasks that end before whoever started them goes on.
//!
//! Owns that no task of a group outlives it, and what came of them. Knows nothing of how a task is
//! asked to end.

mod child;
mod error;
mod run;
mod shared;
mod spawn;

pub use self::child::{ChildError, ChildHandle, Started, Starting};
pub use self::error::{Failed, Failure, GroupError};
pub use self::spawn::TaskGroup;
