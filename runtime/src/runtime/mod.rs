//! Starting a runtime and reaching it.
//!
//! Owns the public types that stand for a whole runtime. Only the builder knows which world runs
//! below them.

mod builder;
mod handle;
mod id;
mod metrics;
#[expect(
    clippy::module_inception,
    reason = "a room is named after its main type"
)]
mod runtime;

pub use self::builder::Builder;
pub use self::handle::{Handle, TryCurrentError};
pub use self::id::{Id, RuntimeFlavor};
pub use self::metrics::RuntimeMetrics;
pub use self::runtime::Runtime;
pub use crate::context::EnterGuard;
pub use crate::instrument::{Instrument, SlowPoll, Spans, TaskEnd, TaskMeta, TaskTimes};

/// What every task of a runtime waits for, with its stack of awaits: what
/// [`Handle::dump`] gives.
pub mod dump {
    pub use crate::dump::{Dump, Leaf, Task, Tasks, Trace};
}
