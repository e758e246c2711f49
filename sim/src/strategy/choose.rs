//! What a strategy is asked, and what it is told.
//!
//! Owns the words between the world and a strategy. Knows nothing of how either decides.

use std::panic::Location;

use simoom::backend::OpKind;

use super::explorer::Explored;
use super::profile::Profile;
use crate::choice::{AnchorHash, below};

/// What a strategy is asked about the order of tasks.
#[derive(Clone, Copy)]
pub(crate) struct Scheduling<'a> {
    /// Where the choice is made.
    pub(crate) anchor: AnchorHash,
    /// The tasks that can run, by path hash, in path order.
    pub(crate) runnable: &'a [u64],
    /// The task that was running, if it can go on.
    pub(crate) current: Option<usize>,
    /// What calm would choose.
    pub(crate) calm: usize,
    /// The virtual time.
    pub(crate) now_ns: i64,
    /// What else is known of the tasks that can run.
    pub(crate) look: &'a dyn Look,
}

/// What is known of the tasks that can run, by rank.
pub(crate) trait Look {
    /// What the task does next, as far as that is known: the operation that it was stopped at.
    fn doing(&self, rank: usize) -> Doing;

    /// The hash of the name of the task's node.
    fn node(&self, rank: usize) -> u64;
}

/// A thing that tasks share, by a number that holds for this run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Thing(pub(crate) u32);

impl Thing {
    /// Nothing that others can see.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// An operation that a task is about to do, or has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doing {
    /// The hash of the task's path without counts: equal for tasks that are equal siblings.
    pub(crate) kin: u64,
    /// `None` for a task that has not come to an operation yet.
    pub(crate) kind: Option<OpKind>,
    /// What it acts on.
    pub(crate) thing: Thing,
    /// Whether it changes that.
    pub(crate) writes: bool,
    /// Whether all that it does, it does to that.
    pub(crate) is_contained: bool,
    pub(crate) site: &'static Location<'static>,
}

impl Doing {
    /// Whether the order of the two can matter: they act on one thing, and one of them changes it.
    pub(crate) fn races(&self, other: &Self) -> bool {
        self.thing != Thing::NONE && self.thing == other.thing && (self.writes || other.writes)
    }
}

/// An operation that a task completed, or what it changed without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The task's path hash.
    pub(crate) task: u64,
    pub(crate) did: Doing,
    /// It had no operation of its own: kind and place are those of the operation before.
    pub(crate) is_beside: bool,
}

/// Makes the environment's choices of one run.
pub(crate) trait Choose {
    /// Which of the runnable tasks goes on.
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize;

    /// One of `alternatives`; calm is 0. `alternatives` is at least 2.
    fn pick(&mut self, anchor: AnchorHash, alternatives: u64) -> u64;

    /// At most `most` nanoseconds above the least delay; calm is 0.
    fn delay(&mut self, anchor: AnchorHash, most: u64) -> u64;

    /// How many of at most `most` bytes to leave out; calm is 0.
    fn short(&mut self, anchor: AnchorHash, most: u64) -> u64;

    /// How many of at most `most` nanoseconds a task is held up; calm is 0.
    fn stall(&mut self, anchor: AnchorHash, most: u64) -> u64;

    /// How big a fault is that happens here; calm is 0, it does not happen.
    fn fault(&mut self, anchor: AnchorHash, odds: &Odds) -> u64;

    /// Whether an operation of a workload is left out, as 1; calm is 0, it is done. None is left out
    /// to find a failure.
    fn work(&mut self, _anchor: AnchorHash) -> u64 {
        0
    }

    /// Whether what waits here is cancelled: 1 as it waits, 2 once it was woken; calm is 0.
    fn cancel(&mut self, _anchor: AnchorHash, _odds: &Odds) -> u64 {
        0
    }

    /// Whether it wants to be told of what tasks do: that takes time.
    fn listens(&self) -> bool {
        false
    }

    /// The task `parent` has spawned `child`; both by path hash.
    fn spawned(&mut self, _parent: u64, _child: u64) {}

    /// A task has completed an operation, or changed something since the last.
    fn completed(&mut self, _step: &Step) {}

    /// A task tries an operation, which may come to nothing yet: it may see that there is nothing,
    /// or take its place in a queue.
    fn tried(&mut self, _step: &Step) {}

    /// Something was done that any task may depend on.
    fn disturbed(&mut self) {}

    /// What was learnt of the run, if that was what it was for.
    fn learnt(&mut self) -> Learnt {
        Learnt::Nothing
    }
}

/// What a run was for, if not for its verdict alone.
#[derive(Debug, Default)]
pub(crate) enum Learnt {
    #[default]
    Nothing,
    /// What strategies want to know of the program.
    Profile(Profile),
    /// Where else it could have gone on.
    Orders(Explored),
    /// What the run has that others may not have.
    #[cfg(feature = "fuzzing")]
    Noticed(super::given::Noticed),
}

/// Orders tasks, and leaves all else to others.
pub(crate) trait Order {
    /// Which of the runnable tasks goes on.
    fn next(&mut self, asked: &Scheduling<'_>) -> usize;

    /// Whether it wants to be told of what tasks do.
    fn listens(&self) -> bool {
        false
    }

    /// The task `parent` has spawned `child`; both by path hash.
    fn spawned(&mut self, _parent: u64, _child: u64) {}

    /// A task has completed an operation, or changed something since the last.
    fn completed(&mut self, _step: &Step) {}
}

/// How probable a fault is, and how big.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Odds {
    /// It happens in `part` of `whole` cases.
    pub(crate) part: u64,
    pub(crate) whole: u64,
    /// The least and the most that it is, in its own unit; both are above 0.
    pub(crate) least: u64,
    pub(crate) most: u64,
}

impl Odds {
    /// It never happens.
    pub(crate) const NEVER: Self = Self {
        part: 0,
        whole: 1,
        least: 1,
        most: 1,
    };

    /// How big the fault is by two draws of 64 bits; 0 if it does not happen.
    pub(super) fn drawn(&self, coin: u64, size: u64) -> u64 {
        let happens = u128::from(coin) * u128::from(self.whole) < u128::from(self.part) << 64;
        if !happens {
            return 0;
        }
        // Every order of magnitude above the least alike.
        let span = self.most - self.least;
        let orders = u64::from(u64::BITS - span.leading_zeros());
        let smaller = below(size.rotate_left(29), orders + 1) as u32;
        let span = span.checked_shr(smaller).unwrap_or(0);
        self.least + below(size, span.saturating_add(1))
    }
}
