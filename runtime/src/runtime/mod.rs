//! Starting a runtime and reaching it.

mod handle;

pub use self::handle::{Handle, TryCurrentError};
pub use crate::context::EnterGuard;
