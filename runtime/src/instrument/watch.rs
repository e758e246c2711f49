//! Who is told of what a runtime does.
//!
//! Owns the order in which instruments are told, and that none harms the runtime. The functions at the
//! end are what the task cell calls for tasks that are watched; they cost nothing elsewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Instrument, TaskEnd, TaskMeta};
use crate::context;
use crate::task::cell::{Ended, TaskRef};

/// Everybody who is told of what one world does.
#[derive(Default)]
pub struct Watch {
    told: Vec<Told>,
}

struct Told {
    instrument: Arc<dyn Instrument>,
    /// It has panicked, and is told nothing any more.
    is_broken: AtomicBool,
}

impl Watch {
    /// Those who are to be told, in this order; `None` if there are none.
    #[must_use]
    pub fn of(instruments: impl IntoIterator<Item = Arc<dyn Instrument>>) -> Option<Arc<Self>> {
        let told = instruments.into_iter().map(|instrument| Told {
            instrument,
            is_broken: AtomicBool::new(false),
        });
        let told: Vec<_> = told.collect();
        (!told.is_empty()).then(|| Arc::new(Self { told }))
    }

    /// A thread begins to run the world; until what this returns is dropped.
    pub fn run(self: &Arc<Self>) -> WatchedRun {
        self.tell(|it| it.before_run());
        WatchedRun(self.clone())
    }

    /// The thread that runs the world is about to wait, as nothing can be done.
    pub fn before_io_wait(&self, timeout: Option<Duration>) {
        self.tell(|it| it.before_io_wait(timeout));
    }

    /// The thread has waited.
    pub fn after_io_wait(&self, timeout: Option<Duration>) {
        self.tell(|it| it.after_io_wait(timeout));
    }

    fn tell_of(&self, task: TaskRef<'_>, what: impl Fn(&dyn Instrument, &TaskMeta<'_>)) {
        let task = TaskMeta::of(task);
        self.tell(|it| what(it, &task));
    }

    fn tell(&self, what: impl Fn(&dyn Instrument)) {
        for told in &self.told {
            if told.is_broken.load(Ordering::Relaxed) {
                continue;
            }
            let told_well = catch_unwind(AssertUnwindSafe(|| what(&*told.instrument)));
            if let Err(payload) = told_well {
                told.is_broken.store(true, Ordering::Relaxed);
                // Its destructor may panic again.
                std::mem::forget(payload);
            }
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("instruments", &self.told.len())
            .finish_non_exhaustive()
    }
}

/// A thread runs a world that is watched.
#[derive(Debug)]
#[must_use = "the run is over when this is dropped"]
pub struct WatchedRun(Arc<Watch>);

impl Drop for WatchedRun {
    fn drop(&mut self) {
        self.0.tell(|it| it.after_run());
    }
}

/// Runs `f` with whoever watches the world that this thread holds, if `task` is one of its.
fn of(task: TaskRef<'_>, f: impl FnOnce(&Watch)) {
    if context::owner() == task.owner()
        && let Some(watch) = context::with_holder(|backend| backend?.watch())
    {
        f(&watch);
    }
}

/// A task is new.
#[cold]
pub(crate) fn spawned(task: TaskRef<'_>) {
    of(task, |watch| {
        watch.tell_of(task, |it, task| it.task_spawned(task))
    });
}

/// A task was queued.
#[cold]
pub(crate) fn scheduled(task: TaskRef<'_>) {
    of(task, |watch| {
        watch.tell_of(task, |it, task| it.task_scheduled(task))
    });
}

/// A task is about to be polled.
#[cold]
pub(crate) fn will_step(task: TaskRef<'_>) {
    of(task, |watch| {
        watch.tell_of(task, |it, task| it.before_task_step(task))
    });
}

/// A task was polled.
#[cold]
pub(crate) fn stepped(task: TaskRef<'_>) {
    of(task, |watch| {
        watch.tell_of(task, |it, task| it.after_task_step(task))
    });
}

/// A task has ended.
#[cold]
pub(crate) fn ended(task: TaskRef<'_>, how: Ended) {
    let how = TaskEnd::from(how);
    of(task, |watch| {
        watch.tell_of(task, |it, task| it.task_exited(task, how))
    });
}
