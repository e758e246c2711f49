//! Commands: what a request asks for.
//!
//! Owns the names, arguments and mistakes of commands. Knows nothing of sockets, and neither
//! stores nor answers anything.

mod error;
mod kinds;

mod parse;
mod table;

pub use self::error::CommandError;
pub use self::kinds::{
    Answer, ClientCommand, Command, Condition, DescribeCommand, Lifetime, SessionCommand,
    SetOptions, StoreCommand, TtlUnit,
};
pub(crate) use self::table::position;
pub use self::table::{Effect, Spec, commands, find};

#[cfg(test)]
mod tests;
