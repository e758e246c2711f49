//! What there is: disks, open files, handles, operations.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use simoom::backend::{FileOp, OpKind, Outcome, PathOp, Resource, TimerKey};
use simoom_faults::Kind;
use slab::Slab;

use super::latency::Latency;
use super::order::Order;
use crate::choice::ResourceName;
use crate::disk::{Description, Disk, Ino};
use crate::world::node::NodeId;

/// Names an open file's handle of one world; the serial is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandleId {
    pub(crate) node: NodeId,
    pub(crate) slot: u32,
    pub(crate) serial: u64,
}

/// Names an operation of one world; the serial is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobId {
    pub(crate) slot: u32,
    pub(crate) serial: u64,
}

/// The files of a world.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) machines: BTreeMap<NodeId, Machine>,
    pub(super) jobs: Slab<Job>,
    serial: u64,
    /// How many operations of each kind there were on each thing.
    numbers: BTreeMap<(OpKind, ResourceName), u32>,
    /// Where every event is kept.
    pub(super) order: Order,
}

/// A disk and what is open on it.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) disk: Disk,
    pub(crate) latency: Latency,
    /// What operations on paths act on.
    pub(crate) resource: Arc<Resource>,
    pub(super) files: Slab<Shared>,
    pub(super) handles: Slab<Handle>,
    /// What operations on open files act on.
    pub(super) resources: BTreeMap<Ino, Arc<Resource>>,
    /// How often it lost power.
    pub(super) losses: u32,
}

/// An open file, and how many handles share it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) file: Description,
    pub(super) handles: u32,
}

/// What a program holds of an open file.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) serial: u64,
    pub(super) shared: usize,
    pub(super) waiting: VecDeque<JobId>,
    pub(super) running: u32,
    pub(super) overlapping: bool,
    pub(super) dropped: bool,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) serial: u64,
    pub(super) node: NodeId,
    pub(super) handle: Option<HandleId>,
    pub(super) kind: OpKind,
    pub(super) work: Work,
    pub(super) phase: Phase,
    pub(super) waker: Option<Waker>,
    /// Nobody waits for its end any more.
    pub(super) abandoned: bool,
    /// What went wrong with it.
    pub(super) faults: Vec<Kind>,
    /// What it is about, for people, where every event is kept.
    pub(super) told: String,
    /// Where the program asked for it.
    pub(super) site: Option<&'static Location<'static>>,
    /// The path hash of the task that asked for it.
    pub(super) task: u64,
    /// What it does, after the task's name.
    pub(super) verb: &'static str,
    /// The last event before it was asked for.
    pub(super) begun: u64,
    /// What it comes after, where every event is kept.
    pub(super) after: Vec<u64>,
}

/// What is to do.
#[derive(Debug)]
pub(super) enum Work {
    OnPath(PathOp),
    OnFile(FileOp),
    /// The rest of a write that began with opening a file, which is held.
    Rest {
        file: Description,
        bytes: Vec<u8>,
        done: usize,
        /// Whether the count is asked for.
        counts: bool,
    },
    /// The rest of a write at the cursor of a handle.
    RestOnFile {
        bytes: Vec<u8>,
        done: usize,
    },
    /// Nothing: it is being done.
    Taken,
}

/// How far an operation is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Others of its handle are before it.
    Waiting,
    /// It happens when the timer fires, and takes so much longer after that.
    UnderWay { timer: TimerKey, rest_ns: u64 },
    /// It has happened, and ends when the timer fires.
    Ending { timer: TimerKey, ended: Ended },
    /// It has ended.
    Over(Ended),
    /// It goes from one of these to another.
    Moving,
}

/// How an operation ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The bytes read, or room.
    pub(crate) buf: Vec<u8>,
    pub(crate) result: io::Result<Found>,
}

/// What an operation found out.
#[derive(Debug)]
pub(crate) enum Found {
    Plain(Outcome),
    Opened(HandleId, Arc<Resource>),
}

impl Files {
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The machine of `node`, with an empty disk if it has none yet.
    pub(crate) fn machine(&mut self, node: NodeId, wall_ns: i64) -> &mut Machine {
        self.machines.entry(node).or_insert_with(|| Machine {
            disk: Disk::new(wall_ns),
            latency: Latency::default(),
            resource: Arc::default(),
            files: Slab::new(),
            handles: Slab::new(),
            resources: BTreeMap::new(),
            losses: 0,
        })
    }

    /// How many handles of open files the process of `node` holds.
    pub(crate) fn open_by(&self, node: NodeId) -> usize {
        let machine = self.machines.get(&node);
        machine.map_or(0, |it| {
            let handles = it.handles.iter();
            handles.filter(|(_, handle)| !handle.dropped).count()
        })
    }

    pub(super) fn job_mut(&mut self, id: JobId) -> Option<&mut Job> {
        self.jobs
            .get_mut(id.slot as usize)
            .filter(|job| job.serial == id.serial)
    }

    pub(super) fn handle_mut(&mut self, id: HandleId) -> Option<&mut Handle> {
        self.machines
            .get_mut(&id.node)?
            .handles
            .get_mut(id.slot as usize)
            .filter(|handle| handle.serial == id.serial)
    }

    /// The open file behind a handle.
    pub(super) fn file_mut(&mut self, id: HandleId) -> Option<(&mut Description, &mut Disk)> {
        let shared = self.handle_mut(id)?.shared;
        let machine = self.machines.get_mut(&id.node)?;
        let file = &mut machine.files.get_mut(shared)?.file;
        Some((file, &mut machine.disk))
    }

    /// The number of this operation of `kind` on the thing called `name`.
    pub(super) fn number(&mut self, kind: OpKind, name: ResourceName) -> u32 {
        let next = self.numbers.entry((kind, name)).or_default();
        *next += 1;
        *next - 1
    }

    /// Whoever waits, at the end of the world.
    pub(crate) fn take_wakers(&mut self, wakers: &mut Vec<Waker>) {
        for (_, job) in &mut self.jobs {
            wakers.extend(job.waker.take());
        }
    }
}

impl Machine {
    /// Takes in an open file, which its inode is held for already.
    pub(super) fn take_in(
        &mut self,
        node: NodeId,
        serial: u64,
        shared: usize,
    ) -> (HandleId, Arc<Resource>) {
        let ino = self.files[shared].file.ino;
        let resource = self.resources.entry(ino).or_default().clone();
        let slot = self.handles.insert(Handle {
            serial,
            shared,
            waiting: VecDeque::new(),
            running: 0,
            overlapping: false,
            dropped: false,
        });
        let id = HandleId {
            node,
            slot: slot as u32,
            serial,
        };
        (id, resource)
    }

    /// Starts again with an empty disk. Nothing may be open.
    pub(crate) fn wipe(&mut self, wall_ns: i64) {
        let pages_max = self.disk.pages_max;
        self.disk = Disk::new(wall_ns);
        self.disk.pages_max = pages_max;
    }

    /// Gives a handle up, and closes the file if it was the last.
    pub(super) fn close(&mut self, slot: usize) {
        let shared = self.handles.remove(slot).shared;
        let file = &mut self.files[shared];
        file.handles -= 1;
        if file.handles > 0 {
            return;
        }
        let ino = self.files.remove(shared).file.ino;
        if !self.files.iter().any(|(_, other)| other.file.ino == ino) {
            self.resources.remove(&ino);
        }
        self.disk.release(ino);
    }
}
