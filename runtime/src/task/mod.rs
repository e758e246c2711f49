//! Tasks: futures that a runtime polls on its own.
//!
//! Owns the task cell, its handles, and the way tasks are spawned. Knows nothing of the order in
//! which a world runs them.

mod blocking;
pub(crate) mod cell;
mod error;
mod id;
pub(crate) mod inbox;
mod join;
mod preemption_point;
mod spawn;
mod trace;
mod yield_now;

pub use self::blocking::{block_in_place, spawn_blocking};
pub use self::error::JoinError;
pub use self::id::{Id, id, try_id};
pub use self::join::{AbortHandle, JoinHandle};
pub use self::preemption_point::{PreemptionPoint, preemption_point};
pub use self::spawn::{spawn, spawn_local};
pub use self::yield_now::{YieldNow, yield_now};

pub(crate) use self::blocking::spawn_blocking_in;
#[doc(hidden)]
pub use self::spawn::{spawn_in, spawn_local_in};
