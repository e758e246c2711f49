//! The hooks.
//!
//! Owns their names, which are trio's, and what they are given. Knows nothing of who calls them.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::task::Id;
use crate::task::cell::{Ended, TaskRef};

/// Is told what a runtime does, at nine points; each does nothing unless it is written.
///
/// Given to a runtime by [`Builder::instrument`](crate::runtime::Builder::instrument). It is called on the
/// thread that runs the runtime, between its steps: a slow hook slows everything. Of several, each is
/// called in the order in which they were given.
///
/// The future of `block_on` is no task: nothing is said of it. Neither is it of closures that may
/// block, which have threads of their own.
///
/// # Panics
/// A hook may panic: the panic ends there, and that instrument is called no more.
///
/// # Under simulation
/// Given to a simulation by `Sim::instrument`, it is told of the tasks of all nodes, in an order that
/// depends only on the run. It changes nothing unless it does what is seen: it must not wake, spawn,
/// lock what tasks lock, nor draw random numbers.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use simoom::runtime::{Builder, Instrument, TaskMeta};
///
/// #[derive(Default)]
/// struct Steps(AtomicU64);
///
/// impl Instrument for Steps {
///     fn after_task_step(&self, _task: &TaskMeta<'_>) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let steps = Arc::new(Steps::default());
/// let rt = Builder::new_current_thread().instrument(steps.clone()).build().unwrap();
/// rt.block_on(async {
///     let task = simoom::spawn(async { simoom::task::yield_now().await });
///     task.await.unwrap();
/// });
/// assert_eq!(steps.0.load(Ordering::Relaxed), 2);
/// ```
pub trait Instrument: Send + Sync {
    /// A thread begins to run the runtime: it is inside `block_on`.
    fn before_run(&self) {}

    /// It runs it no more.
    fn after_run(&self) {}

    /// A task is new. It has not been scheduled yet.
    fn task_spawned(&self, task: &TaskMeta<'_>) {
        let _ = task;
    }

    /// A task can run, and waits for its turn.
    fn task_scheduled(&self, task: &TaskMeta<'_>) {
        let _ = task;
    }

    /// A task's future is about to be polled.
    fn before_task_step(&self, task: &TaskMeta<'_>) {
        let _ = task;
    }

    /// A task's future was polled.
    fn after_task_step(&self, task: &TaskMeta<'_>) {
        let _ = task;
    }

    /// A task is over: nothing is said of it any more.
    fn task_exited(&self, task: &TaskMeta<'_>, how: TaskEnd) {
        let _ = (task, how);
    }

    /// No task can run: the thread is about to wait for events and timers, for `timeout` at most, if
    /// there is any.
    fn before_io_wait(&self, timeout: Option<Duration>) {
        let _ = timeout;
    }

    /// The thread has waited for as long as there was nothing to do.
    fn after_io_wait(&self, timeout: Option<Duration>) {
        let _ = timeout;
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskEnd {
    /// Its future returned.
    Returned,
    /// Its future panicked.
    Panicked,
    /// Its future was dropped before that.
    Cancelled,
}

impl From<Ended> for TaskEnd {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Returned | Ended::Before => Self::Returned,
            Ended::Panicked => Self::Panicked,
            Ended::Cancelled => Self::Cancelled,
        }
    }
}

/// What a hook is told of a task.
///
/// ```
/// use simoom::runtime::Builder;
///
/// let rt = Builder::new_current_thread()
///     .on_task_spawn(|task| assert_eq!(task.spawned_at().file(), file!()))
///     .build()
///     .unwrap();
/// rt.block_on(async { simoom::spawn(async {}).await.unwrap() });
/// ```
#[derive(Clone, Copy)]
pub struct TaskMeta<'a> {
    task: TaskRef<'a>,
}

impl<'a> TaskMeta<'a> {
    pub(super) fn of(task: TaskRef<'a>) -> Self {
        Self { task }
    }

    /// The task.
    #[must_use]
    pub fn id(&self) -> Id {
        self.task.id()
    }

    /// Its name, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        self.task.name()
    }

    /// Where it was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.task.location()
    }

    /// The type of its future.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.task.type_name()
    }
}

impl fmt::Display for TaskMeta<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id())?;
        if let Some(name) = self.name() {
            write!(f, " ({name})")?;
        }
        write!(f, ", spawned at {}", self.spawned_at())
    }
}

impl fmt::Debug for TaskMeta<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskMeta")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("spawned_at", &self.spawned_at())
            .finish_non_exhaustive()
    }
}
