//! Files of the operating system, for every world that has threads that may block.
//!
//! Owns the order of the operations on one file, and what each operation is in words of the
//! standard library. Knows nothing of any particular world.

mod file;
mod lane;
mod paths;
mod standard;
mod stat;

pub(crate) use self::file::{SystemFile, no_runtime};
pub(crate) use self::paths::submit;
pub(crate) use self::standard::StandardFile;
