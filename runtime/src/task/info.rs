//! What there is to say of a task that has not ended.
//!
//! Owns the words for it. Knows nothing of which tasks a runtime has: the world lists them.

use std::fmt;
use std::panic::Location;

use super::cell::TaskRef;
use super::id::Id;
use super::join::AbortHandle;
use crate::context;
use crate::coop::OpKind;
use crate::instrument::{TaskTimes, Times};

/// The tasks of the running runtime that have not ended, oldest first, with the one that runs this
/// code.
///
/// The futures of [`block_on`](crate::runtime::Runtime::block_on) and of `#[simoom::main]` are no
/// tasks, and closures of [`spawn_blocking`](super::spawn_blocking) are on threads of their own:
/// neither is listed. A task that another thread has spawned is, once the runtime has received it.
///
/// # Panics
/// On a thread that does not run the runtime, such as one that has only
/// [entered](crate::runtime::Handle::enter) it, or a thread of
/// [`spawn_blocking`](super::spawn_blocking): there [`Handle::tasks`](crate::runtime::Handle::tasks)
/// asks it.
///
/// # Under simulation
/// The tasks of the running node, without its main.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::task::{self, TaskState};
///
/// let (_send, mut receive) = simoom::sync::mpsc::channel::<u8>(1);
/// let consumer = task::Builder::new()
///     .name("consumer")
///     .spawn(async move { receive.recv().await })
///     .unwrap();
/// task::yield_now().await;
///
/// let tasks = task::all();
/// assert_eq!(tasks[0].name(), Some("consumer"));
/// assert_eq!(tasks[0].id(), consumer.id());
/// assert_eq!(tasks[0].state(), TaskState::Waiting);
/// assert_eq!(tasks[0].waits_for().unwrap().operation(), "recv");
/// // For people.
/// println!("{}", tasks[0]);
///
/// // Those that have ended are gone.
/// consumer.abort();
/// consumer.await.unwrap_err();
/// assert!(task::all().is_empty());
/// # });
/// ```
#[track_caller]
#[must_use]
pub fn all() -> Vec<TaskInfo> {
    all_at("all", Location::caller())
}

/// As [`all`], called at `site` by the function `what`.
pub(super) fn all_at(what: &str, site: &Location<'_>) -> Vec<TaskInfo> {
    here().unwrap_or_else(|| {
        panic!(
            "`task::{what}` was called on a thread that runs no simoom runtime, at {site}: \
             `Handle::tasks` asks the one that does"
        )
    })
}

/// The tasks of the current runtime, if this thread runs it.
fn here() -> Option<Vec<TaskInfo>> {
    if context::is_guest() {
        return None;
    }
    context::with_current(|backend| backend?.tasks())
}

/// What there was to say of a task when it was asked for: of those that have not ended.
///
/// Its text names the task, and says where it was spawned and what it does:
/// `task 7 consumer, spawned at src/main.rs:12:5, waits in recv at src/main.rs:14:30`.
///
/// # Examples
/// See [`all`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskInfo {
    id: Id,
    name: Option<Box<str>>,
    type_name: &'static str,
    location: &'static Location<'static>,
    state: TaskState,
    waits_for: Option<WaitsFor>,
    times: Option<TaskTimes>,
    handle: AbortHandle,
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// It is being polled.
    Running,
    /// It can run, and waits for its turn.
    Runnable,
    /// It waits to be woken.
    Waiting,
}

/// The operation of simoom that a task came to last in its last poll, and that was not ready.
///
/// A task may wait for several at once, as in [`select!`](crate::select): this is one of them.
///
/// # Examples
/// See [`all`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WaitsFor {
    kind: OpKind,
    site: &'static Location<'static>,
    resource: Option<Box<str>>,
}

impl TaskInfo {
    /// What there is to say of `task`; nothing of one that has ended.
    #[doc(hidden)]
    #[must_use]
    pub fn of(task: TaskRef<'_>, is_runnable: bool) -> Option<Self> {
        if task.is_complete() {
            return None;
        }
        let state = match task.is_running() {
            true => TaskState::Running,
            false if is_runnable => TaskState::Runnable,
            false => TaskState::Waiting,
        };
        let waits_for = (task.refused()).filter(|_| state == TaskState::Waiting);
        Some(Self {
            id: task.id(),
            name: task.name().map(Into::into),
            type_name: task.type_name(),
            location: task.location(),
            state,
            waits_for: waits_for.map(|(kind, site)| WaitsFor {
                kind,
                site,
                resource: None,
            }),
            times: task.times().map(Times::read),
            handle: AbortHandle::of(task),
        })
    }

    /// Says what people call what the task waits for, if it waits in such an operation.
    #[doc(hidden)]
    #[must_use]
    pub fn acting_on(mut self, kind: OpKind, resource: impl FnOnce() -> Option<String>) -> Self {
        if let Some(waits_for) = self.waits_for.as_mut().filter(|it| it.kind == kind) {
            waits_for.resource = resource().map(Into::into);
        }
        self
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// A handle by which the task can be [asked to end](AbortHandle::cancel) or dropped.
    #[must_use]
    pub fn abort_handle(&self) -> &AbortHandle {
        &self.handle
    }

    /// The name that [`Builder::name`](super::Builder::name) gave it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The type of its future.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Where it was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.location
    }

    /// What it does.
    #[must_use]
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// What it has done so far, and how long that took; `None` unless the runtime
    /// [keeps that](crate::runtime::Builder::task_times).
    #[must_use]
    pub fn times(&self) -> Option<TaskTimes> {
        self.times
    }

    /// What it waits for. `None` of a task that does not wait, or that waits for nothing of simoom's.
    #[must_use]
    pub fn waits_for(&self) -> Option<&WaitsFor> {
        self.waits_for.as_ref()
    }
}

impl WaitsFor {
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

    /// What it acts on, as reports of the simulator call it.
    ///
    /// `None` in production, where nothing has such a name, and where nobody else can act on it.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or(self.type_name);
        write!(f, "task {} {name}, spawned at {}, ", self.id, self.location)?;
        match (self.state, &self.waits_for) {
            (TaskState::Running, _) => f.write_str("runs"),
            (TaskState::Runnable, _) => f.write_str("can run"),
            (TaskState::Waiting, None) => f.write_str("waits"),
            (TaskState::Waiting, Some(waits_for)) => write!(f, "waits in {waits_for}"),
        }
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation())?;
        if let Some(resource) = self.resource() {
            write!(f, " of {resource}")?;
        }
        write!(f, " at {}", self.site)
    }
}
