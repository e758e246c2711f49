//! Changes of directories that were not synced.
//!
//! Owns which changes depend on which: a change cannot be on the disk without those before it
//! that it builds on.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::inode::Ino;

/// One change of one or two directories, which is on the disk as a whole or not at all.
#[derive(Clone, Debug)]
pub(crate) struct EntryOp {
    pub(super) changes: Vec<Change>,
    /// A directory gets another parent: such changes depend on each other, or a part of the tree
    /// could come to hang below itself.
    pub(super) moves_dir: bool,
    /// The directory that has no name any more: what left it before has to be elsewhere, or it
    /// would be gone with it.
    pub(super) removes_dir: Option<Ino>,
    /// What people call it.
    pub(crate) what: String,
}

/// A name stands for something else from now on.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) dir: Ino,
    pub(super) name: OsString,
    pub(super) to: Option<Ino>,
}

/// What changes depend on each other by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Name(Ino, &'a OsString),
    Tree,
    /// All that a directory holds.
    Dir(Ino),
}

impl EntryOp {
    fn shared_keys(&self) -> impl Iterator<Item = Key<'_>> {
        let names = self
            .changes
            .iter()
            .map(|change| Key::Name(change.dir, &change.name));
        names.chain(self.moves_dir.then_some(Key::Tree))
    }

    /// What it builds on: it needs those before it that change any of this.
    fn needs(&self) -> impl Iterator<Item = Key<'_>> {
        self.shared_keys().chain(self.removes_dir.map(Key::Dir))
    }

    /// What it changes.
    fn changed(&self) -> impl Iterator<Item = Key<'_>> {
        let dirs = self.changes.iter().map(|change| Key::Dir(change.dir));
        self.shared_keys().chain(dirs)
    }
}

/// Which of `ops` must be on the disk when the entries of `dir` are: whether each one is.
pub(super) fn needed_by(dir: Ino, ops: &[EntryOp]) -> Vec<bool> {
    let mut needed = vec![false; ops.len()];
    let mut keys = BTreeSet::from([Key::Dir(dir)]);
    for (index, op) in ops.iter().enumerate().rev() {
        if op.changed().any(|key| keys.contains(&key)) {
            needed[index] = true;
            keys.extend(op.needs());
        }
    }
    needed
}

/// Which of `ops` are lost, if `is_lost` says so of each on its own.
pub(super) fn lost_with(ops: &[EntryOp], mut is_lost: impl FnMut(&EntryOp) -> bool) -> Vec<bool> {
    let mut keys = BTreeSet::new();
    let mut lost = Vec::with_capacity(ops.len());
    for op in ops {
        // What builds on something lost is not asked about.
        let gone = op.needs().any(|key| keys.contains(&key)) || is_lost(op);
        if gone {
            keys.extend(op.changed());
        }
        lost.push(gone);
    }
    lost
}
