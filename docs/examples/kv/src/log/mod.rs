//! The log: what makes the data outlive the process and the machine's power.
//!
//! Owns its files, and when a commit is safe. Knows nothing of requests and connections.

mod files;
mod record;
mod state;
mod writer;

pub(crate) use self::state::{Figures, Log, Position};
pub(crate) use self::writer::{Keeping, Writer};
