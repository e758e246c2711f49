//! The log: what makes the data outlive the process and the machine's power.
//!
//! Owns the files, when a commit is safe, and which past its commits have. Knows nothing of requests
//! and connections.

mod files;
mod record;

mod history;

mod backlog;
mod following;
mod hold;
mod state;

mod writer;

pub(crate) use self::files::Folder;
pub(crate) use self::following::{do_changes, snapshot};
pub(crate) use self::history::{History, HistoryId, Offset};
pub(crate) use self::hold::Hold;
#[cfg(feature = "fuzzing")]
pub(crate) use self::record::read_log;
pub(crate) use self::record::{HEADER_BYTES, MAGIC, append, record_of};
pub(crate) use self::state::{Figures, Log, Position, Replacement};
pub(crate) use self::writer::{Keeping, Writer};
