//! What of a disk would be in question if the power went now, for people.

use std::fmt;

use super::content::Content;
use super::tree::Disk;

/// What of a file, or of anything else that has a name, is not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Of its content.
    written: Option<Written>,
    /// Whether its permissions changed.
    permissions: bool,
}

/// What was written to a file and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// How many writes, in the order of the program; changes of the length alone are none.
    pub(super) writes: usize,
    /// How many bytes they wrote.
    pub(super) bytes: usize,
    /// How many sectors they wrote to.
    pub(super) sectors: usize,
}

/// What of a disk is not synced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unsynced {
    /// Files and other things, by the path that they were made or last named with.
    pub(crate) files: Vec<(String, Pending)>,
    /// Changes of directories, such as `/data/log made`.
    pub(crate) names: Vec<String>,
}

impl Disk {
    /// What is not synced now, things in the order in which they were made, names in that of their
    /// changes.
    pub(crate) fn unsynced(&self) -> Unsynced {
        let pending = self.inodes.values().filter_map(|inode| {
            let written = inode.content().and_then(Content::pending);
            let permissions = inode.mode != inode.durable_mode;
            let pending = Pending {
                written,
                permissions,
            };
            (written.is_some() || permissions).then(|| (inode.path.clone(), pending))
        });
        Unsynced {
            files: pending.collect(),
            names: self.unsynced.iter().map(|op| op.what.clone()).collect(),
        }
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.written, self.permissions) {
            (Some(written), false) => written.fmt(f),
            (Some(written), true) => write!(f, "{written}, its permissions"),
            (None, _) => f.write_str("its permissions"),
        }
    }
}

impl fmt::Display for Written {
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
