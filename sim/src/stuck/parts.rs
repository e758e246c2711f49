//! Parts of tasks that are polled with wakers of their own.
//!
//! Owns the latest of those wakers, and the stacks of futures that stand in a queue. Knows nothing
//! of tasks. `FuturesUnordered` and its kin poll a future only when its own waker was called. Parts
//! that wait for anything but locks, channels and tasks are not kept: a kept waker outlives its use.

use std::backtrace::Backtrace;
use std::collections::{BTreeSet, VecDeque};
use std::task::Waker;

use simoom::backend::QueuePlace;

/// The wakers of parts, and where they wait.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    wakers: VecDeque<Waker>,
    known: BTreeSet<usize>,
    stacks: Vec<(QueuePlace, Backtrace)>,
}

impl Parts {
    /// Whether the waker at this place is kept.
    pub(crate) fn knows(&self, waker: usize) -> bool {
        self.known.contains(&waker)
    }

    /// Keeps a waker; the one that it takes the place of is to be dropped.
    pub(crate) fn keep(&mut self, waker: Waker) -> Option<Waker> {
        self.known.insert(waker.data().addr());
        self.wakers.push_back(waker);
        let oldest = (self.wakers.len() > KEPT_MAX).then(|| self.wakers.pop_front());
        let oldest = oldest.flatten()?;
        self.known.remove(&oldest.data().addr());
        Some(oldest)
    }

    /// Clones are foreign code: the caller makes them without a borrow of anything else.
    pub(crate) fn wakers(&self) -> Vec<Waker> {
        self.wakers.iter().cloned().collect()
    }

    /// The wakers, to be dropped.
    pub(crate) fn into_wakers(self) -> impl Iterator<Item = Waker> {
        self.wakers.into_iter()
    }

    /// Keeps where a future stands that waits in `place`, unless it is known.
    pub(crate) fn keep_stack(&mut self, place: QueuePlace) {
        if !self.stacks.iter().any(|(known, _)| *known == place) {
            self.stacks.push((place, Backtrace::force_capture()));
        }
    }

    /// Forgets where the future stood that waited in `place`.
    pub(crate) fn forget_stack(&mut self, place: QueuePlace) {
        self.stacks.retain(|(known, _)| *known != place);
    }

    /// Where the future stands that waits in `place`.
    pub(crate) fn stack(&self, place: QueuePlace) -> Option<String> {
        let known = self.stacks.iter().find(|(known, _)| *known == place);
        known.map(|(_, stack)| stack.to_string())
    }
}

/// The most wakers that are kept. Each keeps what it wakes in memory.
const KEPT_MAX: usize = 256;
