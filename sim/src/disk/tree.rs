//! The tree of names.
//!
//! Owns the inodes, who holds them, and the changes of directories that were not synced.
//!
//! # Invariants
//! 1. An inode is in the table as long as `holds` is above 0: a current or durable entry, an
//!    unsynced change or an open file needs it.
//! 2. Applying `unsynced` to the durable entries gives the current ones, unless a sync has failed.
//! 3. Every directory that a name stands for is reached from the root, by one path.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::bytes::PAGE;
use super::entries::{Change, EntryOp, left_by_failed_sync, lost_with, needed_by};
use super::inode::{Dir, Ino, Inode, Node};
use super::loss::{Loss, Of, Question};
use crate::disk::loss::Decide;

/// A disk with a file system on it.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(super) inodes: BTreeMap<Ino, Inode>,
    next: u64,
    pub(super) unsynced: Vec<EntryOp>,
    /// How many pages files take, and may take.
    pub(super) pages: u64,
    pub(crate) pages_max: Option<u64>,
}

/// So many changes of directories may wait before the system writes the older half by itself.
const UNSYNCED_MAX: usize = 8192;

impl Disk {
    /// An empty disk: a root with the directories `/run` and `/tmp`.
    pub(crate) fn new(now_ns: i64) -> Self {
        let mut root = Inode::new(
            Node::Dir(Dir::new(Ino::ROOT)),
            0o755,
            "/".to_owned(),
            now_ns,
        );
        root.holds = 1;
        root.names = 1;
        let mut disk = Self {
            inodes: BTreeMap::from([(Ino::ROOT, root)]),
            // The first that ext4 gives to users.
            next: 11,
            unsynced: Vec::new(),
            pages: 0,
            pages_max: None,
        };
        for (name, mode) in [("tmp", 0o1777), ("run", 0o755)] {
            let path = format!("/{name}");
            let dir = Inode::new(Node::Dir(Dir::new(Ino::ROOT)), mode, path.clone(), now_ns);
            let dir = disk.add(dir);
            disk.link(Ino::ROOT, name.into(), dir, path);
        }
        disk.sync_dir(Ino::ROOT);
        disk
    }

    /// Sets how many bytes files may take.
    pub(crate) fn set_capacity(&mut self, bytes: Option<u64>) {
        self.pages_max = bytes.map(|bytes| bytes / PAGE);
    }

    /// How many more pages files may take.
    pub(super) fn pages_left(&self) -> u64 {
        self.pages_max
            .map_or(u64::MAX, |most| most.saturating_sub(self.pages))
    }

    pub(crate) fn inode(&self, ino: Ino) -> &Inode {
        &self.inodes[&ino]
    }

    pub(crate) fn inode_mut(&mut self, ino: Ino) -> &mut Inode {
        self.inodes
            .get_mut(&ino)
            .expect("an inode that is held is in the table")
    }

    /// What `name` stands for in the directory `dir`.
    pub(super) fn entry(&self, dir: Ino, name: &OsStr) -> Option<Ino> {
        self.inode(dir).dir()?.entries.get(name).copied()
    }

    /// Takes in an inode that nothing holds yet.
    pub(super) fn add(&mut self, inode: Inode) -> Ino {
        let ino = Ino(self.next);
        self.next += 1;
        self.inodes.insert(ino, inode);
        ino
    }

    /// Keeps an inode.
    pub(crate) fn hold(&mut self, ino: Ino) {
        self.inode_mut(ino).holds += 1;
    }

    /// Lets an inode go, which is gone when nobody else keeps it.
    pub(crate) fn release(&mut self, ino: Ino) {
        let mut gone = vec![ino];
        while let Some(ino) = gone.pop() {
            let inode = self.inode_mut(ino);
            inode.holds -= 1;
            if inode.holds > 0 {
                continue;
            }
            let inode = self.inodes.remove(&ino);
            match inode.map(|inode| inode.node) {
                Some(Node::File(content)) => self.pages -= content.bytes().pages(),
                Some(Node::Dir(dir)) => {
                    gone.extend(dir.entries.into_values());
                    gone.extend(dir.durable.into_values());
                }
                _ => {}
            }
        }
    }

    /// Gives the inode `ino` the name `name`.
    pub(super) fn link(&mut self, dir: Ino, name: OsString, ino: Ino, what: String) {
        let to = Some(ino);
        self.change(vec![Change { dir, name, to }], false, what);
    }

    /// Takes a name away.
    pub(super) fn unlink(&mut self, dir: Ino, name: OsString, what: String) {
        let to = None;
        self.change(vec![Change { dir, name, to }], false, what);
    }

    /// Gives what has the first name the second instead.
    pub(super) fn rename(
        &mut self,
        (from_dir, from): (Ino, OsString),
        (to_dir, to): (Ino, OsString),
        ino: Ino,
        what: String,
    ) {
        let moves_dir = from_dir != to_dir && self.inode(ino).is_dir();
        let changes = vec![
            Change {
                dir: from_dir,
                name: from,
                to: None,
            },
            Change {
                dir: to_dir,
                name: to,
                to: Some(ino),
            },
        ];
        self.change(changes, moves_dir, what);
    }

    /// The directory that `changes` leave without a name.
    fn dir_removed_by(&self, changes: &[Change]) -> Option<Ino> {
        let before = |change: &Change| {
            let dir = self.inode(change.dir).dir()?;
            dir.entries.get(&change.name).copied()
        };
        let is_gone =
            |ino: &Ino| self.inode(*ino).is_dir() && changes.iter().all(|it| it.to != Some(*ino));
        changes.iter().filter_map(before).find(is_gone)
    }

    /// Carries a change out, and keeps it until it is synced.
    fn change(&mut self, changes: Vec<Change>, moves_dir: bool, what: String) {
        let op = EntryOp {
            removes_dir: self.dir_removed_by(&changes),
            changes,
            moves_dir,
            what,
        };
        for change in &op.changes {
            self.hold(change.dir);
            if let Some(to) = change.to {
                self.hold(to);
            }
        }
        for change in &op.changes {
            self.set_entry(change.dir, change.name.clone(), change.to);
        }
        self.unsynced.push(op);
        if self.unsynced.len() > UNSYNCED_MAX {
            let older = self.unsynced.len() / 2;
            let mut is_older = vec![true; older];
            is_older.resize(self.unsynced.len(), false);
            self.make_durable(&is_older);
        }
    }

    fn set_entry(&mut self, dir: Ino, name: OsString, to: Option<Ino>) {
        if let Some(to) = to {
            self.hold(to);
            let inode = self.inode_mut(to);
            inode.names += 1;
            if let Some(moved) = inode.dir_mut() {
                moved.parent = dir;
            }
        }
        let entries = &mut self.inode_mut(dir).dir_mut().expect("a directory").entries;
        let before = match to {
            Some(to) => entries.insert(name, to),
            None => entries.remove(&name),
        };
        if let Some(before) = before {
            self.inode_mut(before).names -= 1;
            self.release(before);
        }
    }

    /// Makes the entries of a directory durable.
    pub(crate) fn sync_dir(&mut self, dir: Ino) {
        let needed = needed_by(dir, &self.unsynced);
        self.make_durable(&needed);
    }

    /// A sync of a directory fails: its changes count as kept, and are not on the disk.
    ///
    /// What moves or removes a directory stays, with what that builds on, for the next sync or the
    /// loss of power to decide.
    pub(crate) fn lose_sync_dir(&mut self, dir: Ino) {
        let left = left_by_failed_sync(dir, &self.unsynced);
        let ops = std::mem::take(&mut self.unsynced);
        for (op, is_left) in ops.into_iter().zip(left) {
            if is_left {
                self.unsynced.push(op);
                continue;
            }
            for Change { dir, to, .. } in op.changes {
                for gone in [to, Some(dir)].into_iter().flatten() {
                    self.release(gone);
                }
            }
        }
    }

    /// Makes everything durable, as if it had always been there.
    pub(crate) fn sync_everything(&mut self) {
        let all = vec![true; self.unsynced.len()];
        self.make_durable(&all);
        for inode in self.inodes.values_mut() {
            inode.durable_mode = inode.mode;
            if let Some(content) = inode.content_mut() {
                content.sync();
            }
        }
    }

    /// Makes the changes for which `chosen` is true durable, in their order.
    fn make_durable(&mut self, chosen: &[bool]) {
        let ops = std::mem::take(&mut self.unsynced);
        for (op, &chosen) in ops.into_iter().zip(chosen) {
            if !chosen {
                self.unsynced.push(op);
                continue;
            }
            for Change { dir, name, to } in op.changes {
                if let Some(to) = to {
                    self.hold(to);
                }
                let durable = &mut self.inode_mut(dir).dir_mut().expect("a directory").durable;
                let before = match to {
                    Some(to) => durable.insert(name, to),
                    None => durable.remove(&name),
                };
                for gone in [before, to, Some(dir)].into_iter().flatten() {
                    self.release(gone);
                }
            }
        }
    }

    /// The machine loses power: what was not synced is there or not, as `loss` says.
    ///
    /// Nothing may be open.
    pub(crate) fn lose_power(&mut self, loss: &mut dyn Loss) {
        let lost = lost_with(&self.unsynced, |op| {
            loss.lost(&op.what, Question::Entry, 1) > 0
        });
        let kept: Vec<_> = lost.iter().map(|lost| !lost).collect();
        self.make_durable(&kept);
        self.inodes = self.survivors();
        self.unsynced.clear();
        self.pages = 0;
        for inode in self.inodes.values_mut() {
            let mut of = Of {
                what: &inode.path,
                loss,
            };
            if inode.mode != inode.durable_mode && of.lost(Question::Mode, 1) > 0 {
                inode.mode = inode.durable_mode;
            }
            inode.durable_mode = inode.mode;
            if let Node::File(content) = &mut inode.node {
                content.lose_power(&mut of);
                self.pages += content.bytes().pages();
            }
        }
    }

    /// What is reached from the root by durable entries, with its holds counted anew.
    fn survivors(&mut self) -> BTreeMap<Ino, Inode> {
        let mut left = BTreeMap::new();
        let mut reached = vec![(Ino::ROOT, Ino::ROOT)];
        let mut counts = BTreeMap::<Ino, u64>::new();
        let mut seen = BTreeSet::new();
        while let Some((ino, parent)) = reached.pop() {
            *counts.entry(ino).or_default() += 1;
            if !seen.insert(ino) {
                continue;
            }
            let Some(mut inode) = self.inodes.remove(&ino) else {
                continue;
            };
            if let Some(dir) = inode.dir_mut() {
                dir.parent = parent;
                dir.entries.clone_from(&dir.durable);
                reached.extend(dir.entries.values().map(|&child| (child, ino)));
            }
            left.insert(ino, inode);
        }
        for (ino, inode) in &mut left {
            let names = counts[ino];
            inode.names = names;
            // One for the current entry, one for the durable one; the root has neither.
            inode.holds = if *ino == Ino::ROOT { 1 } else { names * 2 };
        }
        left
    }

    /// Checks the invariants, when nothing is open.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        let mut holds = BTreeMap::from([(Ino::ROOT, 1)]);
        let mut names = BTreeMap::from([(Ino::ROOT, 1)]);
        for (ino, inode) in &self.inodes {
            let Some(dir) = inode.dir() else { continue };
            for (name, child) in &dir.entries {
                *holds.entry(*child).or_default() += 1;
                *names.entry(*child).or_default() += 1;
                if let Some(below) = self.inode(*child).dir() {
                    assert_eq!(below.parent, *ino, "{} has one parent", name.display());
                }
            }
            for child in dir.durable.values() {
                *holds.entry(*child).or_default() += 1;
            }
        }
        for change in self.unsynced.iter().flat_map(|op| &op.changes) {
            for ino in change.to.into_iter().chain([change.dir]) {
                *holds.entry(ino).or_default() += 1;
            }
        }
        let found: BTreeMap<_, u64> = self
            .inodes
            .iter()
            .map(|(ino, it)| (*ino, it.holds))
            .collect();
        assert_eq!(found, holds, "holds are counted (invariant 1)");
        for (ino, inode) in &self.inodes {
            let names = names.get(ino).copied().unwrap_or(0);
            assert_eq!(inode.names, names, "names of {} are counted", inode.path);
        }
        let pages = self.inodes.values().filter_map(Inode::content);
        assert_eq!(self.pages, pages.map(|it| it.bytes().pages()).sum::<u64>());
    }

    /// Every path, of everything that a name stands for, for people.
    #[cfg(test)]
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![(Ino::ROOT, String::new())];
        while let Some((ino, path)) = open.pop() {
            if let Some(dir) = self.inode(ino).dir() {
                for (name, &child) in &dir.entries {
                    let path = format!("{path}/{}", name.display());
                    open.push((child, path.clone()));
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}
