//! Child processes, and the programs that they run.
//!
//! Owns which children a node has, what each did about signals, how it ended and who waits for that.
//! Knows nothing of futures, nor of how a command is described.
//!
//! ```text
//! Running --end_child--> over, a zombie --release_child--> gone
//!    '------release_child--> running, unheld --end_child--> gone
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::Waker;

use super::World;
use super::node::NodeId;
use super::signals::Signals;
use super::streams::Streams;
use crate::record::EventKind;
use crate::sim::Process;

/// What names a child process for the length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProcessId(u64);

/// A program: makes what runs, which ends with a code.
pub(crate) type Program = Rc<dyn Fn(Process) -> Pin<Box<dyn Future<Output = u8>>>>;

/// What of the user's is left at the end of a world.
pub(crate) type Foreign = (BTreeMap<String, Program>, Vec<Starting>);

/// The environment of a process.
pub(crate) type Environment = BTreeMap<OsString, OsString>;

/// What a child is, when it is started.
#[derive(Clone)]
pub(crate) struct Description {
    /// The path by which it was called.
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) environment: Environment,
    pub(crate) directory: Option<PathBuf>,
}

/// What is to become the main of a child.
pub(crate) struct Starting {
    pub(crate) program: Program,
    pub(crate) description: Description,
    pub(crate) streams: Rc<Streams>,
}

/// All of a world.
#[derive(Default)]
pub(crate) struct Processes {
    programs: BTreeMap<String, Program>,
    children: BTreeMap<ProcessId, Child>,
    serial: u64,
    /// How many children each node had.
    pids: BTreeMap<NodeId, u32>,
}

struct Child {
    node: NodeId,
    pid: u32,
    /// What it is called.
    name: String,
    /// The path hash of its main, once that is there.
    main: u64,
    parent: Option<ProcessId>,
    environment: Environment,
    directory: Option<PathBuf>,
    starting: Option<Starting>,
    streams: Weak<Streams>,
    signals: Signals,
    status: Option<i32>,
    /// The event of its end.
    ended: u64,
    waiting: Option<Waker>,
    /// Somebody may still ask how it ended.
    is_held: bool,
}

/// The number of a node's first child.
const FIRST_PID: u32 = 1001;

impl Processes {
    /// Whether it has ended, or is long gone.
    pub(crate) fn is_over(&self, id: ProcessId) -> bool {
        let child = self.children.get(&id);
        child.is_none_or(|child| child.status.is_some())
    }

    pub(crate) fn node_of(&self, id: ProcessId) -> Option<NodeId> {
        self.children.get(&id).map(|child| child.node)
    }

    /// What a running child did about signals.
    pub(super) fn signals(&mut self, id: ProcessId) -> Option<&mut Signals> {
        let child = self.children.get_mut(&id)?;
        child.status.is_none().then_some(&mut child.signals)
    }

    /// What every child did about signals.
    pub(super) fn all_signals(&mut self) -> impl Iterator<Item = &mut Signals> {
        self.children.values_mut().map(|child| &mut child.signals)
    }

    /// The signals that children wait for, by their nodes.
    pub(crate) fn listened_for(&self) -> impl Iterator<Item = (NodeId, i32)> {
        let children = self.children.values();
        children.flat_map(|child| {
            let signals = child.signals.waited_for();
            signals.map(move |signal| (child.node, signal))
        })
    }

    /// Where the waker lies of everyone who waits for a child's end, and the child's name.
    pub(crate) fn waited_for(&self) -> impl Iterator<Item = (usize, String)> {
        self.children.values().filter_map(|child| {
            let waker = child.waiting.as_ref()?;
            Some((
                waker.data().addr(),
                format!("{} ({})", child.name, child.pid),
            ))
        })
    }

    /// Everybody who waits, at the end of a world.
    pub(super) fn take_wakers(&mut self, wakers: &mut Vec<Waker>) {
        for child in self.children.values_mut() {
            wakers.extend(child.waiting.take());
            wakers.append(&mut child.signals.take_wakers());
        }
    }

    /// What is the user's, at the end of a world.
    pub(super) fn take_foreign(&mut self) -> Foreign {
        let children = self.children.values_mut();
        let starting = children.filter_map(|child| child.starting.take());
        (std::mem::take(&mut self.programs), starting.collect())
    }

    /// Registers a program; what was called so before.
    #[must_use = "dropping a program runs foreign code"]
    pub(crate) fn register(&mut self, name: String, program: Program) -> Option<Program> {
        self.programs.insert(name, program)
    }

    /// The program `name`.
    pub(crate) fn program(&self, name: &str) -> Option<Program> {
        self.programs.get(name).cloned()
    }

    /// The names of all programs.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &str> {
        self.programs.keys().map(String::as_str)
    }
}

impl World {
    /// The child process that the running task is part of.
    fn running_process(&self) -> Option<ProcessId> {
        self.tasks.current().and_then(|entry| entry.process)
    }

    /// What the running task's process has from its start: its environment, its folder and its streams,
    /// as far as it is a child.
    pub(crate) fn inherited(&self) -> (Environment, Option<PathBuf>, Option<Rc<Streams>>) {
        let process = self.running_process();
        let Some(child) = process.and_then(|id| self.processes.children.get(&id)) else {
            return Default::default();
        };
        let (environment, directory) = (child.environment.clone(), child.directory.clone());
        (environment, directory, child.streams.upgrade())
    }

    /// A new child of the running task's process, whose main is still to be spawned.
    pub(crate) fn add_child(&mut self, name: String, starting: Starting) -> (ProcessId, u32) {
        let node = self.current_node();
        let parent = self.running_process();
        let this = &mut self.processes;
        let count = this.pids.entry(node).or_insert(0);
        let pid = FIRST_PID + *count;
        *count += 1;
        this.serial += 1;
        let id = ProcessId(this.serial);
        let child = Child {
            node,
            pid,
            name,
            main: 0,
            parent,
            environment: starting.description.environment.clone(),
            directory: starting.description.directory.clone(),
            streams: Rc::downgrade(&starting.streams),
            starting: Some(starting),
            signals: Signals::default(),
            status: None,
            ended: 0,
            waiting: None,
            is_held: true,
        };
        this.children.insert(id, child);
        (id, pid)
    }

    /// What becomes the main of a new child, once.
    pub(crate) fn take_starting(&mut self, id: ProcessId) -> Option<(Starting, String, u32)> {
        let child = self.processes.children.get_mut(&id)?;
        Some((child.starting.take()?, child.name.clone(), child.pid))
    }

    /// Notes that the main of a child is there, under this path hash.
    pub(crate) fn note_child(&mut self, id: ProcessId, main: u64) {
        let Some(child) = self.processes.children.get_mut(&id) else {
            return;
        };
        child.main = main;
        let pid = child.pid;
        self.note(EventKind::ProcessStarted, main, u64::from(pid));
    }

    /// The children of a node that have not ended.
    pub(crate) fn children_of(&self, node: NodeId) -> Vec<ProcessId> {
        let children = self.processes.children.iter();
        let running = children.filter(|(_, it)| it.node == node && it.status.is_none());
        running.map(|(&id, _)| id).collect()
    }

    /// Notes that a child has ended with this status, unless it had before. Its streams, if somebody
    /// holds them, are still to be closed.
    pub(crate) fn end_child(&mut self, id: ProcessId, status: i32) -> Option<Closing> {
        let is_first = self.note_child_end(id, status);
        let child = self.processes.children.get(&id).filter(|_| is_first)?;
        Some(Closing(child.streams.upgrade()))
    }

    /// Notes that a child has ended; false if it had before.
    fn note_child_end(&mut self, id: ProcessId, status: i32) -> bool {
        let child = self.processes.children.get_mut(&id);
        let Some(child) = child.filter(|child| child.status.is_none()) else {
            return false;
        };
        child.status = Some(status);
        let (main, wakers) = (child.main, child.signals.take_wakers());
        self.effects.drop_all(wakers);
        let ended = self.note(EventKind::ProcessEnded, main, status as u64);
        if let Some(child) = self.processes.children.get_mut(&id) {
            child.ended = ended;
        }
        true
    }

    /// Tells everybody concerned that a child has ended.
    pub(crate) fn child_ended(&mut self, id: ProcessId) {
        for child in self.processes.children.values_mut() {
            // Nobody waits for its own children any more.
            child.parent.take_if(|parent| *parent == id);
        }
        let Some(child) = self.processes.children.get_mut(&id) else {
            return;
        };
        let (node, parent, ended) = (child.node, child.parent, child.ended);
        let waiting = child.waiting.take();
        self.effects.wake_all(waiting);
        self.tell_parent(node, parent, ended);
        self.forget_child(id);
    }

    /// The children of a node end with it: their tasks are dropped with its own.
    pub(crate) fn end_children_of(&mut self, node: NodeId) {
        for id in self.children_of(node) {
            // Their pipes are closed with the node's.
            self.note_child_end(id, libc::SIGKILL);
            if let Some(child) = self.processes.children.get_mut(&id) {
                let waiting = child.waiting.take();
                self.effects.wake_all(waiting);
            }
            self.forget_child(id);
        }
    }

    /// How a child ended, if it has.
    pub(crate) fn child_status(&mut self, id: ProcessId) -> Option<i32> {
        let child = self.processes.children.get(&id)?;
        let (status, ended) = (child.status?, child.ended);
        self.sees(ended);
        Some(status)
    }

    /// Keeps who waits for a child's end, unless that has come.
    pub(crate) fn wait_for_child(&mut self, id: ProcessId, waker: Waker) {
        let Some(child) = self.processes.children.get_mut(&id) else {
            return self.effects.drop(waker);
        };
        let before = if child.status.is_none() {
            child.waiting.replace(waker)
        } else {
            Some(waker)
        };
        self.effects.drop_some(before);
    }

    /// Whether the waker is kept already.
    pub(crate) fn is_kept_for_child(&self, id: ProcessId, waker: &Waker) -> bool {
        let child = self.processes.children.get(&id);
        let kept = child.and_then(|child| child.waiting.as_ref());
        kept.is_some_and(|kept| kept.will_wake(waker))
    }

    /// Sends a signal to a child.
    pub(crate) fn signal_child(&mut self, id: ProcessId, signal: i32) -> std::io::Result<()> {
        let Some(child) = self.processes.children.get(&id) else {
            return Ok(());
        };
        let sent = self.note(EventKind::ProcessSignalled, child.main, signal as u64);
        self.signal_running_child(id, signal, sent)
    }

    /// Nobody will ask for a child any more.
    pub(crate) fn release_child(&mut self, id: ProcessId) {
        if let Some(child) = self.processes.children.get_mut(&id) {
            child.is_held = false;
            let waiting = child.waiting.take();
            self.effects.drop_some(waiting);
        }
        self.forget_child(id);
    }

    fn forget_child(&mut self, id: ProcessId) {
        let children = &mut self.processes.children;
        if children
            .get(&id)
            .is_some_and(|it| it.status.is_some() && !it.is_held)
        {
            children.remove(&id);
        }
    }
}

/// Streams of a process that has ended. Dropping this closes them.
pub(crate) struct Closing(Option<Rc<Streams>>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(streams) = &self.0 {
            streams.close();
        }
    }
}
