//! What of a disk would be in question if the power went now, for people.

use std::fmt;

use super::inode::Node;
use super::tree::Disk;

/// What was written to a file and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// How many writes, in the order of the program; changes of the length alone are none.
    pub(super) writes: usize,
    /// How many bytes they wrote.
    pub(super) bytes: usize,
    /// How many sectors they touched.
    pub(super) sectors: usize,
}

/// What of a disk is not synced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unsynced {
    /// Files, by the path that they were made or last named with.
    pub(crate) files: Vec<(String, Pending)>,
    /// Changes of directories, such as `/data/log made`.
    pub(crate) names: Vec<String>,
}

impl Disk {
    /// What is not synced now, files in the order in which they were made, names in that of their
    /// changes.
    pub(crate) fn unsynced(&self) -> Unsynced {
        let pending = self.inodes.values().filter_map(|inode| match &inode.node {
            Node::File(content) => Some((inode.path.clone(), content.pending()?)),
            _ => None,
        });
        Unsynced {
            files: pending.collect(),
            names: self.unsynced.iter().map(|op| op.what.clone()).collect(),
        }
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            writes,
            bytes,
            sectors,
        } = *self;
        let plural = |count| if count == 1 { "" } else { "s" };
        if writes == 0 {
            return f.write_str("its length");
        }
        write!(
            f,
            "{writes} write{}, {bytes} B in {sectors} sector{}",
            plural(writes),
            plural(sectors)
        )
    }
}
