//! The beginning of a stored run, then another end.
//!
//! Owns where the one gives way to the other: after so many choices, whatever they are about but
//! cancelling. Knows nothing of how either of the two decides.

use super::{Choose, Odds, Replay, Scheduling, Step};
use crate::choice::{AnchorHash, Plan};

/// Makes the first choices as a plan does, and lets `tail` make the others.
pub(crate) struct Prefix {
    stored: Replay,
    /// How many choices are still the plan's.
    kept: u64,
    tail: Box<dyn Choose>,
}

impl Prefix {
    /// Keeps the first `kept` choices of the run of `plan`.
    pub(crate) fn new(plan: &Plan, kept: u64, tail: Box<dyn Choose>) -> Self {
        let stored = Replay::of(plan);
        Self { stored, kept, tail }
    }

    /// Who makes the next choice.
    fn next(&mut self) -> &mut dyn Choose {
        if self.kept == 0 {
            return &mut *self.tail;
        }
        self.kept -= 1;
        &mut self.stored
    }
}

impl Choose for Prefix {
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize {
        self.next().sched(asked)
    }

    fn pick(&mut self, anchor: AnchorHash, alternatives: u64) -> u64 {
        self.next().pick(anchor, alternatives)
    }

    fn delay(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.next().delay(anchor, most)
    }

    fn short(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.next().short(anchor, most)
    }

    fn stall(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.next().stall(anchor, most)
    }

    fn fault(&mut self, anchor: AnchorHash, odds: &Odds) -> u64 {
        self.next().fault(anchor, odds)
    }

    /// What a test leaves out of its workload is no chance: it stays left out.
    fn work(&mut self, anchor: AnchorHash) -> u64 {
        self.next();
        self.stored.work(anchor)
    }

    /// Asked at every await, so that it does not count.
    fn cancel(&mut self, anchor: AnchorHash, odds: &Odds) -> u64 {
        match self.kept {
            0 => self.tail.cancel(anchor, odds),
            _ => self.stored.cancel(anchor, odds),
        }
    }

    fn listens(&self) -> bool {
        self.tail.listens()
    }

    // The tail is told of what came before its turn, too: what it knows of the tasks is to be true.

    fn spawned(&mut self, parent: u64, child: u64) {
        self.tail.spawned(parent, child);
    }

    fn completed(&mut self, step: &Step) {
        self.tail.completed(step);
    }
}
