//! What a dump holds.
//!
//! Owns its types. Knows nothing of how it reads.

use std::backtrace::Backtrace;
use std::panic::Location;
use std::sync::Arc;

use super::collect::Seen;
use super::frames::awaits;
use super::graph::Edges;
use crate::coop::OpKind;
use crate::sync::oneshot;
use crate::task::{Id, TaskInfo};

/// What the tasks of a runtime did when it was asked for: see
/// [`Handle::dump`](crate::runtime::Handle::dump). Its text is for people.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    tasks: Arc<Tasks>,
    root: Option<Arc<Trace>>,
}

/// The tasks of a [`Dump`], oldest first.
#[derive(Debug, Default)]
pub struct Tasks {
    tasks: Vec<Task>,
}

/// A task of a [`Dump`].
#[derive(Debug)]
pub struct Task {
    info: TaskInfo,
    trace: Trace,
    awaits: Vec<Id>,
    awaited_by: Vec<Id>,
}

/// Where a future waits. Its text is its stacks of awaits.
#[derive(Debug)]
pub struct Trace {
    leaves: Vec<Leaf>,
}

/// An operation that a future waits for: of a `select!` or a `join!` there are several.
#[derive(Debug)]
pub struct Leaf {
    pub(super) kind: OpKind,
    pub(super) site: &'static Location<'static>,
    pub(super) awaits: Vec<Id>,
    stack: Arc<Backtrace>,
}

impl Dump {
    pub(crate) fn of(root: Option<Vec<Seen>>, found: Vec<Found>) -> Self {
        let edges = Edges::of(&found);
        let trace = |seen: Vec<Seen>| Trace {
            leaves: seen.into_iter().map(|it| edges.leaf(it)).collect(),
        };
        let root = root.map(|root| Arc::new(trace(root)));
        let tasks = found.into_iter().map(|found| {
            let trace = trace(found.seen);
            let mut awaits: Vec<_> = trace.leaves.iter().flat_map(|it| &it.awaits).collect();
            awaits.sort();
            awaits.dedup();
            Task {
                awaits: awaits.into_iter().copied().collect(),
                awaited_by: Vec::new(),
                info: found.info,
                trace,
            }
        });
        let mut tasks: Vec<_> = tasks.collect();
        let edges: Vec<_> = (tasks.iter())
            .flat_map(|task| task.awaits.iter().map(|&awaited| (awaited, task.id())))
            .collect();
        for task in &mut tasks {
            let of_task = edges.iter().filter(|(awaited, _)| *awaited == task.id());
            task.awaited_by = of_task.map(|&(_, by)| by).collect();
        }
        Self {
            tasks: Arc::new(Tasks { tasks }),
            root,
        }
    }

    /// What is known of tasks that nobody looks at.
    pub(crate) fn without_stacks(infos: Vec<TaskInfo>) -> Self {
        let task = |info| Task {
            info,
            trace: Trace { leaves: Vec::new() },
            awaits: Vec::new(),
            awaited_by: Vec::new(),
        };
        let tasks = infos.into_iter().map(task).collect();
        Self {
            tasks: Arc::new(Tasks { tasks }),
            root: None,
        }
    }

    /// The tasks that had not ended, oldest first.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// The task `id`, if it is there.
    #[must_use]
    pub fn task(&self, id: Id) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id() == id)
    }

    /// Where the future of [`block_on`](crate::runtime::Runtime::block_on) waits, which is no task, and
    /// so that of `#[simoom::main]`.
    #[must_use]
    pub fn root(&self) -> Option<&Trace> {
        self.root.as_deref()
    }

    /// Tasks that wait for each other's end in a circle, so that none will ever end by itself: of each
    /// circle, every task, which waits for the next one, and the last for the first.
    #[must_use]
    pub fn cycles(&self) -> Vec<Vec<Id>> {
        super::graph::cycles(self)
    }
}

impl Tasks {
    /// Each task.
    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter()
    }
}

impl Task {
    /// The task's id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.info.id()
    }

    /// What else there is to say of it.
    #[must_use]
    pub fn info(&self) -> &TaskInfo {
        &self.info
    }

    /// Where it waits. Nothing of a task that was not polled yet, that was asked to end, or that waits
    /// for nothing of simoom's.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The tasks whose end it waits for, in any of its operations.
    #[must_use]
    pub fn awaits(&self) -> &[Id] {
        &self.awaits
    }

    /// The tasks that wait for its end.
    #[must_use]
    pub fn awaited_by(&self) -> &[Id] {
        &self.awaited_by
    }
}

impl Trace {
    /// The operations that it waits for.
    pub fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        self.leaves.iter()
    }
}

impl Leaf {
    /// What it does in one word, such as `recv`, `lock`, `read` or `sleep`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.kind.name()
    }

    /// The program's line.
    #[must_use]
    pub fn site(&self) -> &'static Location<'static> {
        self.site
    }

    /// The tasks whose end it waits for.
    #[must_use]
    pub fn awaits(&self) -> &[Id] {
        &self.awaits
    }

    /// The functions of the program that it stands in, innermost first, each with its line as far as
    /// the program has debug information. Takes time, of which the first of a process takes most.
    #[must_use]
    pub fn frames(&self) -> Vec<String> {
        awaits(&self.stack.to_string())
    }

    pub(super) fn new(seen: Seen, awaits: Vec<Id>) -> Self {
        Self {
            kind: seen.kind,
            site: seen.site,
            awaits,
            stack: seen.stack,
        }
    }
}

/// A task as it was found.
pub(crate) struct Found {
    pub(crate) info: TaskInfo,
    /// Where the thing lies for which those wait that wait for its end.
    pub(crate) end: usize,
    pub(crate) seen: Vec<Seen>,
}

/// Who gets a dump.
pub enum Answer {
    /// Whoever waits for it.
    Send(oneshot::Sender<Dump>),
    /// People, on the standard error.
    Print,
}

impl Answer {
    pub(crate) fn give(self, dump: &Dump) {
        match self {
            // Who does not wait any more does not want it.
            Self::Send(answer) => drop(answer.send(dump.clone())),
            Self::Print => dump.print(),
        }
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}
