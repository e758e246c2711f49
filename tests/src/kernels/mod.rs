//! Small programs with one bug each, of which it is known how little it takes to show it.
//!
//! Owns the programs and the edits that do not touch their bug. Knows nothing of what is measured
//! with them.

mod edit;
mod environment;
mod kernel;
mod order;

pub use self::edit::Edit;
pub use self::kernel::{KERNELS, Kernel};
