//! The tasks of a world and which of them can run.
//!
//! Owns the bookkeeping of each task. Knows nothing of who chooses among the runnable.
//!
//! # Invariants
//! 1. `ready` holds the runnable tasks in path order, each once; `ready_paths` their hashes and
//!    `ready_orders` their ranks, for searching without touching the tasks.
//! 2. A live task's key is its slot + 1; a task that has left the table has key 0.

use std::collections::BTreeMap;
use std::panic::Location;

use rand_chacha::ChaCha12Rng;
use simoom::backend::{OpKind, Task};
use slab::Slab;

use super::node::NodeId;
use super::processes::ProcessId;
use crate::choice::{Operation, PathHash, PathId, Place, Point, ResourceName};
use crate::intercept::Draws;
use crate::strategy::Thing;

/// Where a task stands in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskSlot(pub(crate) u32);

/// One task.
pub(crate) struct TaskEntry {
    /// Absent while the task is being polled.
    pub(crate) task: Option<Task>,
    pub(crate) path: PathId,
    pub(crate) hash: PathHash,
    order: u128,
    pub(crate) node: NodeId,
    /// How often its node had been killed when it was born.
    pub(crate) deaths: u32,
    /// The order of birth among all tasks.
    pub(crate) birth: u64,
    pub(crate) location: &'static Location<'static>,
    /// The last operation it came to.
    pub(crate) at: At,
    /// It gave way of its own accord: calm goes on with another.
    pub(crate) yielding: bool,
    /// It stands for a blocking closure.
    pub(crate) is_closure: bool,
    /// It stands for a blocking closure that has started.
    pub(crate) on_thread: bool,
    /// The child process that it is part of; `None` for the node's own.
    pub(crate) process: Option<ProcessId>,
    /// It is the main of that.
    pub(crate) is_child_main: bool,
    /// It was interrupted before this operation, which may pass the next time.
    pub(crate) granted: Option<(OpKind, ResourceName, u32)>,
    /// Operations completed in this poll.
    pub(crate) done: u32,
    /// How often it was polled.
    pub(crate) polls: u64,
    /// In this poll it was kept from going on by no operation of its own: it was interrupted, held
    /// up, stopped with its node, or has used its budget.
    pub(crate) is_cut: bool,
    /// Where its last poll left it, if it waits there and may be cancelled.
    pub(crate) awaits: Option<Await>,
    /// How many resources it was first to use, `select!`s it entered, connections it opened.
    pub(crate) resources: u32,
    pub(crate) selects: u32,
    pub(crate) connections: u32,
    /// How many futures it began to poll that can be cancelled alone.
    pub(crate) scopes: u32,
    pub(crate) rng: Option<Box<ChaCha12Rng>>,
    /// How many values of the system's entropy it drew.
    pub(crate) drawn: u64,
    /// What it drew of that and of `simoom::rand`.
    pub(crate) draws: Draws,
    steps: BTreeMap<(OpKind, ResourceName), Steps>,
    is_ready: bool,
}

/// Where a task is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    /// `None` before the first operation.
    pub(crate) kind: Option<OpKind>,
    pub(crate) resource: ResourceName,
    pub(crate) thing: Thing,
    /// Whether the operation changes that.
    pub(crate) writes: bool,
    /// Whether all that it does, it does to that.
    pub(crate) is_contained: bool,
    /// Where the waker lies that it was polled with.
    pub(crate) waker: usize,
    /// It was completed: what the task waits for now, it has not said.
    pub(crate) is_done: bool,
    pub(crate) site: &'static Location<'static>,
}

/// A place at which a task waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Await {
    pub(crate) point: Point,
    pub(crate) site: &'static Location<'static>,
    /// Nothing is known of what it waits for but the operation that it completed before.
    pub(crate) is_after: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Steps {
    completed: u32,
    /// Choices made at this step.
    visits: u32,
    /// How often the task waited at this step.
    awaits: u32,
    /// Whether it was asked at this step if the task is held up.
    stall_asked: bool,
    /// The part of the anchors that does not change from step to step, once it was needed.
    place: Option<Place>,
}

impl TaskEntry {
    pub(crate) fn new(
        task: Task,
        path: PathId,
        hash: PathHash,
        order: u128,
        home: (NodeId, u32),
        birth: u64,
    ) -> Self {
        let (node, deaths) = home;
        let location = task.view().location();
        Self {
            task: Some(task),
            path,
            hash,
            order,
            node,
            deaths,
            birth,
            location,
            at: At {
                kind: None,
                resource: ResourceName::NONE,
                thing: Thing::NONE,
                writes: false,
                is_contained: false,
                waker: 0,
                is_done: false,
                site: location,
            },
            yielding: false,
            is_closure: false,
            on_thread: false,
            process: None,
            is_child_main: false,
            granted: None,
            done: 0,
            polls: 0,
            is_cut: false,
            awaits: None,
            resources: 0,
            selects: 0,
            connections: 0,
            scopes: 0,
            rng: None,
            drawn: 0,
            draws: Draws::NONE,
            steps: BTreeMap::new(),
            is_ready: false,
        }
    }

    /// How many operations of this kind on this resource it completed.
    pub(crate) fn completed(&self, kind: OpKind, resource: ResourceName) -> u32 {
        self.steps
            .get(&(kind, resource))
            .map_or(0, |steps| steps.completed)
    }

    /// Counts a completed operation.
    pub(crate) fn complete(&mut self, kind: OpKind, resource: ResourceName) {
        let steps = self.steps.entry((kind, resource)).or_default();
        steps.completed += 1;
        steps.visits = 0;
        steps.awaits = 0;
        steps.stall_asked = false;
        self.at.is_done = true;
    }

    /// The place at which it waits now.
    pub(crate) fn await_now(&mut self) -> Await {
        let (kind, operation) = match self.at.kind {
            None => (OpKind::Yield, Operation::START),
            Some(kind) => (kind, Operation::of(kind)),
        };
        let resource = self.at.resource;
        let steps = self.steps.entry((kind, resource)).or_default();
        let visit = steps.awaits;
        steps.awaits += 1;
        let point = Point {
            subject: self.hash.0,
            operation,
            resource,
            place: None,
            step: steps.completed,
            visit,
        };
        Await {
            point,
            site: self.at.site,
            // To give way is done before the poll ends.
            is_after: (self.at.is_done && kind != OpKind::Yield) || self.at.kind.is_none(),
        }
    }

    /// The point at which it may be held up, once for each step.
    pub(crate) fn stall_point(&mut self, kind: OpKind, resource: ResourceName) -> Option<Point> {
        let subject = self.hash.0;
        let steps = self.steps.entry((kind, resource)).or_default();
        if std::mem::replace(&mut steps.stall_asked, true) {
            return None;
        }
        Some(Point {
            subject,
            operation: Operation::of(kind),
            resource,
            place: None,
            step: steps.completed,
            visit: 0,
        })
    }

    /// The point at which a choice is made now; the next at the same place has another visit.
    pub(crate) fn point(&mut self) -> Point {
        let (kind, operation) = match self.at.kind {
            None => (OpKind::Yield, Operation::START),
            Some(kind) => (kind, Operation::of(kind)),
        };
        let (subject, resource) = (self.hash.0, self.at.resource);
        let steps = self.steps.entry((kind, resource)).or_default();
        let place = *steps
            .place
            .get_or_insert_with(|| Place::of(subject, operation, resource));
        let visit = steps.visits;
        steps.visits += 1;
        Point {
            subject: self.hash.0,
            operation,
            resource: self.at.resource,
            place: Some(place),
            step: steps.completed,
            visit,
        }
    }
}

/// All tasks.
#[derive(Default)]
pub(crate) struct Tasks {
    entries: Slab<TaskEntry>,
    ready: Vec<TaskSlot>,
    ready_paths: Vec<u64>,
    ready_orders: Vec<(u128, TaskSlot)>,
    pub(crate) running: Option<TaskSlot>,
    /// The order of the task that ran last.
    pub(crate) last_order: u128,
    births: u64,
}

impl Tasks {
    pub(crate) fn next_birth(&mut self) -> u64 {
        self.births += 1;
        self.births
    }

    /// How many have not ended.
    pub(crate) fn alive(&self) -> usize {
        self.entries.len()
    }

    /// How many can run.
    pub(crate) fn runnable(&self) -> usize {
        self.ready.len()
    }

    /// How many tasks were born.
    pub(crate) fn births(&self) -> u64 {
        self.births
    }

    pub(crate) fn insert(&mut self, entry: TaskEntry) -> TaskSlot {
        let slot = u32::try_from(self.entries.insert(entry)).expect("fewer than 2^32 tasks");
        if let Some(task) = &self.entries[slot as usize].task {
            task.view().set_key(u64::from(slot) + 1);
        }
        TaskSlot(slot)
    }

    /// The slot behind a task's key.
    pub(crate) fn slot(key: u64) -> Option<TaskSlot> {
        u32::try_from(key.checked_sub(1)?).ok().map(TaskSlot)
    }

    pub(crate) fn get(&self, slot: TaskSlot) -> Option<&TaskEntry> {
        self.entries.get(slot.0 as usize)
    }

    pub(crate) fn get_mut(&mut self, slot: TaskSlot) -> Option<&mut TaskEntry> {
        self.entries.get_mut(slot.0 as usize)
    }

    pub(crate) fn current(&self) -> Option<&TaskEntry> {
        self.running.and_then(|slot| self.get(slot))
    }

    pub(crate) fn current_mut(&mut self) -> Option<&mut TaskEntry> {
        self.running
            .and_then(|slot| self.entries.get_mut(slot.0 as usize))
    }

    /// Takes a task out of the table.
    pub(crate) fn remove(&mut self, slot: TaskSlot) -> Option<TaskEntry> {
        self.make_unready(slot);
        let entry = self.entries.try_remove(slot.0 as usize)?;
        if let Some(task) = &entry.task {
            task.view().set_key(0);
        }
        if self.running == Some(slot) {
            self.running = None;
        }
        Some(entry)
    }

    /// Whether a live task is like this.
    pub(crate) fn any(&self, is: impl Fn(&TaskEntry) -> bool) -> bool {
        self.entries.iter().any(|(_, entry)| is(entry))
    }

    /// Every live task, oldest first.
    pub(crate) fn by_birth(&self) -> Vec<TaskSlot> {
        let mut slots: Vec<_> = self
            .entries
            .iter()
            .map(|(slot, entry)| (entry.birth, TaskSlot(slot as u32)))
            .collect();
        slots.sort_unstable();
        slots.into_iter().map(|(_, slot)| slot).collect()
    }

    pub(crate) fn ready(&self) -> &[TaskSlot] {
        &self.ready
    }

    /// The runnable task of this rank.
    pub(crate) fn ready_entry(&self, rank: usize) -> &TaskEntry {
        &self.entries[self.ready[rank].0 as usize]
    }

    pub(crate) fn ready_paths(&self) -> &[u64] {
        &self.ready_paths
    }

    /// Where `slot` stands, or would stand, among the runnable.
    fn rank(&self, slot: TaskSlot) -> Result<usize, usize> {
        let key = (self.entries[slot.0 as usize].order, slot);
        self.ready_orders.binary_search(&key)
    }

    /// Adds a task to the runnable; its rank if it was not among them.
    pub(crate) fn make_ready(&mut self, slot: TaskSlot) -> Option<usize> {
        let entry = &mut self.entries[slot.0 as usize];
        if std::mem::replace(&mut entry.is_ready, true) {
            return None;
        }
        let (order, hash) = (entry.order, entry.hash.0);
        let rank = self.rank(slot).unwrap_or_else(|rank| rank);
        self.ready.insert(rank, slot);
        self.ready_orders.insert(rank, (order, slot));
        self.ready_paths.insert(rank, hash);
        Some(rank)
    }

    pub(crate) fn make_unready(&mut self, slot: TaskSlot) {
        if let Some(rank) = self.ready_rank(slot) {
            self.take_ready(rank);
        }
    }

    /// Takes the runnable task of this rank out of the runnable.
    pub(crate) fn take_ready(&mut self, rank: usize) -> TaskSlot {
        let slot = self.ready.remove(rank);
        self.ready_orders.remove(rank);
        self.ready_paths.remove(rank);
        self.entries[slot.0 as usize].is_ready = false;
        slot
    }

    /// The rank of `slot` if it can run.
    pub(crate) fn ready_rank(&self, slot: TaskSlot) -> Option<usize> {
        let entry = self.entries.get(slot.0 as usize)?;
        if entry.is_ready {
            self.rank(slot).ok()
        } else {
            None
        }
    }

    /// The runnable task after `order` in path order, around the end.
    pub(crate) fn successor(&self, order: u128) -> usize {
        let rank = self
            .ready_orders
            .partition_point(|&(other, _)| other <= order);
        if rank == self.ready.len() { 0 } else { rank }
    }

    pub(crate) fn order(&self, slot: TaskSlot) -> u128 {
        self.entries[slot.0 as usize].order
    }
}
