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
    /// That a new directory has a name.
    Made(Ino),
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
        let removed = self.removes_dir.map(Key::Dir);
        self.shared_keys().chain(removed).chain(self.moves_into())
    }

    /// What it changes.
    fn changed(&self) -> impl Iterator<Item = Key<'_>> {
        let dirs = self.changes.iter().map(|change| Key::Dir(change.dir));
        let made = self.makes().map(|(made, _)| Key::Made(made));
        self.shared_keys().chain(dirs).chain(made)
    }

    /// The directories to which it moves something: if they were made and are not on the disk, it
    /// would be gone from there and from where it was.
    fn moves_into(&self) -> impl Iterator<Item = Key<'_>> {
        let moves = self.changes.iter().filter(|_| self.changes.len() > 1);
        let into = moves.filter(|change| change.to.is_some());
        into.map(|change| Key::Made(change.dir))
    }

    /// What it moves.
    fn moved(&self) -> impl Iterator<Item = Ino> {
        let moves = self.changes.iter().filter(|_| self.changes.len() > 1);
        moves.filter_map(|change| change.to)
    }

    /// What it gives its first name, and in which directory.
    fn makes(&self) -> impl Iterator<Item = (Ino, Ino)> {
        let made = self.changes.iter().filter(|_| self.changes.len() == 1);
        made.filter_map(|change| Some((change.to?, change.dir)))
    }
}

/// What is needed of the changes before one that is looked at, from the last to the first.
#[derive(Debug, Default)]
struct Needed<'a>(BTreeSet<Key<'a>>);

impl<'a> Needed<'a> {
    fn is_met_by(&self, op: &EntryOp) -> bool {
        op.changed().any(|key| self.0.contains(&key))
    }

    /// Takes in what `op` builds on.
    fn add(&mut self, op: &'a EntryOp) {
        self.0.extend(op.needs());
        self.add_parents(op);
    }

    /// A directory that is needed is needed within one that has a name itself.
    fn add_parents(&mut self, op: &'a EntryOp) {
        for (made, dir) in op.makes() {
            if self.0.contains(&Key::Made(made)) {
                self.0.insert(Key::Made(dir));
            }
        }
    }
}

/// Which of `ops` must be on the disk when the entries of `dir` are: whether each one is.
pub(super) fn needed_by(dir: Ino, ops: &[EntryOp]) -> Vec<bool> {
    let mut needed = Needed(BTreeSet::from([Key::Dir(dir)]));
    backwards(ops, |op| {
        let is_needed = needed.is_met_by(op);
        if is_needed {
            needed.add(op);
        }
        is_needed
    })
}

/// Which of `ops` stay when a sync of `dir` fails: those that it does not need, those that move or
/// remove a directory, and what these build on.
pub(super) fn left_by_failed_sync(dir: Ino, ops: &[EntryOp]) -> Vec<bool> {
    let asked = needed_by(dir, ops);
    let mut asked = asked.into_iter().rev();
    let mut needed = Needed::default();
    backwards(ops, |op| {
        let is_asked = asked.next() == Some(true);
        let is_tree = op.moves_dir || op.removes_dir.is_some();
        if is_tree || needed.is_met_by(op) {
            needed.add(op);
            return true;
        }
        if !is_asked {
            // It may be on the disk later, when what it moves has to be somewhere.
            needed.0.extend(op.moves_into());
        }
        !is_asked
    })
}

/// Asks `is` of each of `ops`, the last one first, and returns the answers in their own order.
fn backwards<'a>(ops: &'a [EntryOp], is: impl FnMut(&'a EntryOp) -> bool) -> Vec<bool> {
    let mut answers: Vec<_> = ops.iter().rev().map(is).collect();
    answers.reverse();
    answers
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
        for (made, dir) in op.makes() {
            // What was made within a directory that is lost is nowhere either.
            if keys.contains(&Key::Made(dir)) {
                keys.insert(Key::Made(made));
            }
        }
        for to in op.moved() {
            // It has come to a place that is there.
            if !gone {
                keys.remove(&Key::Made(to));
            }
        }
        lost.push(gone);
    }
    lost
}
