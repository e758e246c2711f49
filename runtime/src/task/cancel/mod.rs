//! Asking a task to end, so that it can clean up first.
//!
//! Owns the request and who answers it. Knows nothing of how a task is polled or dropped.
//!
//! ```text
//! JoinHandle::cancel --> Cancellation::request --> the innermost scopes that nothing shields
//!                             | none, and the task never had one
//!                             v
//!                        the task is dropped after its next poll
//! ```

mod cancelled;
mod catch;
mod domain;
mod scope;
mod shield;
mod state;
mod timeout;
mod watch;

pub use self::cancelled::Cancelled;
pub use self::catch::{CatchCancel, catch_cancel};
pub use self::shield::{Shield, shield};
pub use self::timeout::{Stopped, TimeoutCancel, timeout_cancel};
pub use self::watch::{CancelRequested, cancelled, is_cancelled, uncancel};

pub(super) use self::domain::Domain;
pub(super) use self::scope::Scope;
pub(super) use self::state::Role;
pub(crate) use self::state::{Cancellation, Reason};
pub(super) use self::timeout::pass_on;
