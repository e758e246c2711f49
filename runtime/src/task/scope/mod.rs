//! Futures that run beside each other in one task, and may borrow from it.
//!
//! Owns that none of them outlives its scope. Knows nothing of tasks: a scope is one future, and what
//! is spawned into it is polled with it.

mod handle;
mod run;
mod shared;

pub use self::handle::Scoped;
pub use self::run::{
    InScope, InTryScope, LocalScope, Scope, scope, scope_local, try_scope, try_scope_local,
};
