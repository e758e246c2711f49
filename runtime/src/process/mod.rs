//! Child processes: programs that are started, fed, read, signalled and waited for.
//!
//! Owns what a user does with them. Knows nothing of how a world starts a program or hears of its end.
//!
//! [`Command`] says what to start and how; [`Child`] is what was started. Names and meanings are
//! those of `tokio::process`. Beyond it there are [`Child::signal`] and [`Child::terminate`].
//!
//! # Under simulation
//! Programs are functions that the test registers, and children are tasks on the node of their
//! parent, with pipes, signals and an end of their own. Nothing of the real system is started.

mod child;
mod command;
mod raw;
mod stdio;

pub use self::child::{Child, Wait};
pub use self::command::Command;
pub use self::stdio::{ChildStderr, ChildStdin, ChildStdout};
