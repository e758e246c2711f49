//! Signals of the operating system.
//!
//! Owns what a program sees of them: that some came. Knows nothing of handlers, pipes or processes.
//!
//! [`ctrl_c`] is the request to stop that a terminal sends; [`unix`] listens for any signal.

mod ctrl_c;
mod listen;
pub mod unix;

pub use self::ctrl_c::{CtrlC, ctrl_c};
