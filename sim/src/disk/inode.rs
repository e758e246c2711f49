//! What names stand for: files, directories, symbolic links.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::content::Content;

/// An inode's number. Never used twice on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ino(pub(crate) u64);

impl Ino {
    /// The root directory, as on ext4.
    pub(crate) const ROOT: Self = Self(2);
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) struct Inode {
    pub(crate) node: Node,
    /// The permission bits.
    pub(crate) mode: u32,
    /// Those that outlive the power.
    pub(crate) durable_mode: u32,
    /// How many names stand for it, a directory's own `.` and `..` apart.
    pub(crate) names: u64,
    /// How many open files, current and durable directories and changes on their way hold it.
    pub(super) holds: u64,
    /// What people call it: the path it was made or last named with.
    pub(crate) path: String,
    pub(crate) accessed_ns: i64,
    pub(crate) modified_ns: i64,
    pub(crate) changed_ns: i64,
    pub(crate) created_ns: i64,
}

/// The kinds of things.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    File(Content),
    Dir(Dir),
    Symlink(OsString),
    /// The name of a socket that is bound elsewhere.
    Socket,
}

/// A directory.
#[derive(Clone, Debug)]
pub(crate) struct Dir {
    pub(crate) parent: Ino,
    pub(crate) entries: BTreeMap<OsString, Ino>,
    /// The entries that outlive the power.
    pub(super) durable: BTreeMap<OsString, Ino>,
}

impl Inode {
    pub(crate) fn new(node: Node, mode: u32, path: String, now_ns: i64) -> Self {
        Self {
            node,
            mode,
            durable_mode: mode,
            names: 0,
            holds: 0,
            path,
            accessed_ns: now_ns,
            modified_ns: now_ns,
            changed_ns: now_ns,
            created_ns: now_ns,
        }
    }

    pub(crate) fn dir(&self) -> Option<&Dir> {
        match &self.node {
            Node::Dir(dir) => Some(dir),
            _ => None,
        }
    }

    pub(crate) fn dir_mut(&mut self) -> Option<&mut Dir> {
        match &mut self.node {
            Node::Dir(dir) => Some(dir),
            _ => None,
        }
    }

    pub(crate) fn content(&self) -> Option<&Content> {
        match &self.node {
            Node::File(content) => Some(content),
            _ => None,
        }
    }

    pub(crate) fn content_mut(&mut self) -> Option<&mut Content> {
        match &mut self.node {
            Node::File(content) => Some(content),
            _ => None,
        }
    }

    pub(crate) fn is_dir(&self) -> bool {
        matches!(self.node, Node::Dir(_))
    }
}

impl Dir {
    pub(crate) fn new(parent: Ino) -> Self {
        Self {
            parent,
            entries: BTreeMap::new(),
            durable: BTreeMap::new(),
        }
    }
}
