//! Which operations on files come after which, for those who read of a run.
//!
//! Owns what each operation looks at and what it changes. Nothing is kept unless every event is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::ptr;

use simoom::backend::{FileOp, PathOp, Resource};

use super::carry::Step;
use super::state::{Files, JobId, Work};
use crate::disk::{Disk, Ino};
use crate::world::World;
use crate::world::node::NodeId;

/// What an operation looks at or changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// What a file has in it.
    Content(Ino),
    /// What a path leads to.
    Name(PathBuf),
}

/// A part, and whether it is changed.
type Use = (Part, bool);

/// Who changed what last.
#[derive(Debug, Default)]
pub(super) struct Order(BTreeMap<(NodeId, Part), Change>);

#[derive(Debug)]
struct Change {
    /// The operation's serial.
    job: u64,
    /// The event of its end; before that, the last one before it was asked for.
    event: u64,
}

impl Order {
    /// The names that were made or unmade in a directory.
    fn below(&self, node: NodeId, path: &Path) -> Vec<Use> {
        let from = (node, Part::Name(path.to_owned()));
        let names = self
            .0
            .range(from..)
            .map_while(|((of, part), _)| match part {
                Part::Name(name) if *of == node && name.starts_with(path) => Some(name),
                _ => None,
            });
        names
            .filter(|name| name.parent() == Some(path))
            .map(|part| (Part::Name(part.clone()), false))
            .collect()
    }
}

impl Files {
    /// Whether it stands for files: an open one, or what paths lead to.
    pub(crate) fn is_used_by(&self, resource: Option<&Resource>) -> bool {
        let is_it = |other: &Resource| resource.is_some_and(|it| ptr::eq(it, other));
        let mut machines = self.machines.values();
        machines.any(|it| is_it(&it.resource) || it.resources.values().any(|it| is_it(it)))
    }
}

impl World {
    /// Carries out an operation or its next part, and keeps what it comes after.
    pub(super) fn carry_out(&mut self, id: JobId) -> Step {
        if !self.tells_everything() {
            return self.perform(id);
        }
        let uses = self.uses(id);
        let step = self.perform(id);
        let failed = matches!(&step, Step::Over(ended) if ended.result.is_err());
        let Some(job) = self.files.job_mut(id) else {
            return step;
        };
        let (node, begun, serial) = (job.node, job.begun, id.serial);
        let mut after = Vec::new();
        for (part, changes) in uses {
            let former = self.files.order.0.get(&(node, part.clone()));
            after.extend(former.filter(|it| it.job != serial).map(|it| it.event));
            if changes && !failed {
                let change = Change {
                    job: serial,
                    event: begun,
                };
                self.files.order.0.insert((node, part), change);
            }
        }
        if let Some(job) = self.files.job_mut(id) {
            job.after.extend(after);
        }
        step
    }

    /// The operation of this serial has ended in `event`.
    pub(super) fn ended_in(&mut self, serial: u64, event: u64) {
        for change in self.files.order.0.values_mut() {
            if change.job == serial {
                change.event = event;
            }
        }
    }

    fn uses(&mut self, id: JobId) -> Vec<Use> {
        let Some(job) = self.files.job_mut(id) else {
            return Vec::new();
        };
        let (node, handle) = (job.node, job.handle);
        let ino = handle.and_then(|handle| Some(self.files.file_mut(handle)?.0.ino));
        let job = self.files.jobs.get(id.slot as usize);
        let disk = self.files.machines.get(&node).map(|it| &it.disk);
        match (job.map(|job| &job.work), ino, disk) {
            (Some(Work::OnPath(op)), _, Some(disk)) => {
                let mut uses = on_path(op, disk);
                if let PathOp::ReadDir(path) | PathOp::SyncDir(path) = op {
                    uses.extend(self.files.order.below(node, &whole(path)));
                }
                uses
            }
            (Some(Work::OnFile(op)), Some(ino), _) => vec![(Part::Content(ino), changes(op))],
            (Some(Work::Rest { file, .. }), ..) => vec![(Part::Content(file.ino), true)],
            (Some(Work::RestOnFile { .. }), Some(ino), _) => vec![(Part::Content(ino), true)],
            _ => Vec::new(),
        }
    }
}

/// Whether others can tell afterwards. A sync changes what outlives the power.
fn changes(op: &FileOp) -> bool {
    !matches!(
        op,
        FileOp::Read { .. } | FileOp::Seek { .. } | FileOp::Stat | FileOp::Duplicate
    )
}

fn on_path(op: &PathOp, disk: &Disk) -> Vec<Use> {
    let ino = |path: &Path| Some(disk.stat_path(path, true, 0).ok()?.ino);
    let content = |path: &Path, changes: bool| {
        let ino = ino(path);
        ino.map(|ino| (Part::Content(Ino(ino)), changes))
    };
    let mut uses = Vec::new();
    match op {
        PathOp::Open(path, how) => {
            let makes = (how.create || how.create_new) && ino(path).is_none();
            uses.push(name(path, makes));
            uses.extend(content(path, true).filter(|_| how.truncate));
        }
        PathOp::Write(path, _) => {
            uses.push(name(path, ino(path).is_none()));
            uses.extend(content(path, true));
        }
        PathOp::Copy(from, to) => {
            uses.push(name(from, false));
            uses.extend(content(from, false));
            uses.push(name(to, ino(to).is_none()));
            uses.extend(content(to, true));
        }
        PathOp::Rename(from, to) => {
            uses.push(name(from, true));
            uses.push(name(to, true));
        }
        PathOp::HardLink(from, to) => {
            uses.push(name(from, false));
            uses.push(name(to, true));
        }
        PathOp::CreateDir { path, .. }
        | PathOp::RemoveDir(path)
        | PathOp::RemoveDirAll(path)
        | PathOp::RemoveFile(path)
        | PathOp::Symlink(_, path) => uses.push(name(path, true)),
        PathOp::ReadDir(path) => {
            uses.push(name(path, false));
        }
        PathOp::SyncDir(path) => uses.push(name(path, true)),
        PathOp::Read(path) | PathOp::Stat { path, .. } | PathOp::Exists(path) => {
            uses.push(name(path, false));
            uses.extend(content(path, false));
        }
        PathOp::Canonicalize(path) | PathOp::ReadLink(path) => uses.push(name(path, false)),
        PathOp::SetMode(path, _) => uses.extend(content(path, true)),
    }
    uses
}

fn name(path: &Path, changes: bool) -> Use {
    (Part::Name(whole(path)), changes)
}

/// The path from the root, where every process of a node starts.
fn whole(path: &Path) -> PathBuf {
    Path::new("/").join(path).components().collect()
}

/// What an operation does, after a task's name.
pub(super) fn verb(work: &Work) -> &'static str {
    match work {
        Work::OnPath(op) => match op {
            PathOp::Open(..) => "opens",
            PathOp::Read(_) => "reads",
            PathOp::Write(..) => "writes",
            PathOp::Copy(..) => "copies to",
            PathOp::Rename(..) => "renames a thing to",
            PathOp::HardLink(..) | PathOp::Symlink(..) => "links to",
            PathOp::CreateDir { .. } => "makes the directory",
            PathOp::RemoveDir(_) | PathOp::RemoveDirAll(_) | PathOp::RemoveFile(_) => "removes",
            PathOp::SyncDir(_) => "syncs the directory",
            PathOp::ReadDir(_) => "lists",
            PathOp::SetMode(..) => "sets who may use",
            PathOp::Stat { .. }
            | PathOp::Exists(_)
            | PathOp::Canonicalize(_)
            | PathOp::ReadLink(_) => "looks for",
        },
        Work::OnFile(op) => match op {
            FileOp::Read { .. } => "reads",
            FileOp::Seek { .. } => "seeks in",
            FileOp::SetLen(_) => "sets the length of",
            FileOp::Sync { .. } => "syncs",
            FileOp::Stat => "looks at",
            FileOp::SetMode(_) => "sets who may use",
            FileOp::SetTimes { .. } => "sets the times of",
            FileOp::Duplicate => "opens again",
            FileOp::Write { .. } => "writes",
        },
        Work::Rest { .. } | Work::RestOnFile { .. } | Work::Taken => "writes",
    }
}
