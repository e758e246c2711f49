//! Tasks: futures that a runtime polls on its own.
//!
//! Owns the task cell, its handles, and the way tasks are spawned. Knows nothing of the order in
//! which a world runs them.

mod blocking;
mod builder;
pub(crate) mod cancel;
pub(crate) mod cell;
mod closing;
pub mod coop;
mod current;
mod end_all;
mod error;
pub(crate) mod gather;
mod group;
mod id;
pub(crate) mod inbox;
mod info;
mod join;
mod local;
mod local_set;
mod preemption_point;
mod scope;
mod set;
mod spawn;
mod trace;
mod unobserved;
mod yield_now;

pub use self::blocking::{block_in_place, spawn_blocking};
pub use self::builder::Builder;
pub use self::cancel::{Cancelled, cancelled, catch_cancel, is_cancelled, shield, uncancel};
pub use self::closing::{ClosingError, closing};
pub use self::coop::{consume_budget, unconstrained};
pub use self::current::{current, try_current};
pub use self::end_all::{Shutdown, end_all};
pub use self::error::JoinError;
pub use self::group::{
    ChildError, ChildHandle, Failed, Failure, GroupError, Started, Starting, TaskGroup,
};
pub use self::id::{Id, id, try_id};
pub use self::info::{TaskInfo, TaskState, WaitsFor, all};
pub use self::join::{AbortHandle, JoinHandle};
pub use self::local::{AccessError, LocalKey};
pub use self::local_set::{LocalEnterGuard, LocalSet};
pub use self::preemption_point::{PreemptionPoint, preemption_point};
pub use self::scope::{LocalScope, Scope, Scoped, scope, scope_local, try_scope, try_scope_local};
pub use self::set::JoinSet;
pub use self::spawn::{spawn, spawn_local};
pub use self::unobserved::Unobserved;
pub use self::yield_now::{YieldNow, yield_now};

pub(crate) use self::blocking::spawn_blocking_in;
pub(crate) use self::unobserved::Hook;
/// The futures that task-local values and cancellation return.
pub mod futures {
    pub use super::cancel::{CancelRequested, CatchCancel, Shield};
    pub use super::local::TaskLocalFuture;
    pub use super::local_set::RunUntil;
    pub use super::scope::{InScope, InTryScope};
    pub use super::set::{JoinNext, JoinNextWithId};
}

/// What is said of a task before it is spawned into a [`JoinSet`].
pub mod join_set {
    pub use super::set::JoinSet;
    pub use super::set::SetBuilder as Builder;
}

#[doc(hidden)]
pub use self::end_all::end_all_at;
#[doc(hidden)]
pub use self::spawn::{Origin, spawn_in, spawn_local_in};
