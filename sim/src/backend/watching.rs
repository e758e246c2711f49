//! Instruments that are told what a simulation does.
//!
//! Owns which there are, and that they are told nothing once the run is over. Knows nothing of what
//! they are told: the runtime's task cell says that.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use simoom::backend::{Watch, WatchedRun, set_watched};
use simoom::runtime::Instrument;

use super::SimBackend;
use crate::intercept;

/// Those who are told.
#[derive(Default)]
pub(super) struct Watching {
    instruments: RefCell<Vec<Arc<dyn Instrument>>>,
    watch: RefCell<Option<Arc<Watch>>>,
    is_watched: Cell<bool>,
    /// What each is told at the end.
    runs: RefCell<Vec<WatchedRun>>,
}

impl SimBackend {
    /// Tells `instrument` what is done from now on.
    pub(crate) fn instrument(&self, instrument: Arc<dyn Instrument>) {
        let watching = &self.watching;
        watching.instruments.borrow_mut().push(instrument.clone());
        let all = watching.instruments.borrow().clone();
        let replaced = watching.watch.replace(Watch::of(all));
        drop(replaced);
        watching.is_watched.set(true);
        set_watched();
        let run = Watch::of([instrument]).map(|watch| watch.run());
        watching.runs.borrow_mut().extend(run);
    }

    /// Says on this thread, which goes on with the run, that it is watched.
    pub(crate) fn publish_watched(&self) {
        if self.watching.is_watched.get() {
            set_watched();
        }
    }

    pub(super) fn watching_now(&self) -> Option<Arc<Watch>> {
        if !self.watching.is_watched.get() || self.is_over() {
            return None;
        }
        self.watching.watch.borrow().clone()
    }

    /// Lets time pass in `wait`, as no task can run.
    pub(crate) fn io_wait<R>(&self, wait: impl FnOnce() -> R) -> R {
        let Some(watch) = self.watching_now() else {
            return wait();
        };
        let timeout = self.with(|world| {
            let deadline = world.timers.next_deadline()?;
            Some(deadline.saturating_duration_since(world.now()))
        });
        intercept::simulated(|| watch.before_io_wait(timeout));
        let result = wait();
        intercept::simulated(|| watch.after_io_wait(timeout));
        result
    }

    /// The run is over: nobody is told anything any more.
    pub(crate) fn end_watch(&self) {
        self.watching.is_watched.set(false);
        let runs = self.watching.runs.take();
        intercept::simulated(|| drop(runs));
        let watch = self.watching.watch.take();
        let instruments = self.watching.instruments.take();
        intercept::simulated(|| drop((watch, instruments)));
    }
}
