//! Who is told of what a runtime does.
//!
//! Owns the order in which instruments are told, and that none harms the runtime. The functions at the
//! end are what the task cell calls for tasks that are watched; they cost nothing elsewhere.

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::said::{contain, say};
use super::slow::{Slow, SlowHook};
use super::times::Times;
use super::{Instrument, TaskEnd, TaskMeta};
use crate::context;
use crate::site::set_tell;
use crate::task::cell::{Ended, TaskRef};

/// Everybody who is told of what one world does.
#[derive(Default)]
pub struct Watch {
    told: Vec<Told>,
    /// Times are kept of each task.
    keeps_times: bool,
    slow: Option<Arc<Slow>>,
    /// Futures that were made in vain are told of: once for each line.
    unpolled: Option<Mutex<BTreeSet<usize>>>,
}

/// What a runtime is to find out by itself.
#[derive(Default)]
pub(crate) struct Debug {
    /// Tell of futures that were made and never polled.
    pub(crate) unpolled: bool,
    /// Keep times of each task.
    pub(crate) times: bool,
    /// A poll that takes longer is told of.
    pub(crate) slow_poll: Option<Duration>,
    /// Whom it is told, if not people.
    pub(crate) on_slow_poll: Option<SlowHook>,
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
        let watch = Self {
            told: told.collect(),
            ..Self::default()
        };
        (!watch.told.is_empty()).then(|| Arc::new(watch))
    }

    /// As [`of`](Self::of), of a runtime that finds out something by itself.
    pub(crate) fn debugging(
        instruments: impl IntoIterator<Item = Arc<dyn Instrument>>,
        debug: Debug,
    ) -> Option<Arc<Self>> {
        let watch = Self::of(instruments);
        let Debug {
            unpolled,
            times: keeps_times,
            slow_poll,
            on_slow_poll,
        } = debug;
        let slow = slow_poll.map(|most| Slow::new(most, on_slow_poll));
        if !keeps_times && !unpolled && slow.is_none() {
            return watch;
        }
        let mut watch = watch.and_then(Arc::into_inner).unwrap_or_default();
        (watch.keeps_times, watch.slow) = (keeps_times, slow);
        watch.unpolled = unpolled.then(Mutex::default);
        Some(Arc::new(watch))
    }

    /// Whether times are kept of each task.
    pub(crate) fn keeps_times(&self) -> bool {
        self.keeps_times
    }

    /// The future of `block_on` is about to be polled, which is no task.
    pub(crate) fn before_root(&self) {
        self.look_for_unpolled();
        if let Some(slow) = &self.slow {
            slow.begin(None);
        }
    }

    /// It was polled.
    pub(crate) fn after_root(&self) {
        set_tell(None);
        if let Some(slow) = &self.slow {
            slow.end();
        }
    }

    fn spawned(&self, task: TaskRef<'_>) {
        if self.keeps_times {
            task.extra().times.get_or_init(|| Box::new(Times::new()));
        }
        self.tell_of(task, |it, task| it.task_spawned(task));
    }

    fn scheduled(&self, task: TaskRef<'_>) {
        if let Some(times) = self.times(task) {
            times.scheduled();
        }
        self.tell_of(task, |it, task| it.task_scheduled(task));
    }

    fn will_step(&self, task: TaskRef<'_>) {
        self.tell_of(task, |it, task| it.before_task_step(task));
        if let Some(slow) = &self.slow {
            slow.begin(Some(task));
        }
        if let Some(times) = self.times(task) {
            times.will_step();
        }
        self.look_for_unpolled();
    }

    fn stepped(&self, task: TaskRef<'_>) {
        set_tell(None);
        if let Some(times) = self.times(task) {
            times.stepped();
        }
        if let Some(slow) = &self.slow {
            slow.end();
        }
        self.tell_of(task, |it, task| it.after_task_step(task));
    }

    /// A poll begins, in which futures may be made in vain.
    fn look_for_unpolled(&self) {
        if self.unpolled.is_some() {
            set_tell(Some(tell_unpolled));
        }
    }

    /// A future that was made at `location` was dropped without a poll.
    fn tell_unpolled(&self, location: &'static Location<'static>) {
        let Some(known) = &self.unpolled else {
            return;
        };
        let place = std::ptr::from_ref(location).addr();
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = known.insert(place);
        drop(known);
        if is_new {
            say(&format_args!(
                "what was made at {location} was never polled, and has done nothing: is an `.await` \
                 missing?"
            ));
        }
    }

    fn ended(&self, task: TaskRef<'_>, how: TaskEnd) {
        if let Some(times) = self.times(task) {
            times.ended();
        }
        self.tell_of(task, |it, task| it.task_exited(task, how));
    }

    fn times<'a>(&self, task: TaskRef<'a>) -> Option<&'a Times> {
        if !self.keeps_times {
            return None;
        }
        task.times()
    }

    /// A thread begins to run the world; until what this returns is dropped.
    pub fn run(self: &Arc<Self>) -> WatchedRun {
        self.tell(|it| it.before_run());
        if let Some(slow) = &self.slow {
            slow.run();
        }
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
            if !contain(|| what(&*told.instrument)) {
                told.is_broken.store(true, Ordering::Relaxed);
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

fn tell_unpolled(location: &'static Location<'static>) {
    let watch = context::with_holder(|backend| backend?.watch());
    if let Some(watch) = watch {
        watch.tell_unpolled(location);
    }
}

/// A task is new.
#[cold]
pub(crate) fn spawned(task: TaskRef<'_>) {
    of(task, |watch| watch.spawned(task));
}

/// A task was queued.
#[cold]
pub(crate) fn scheduled(task: TaskRef<'_>) {
    of(task, |watch| watch.scheduled(task));
}

/// A task is about to be polled.
#[cold]
pub(crate) fn will_step(task: TaskRef<'_>) {
    of(task, |watch| watch.will_step(task));
}

/// A task was polled.
#[cold]
pub(crate) fn stepped(task: TaskRef<'_>) {
    of(task, |watch| watch.stepped(task));
}

/// A task has ended.
#[cold]
pub(crate) fn ended(task: TaskRef<'_>, how: Ended) {
    of(task, |watch| watch.ended(task, how.into()));
}
