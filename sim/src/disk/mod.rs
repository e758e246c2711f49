//! A disk with a file system on it: what a process sees, and what outlives the power.
//!
//! Owns files, directories and links, the part of them that was synced, and what a loss of power
//! may leave. Knows nothing of nodes, time, handles or chance: who loses power decides each
//! question that is open then.
//!
//! POSIX is taken at its word: nothing is promised of what was not synced, and syncing a file
//! does not sync its name. `docs/decisions/0012-disk.md` has the sources.

mod bytes;
mod content;
mod entries;
mod errno;
mod inode;
mod kernel;
mod lookup;
mod loss;
mod outside;
mod tree;
mod unsynced;

pub(crate) use self::errno::{os, too_many_open};
pub(crate) use self::inode::Ino;
pub(crate) use self::kernel::Description;
pub(crate) use self::loss::{Loss, Question};
pub(crate) use self::tree::Disk;
pub(crate) use self::unsynced::Unsynced;

#[cfg(test)]
mod tests;
