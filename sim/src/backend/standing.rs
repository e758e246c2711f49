//! Where tasks and their parts stand, for the report of a run that does not go on.
//!
//! Owns how a task is polled to see that, and the wakers of its parts. Knows nothing of what follows
//! from it.

use std::backtrace::Backtrace;
use std::task::{Context, Waker};

use simoom::backend::{News, Op, QueuePlace, Task};

use super::{Probing, SimBackend, Tracing};
use crate::intercept;
use crate::stuck::{Parts, Traced};
use crate::world::{World, each};

impl SimBackend {
    /// Polls with `poll`, collecting where the polled task is stuck instead of letting it go on.
    pub(crate) fn tracing(&self, with_stacks: bool, poll: impl FnOnce()) -> Vec<Traced> {
        self.tracing.replace(Some(Tracing {
            with_stacks,
            traced: Vec::new(),
        }));
        poll();
        let tracing = self.tracing.take();
        tracing.map_or_else(Vec::new, |tracing| tracing.traced)
    }

    pub(super) fn trace(&self, cx: &Context<'_>, op: &Op<'_>) -> bool {
        let mut tracing = self.tracing.borrow_mut();
        let Some(tracing) = tracing.as_mut() else {
            return false;
        };
        let world = self.world.borrow();
        let thing = op.resource;
        tracing.traced.push(Traced {
            kind: op.kind,
            thing: thing.and_then(|thing| world.resources.number(world.id, thing)),
            name: thing.and_then(|thing| world.resources.get(world.id, thing)),
            is_contained: op.is_contained,
            is_of_file: world.files.is_used_by(op.resource),
            site: op.site,
            waker: cx.waker().data().addr(),
            stack: (tracing.with_stacks).then(|| Backtrace::force_capture().to_string()),
        });
        true
    }

    /// Polls with `poll` after the run; true if an operation is completed, which is the last.
    pub(crate) fn probing(&self, poll: impl FnOnce()) -> bool {
        self.probing.set(Probing::Yes);
        poll();
        self.probing.replace(Probing::No) == Probing::Over
    }

    /// Says which task is polled from now on.
    pub(crate) fn set_running(&self, task: &Task) {
        self.own_waker.set(task.view().waker_data().addr());
    }

    /// Keeps the waker of a part of the running task.
    pub(super) fn keep_part_waker(&self, waker: &Waker) {
        if self.parts.borrow().knows(waker.data().addr()) {
            return;
        }
        let waker = waker.clone();
        let oldest = self.parts.borrow_mut().keep(waker);
        // What its destructor throws is not this task's business.
        let _ = each(oldest, drop);
    }

    /// Wakes the parts of tasks that are polled only if they were woken.
    pub(crate) fn wake_parts(&self) {
        let wakers = self.parts.borrow().wakers();
        let _ = intercept::simulated(|| each(wakers, Waker::wake));
    }

    /// Wakes whoever waits for something of this world, but for tasks themselves: `is_task` says of
    /// the place of a waker if it is one's. Nothing wakes them any more after that.
    pub(crate) fn wake_registered(&self, is_task: impl Fn(usize) -> bool) {
        let wakers = self.with(World::take_registered);
        let (tasks, parts): (Vec<_>, Vec<_>) = wakers
            .into_iter()
            .partition(|waker| is_task(waker.data().addr()));
        let _ = intercept::simulated(|| each(parts, Waker::wake));
        let _ = intercept::simulated(|| each(tasks, drop));
    }

    /// What is kept of parts, to be dropped at the end of the world.
    pub(crate) fn take_parts(&self) -> Parts {
        self.parts.take()
    }

    /// Keeps where a future stands that is in a queue, for the report.
    pub(super) fn keep_stack_of(&self, news: &News<'_>) {
        match *news {
            News::Waits { place, .. } if self.world.borrow().tells_everything() => {
                self.parts.borrow_mut().keep_stack(place);
            }
            News::Left { place } => self.parts.borrow_mut().forget_stack(place),
            _ => {}
        }
    }

    /// Where the future stands that waits in `place`.
    pub(crate) fn stack_of(&self, place: QueuePlace) -> Option<String> {
        self.parts.borrow().stack(place)
    }
}
