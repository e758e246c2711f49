//! Small programs with one bug each, of which it is known how little it takes to show it.
//!
//! Owns the programs, the edits that do not touch their bug, and whether stored failures outlive
//! them. Knows nothing of what else is measured with them.

mod draws;
mod edit;
mod environment;
mod kernel;
mod order;
mod spawn;
mod stored;

pub(crate) use self::spawn::{spawn, spawn_local};

pub use self::edit::Edit;
pub use self::kernel::{Body, KERNELS, Kernel};
pub use self::stored::{Failed, Program, failures, print_edits};
