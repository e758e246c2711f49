//! Probabilistic concurrency testing.
//!
//! Burckhardt, Kothari, Musuvathi, Nagarakatte: "A randomized scheduler with probabilistic
//! guarantees of finding bugs", ASPLOS 2010. Only choices with two or more runnable tasks count as
//! steps; the number of steps comes from a calm run.
//!
//! The paper chooses among threads whose next step can be done. A task in front of a lock that
//! another holds can go on all the same: it takes its place in the queue. Since a lock goes to whoever
//! has waited longest, priorities then no longer decide who has it next, which hides what needs a
//! task to overtake those that wait. So such a task counts as one that cannot go on, as in the paper:
//! it comes behind all others, and queues form where all others wait.

use std::collections::BTreeMap;

use simoom::backend::OpKind;

use super::{Order, Scheduling, Step, Thing};
use crate::choice::{below, value};

/// Runs the task of the highest priority, and lowers priorities at a few random steps.
#[derive(Debug)]
pub(crate) struct Pct {
    seed: u64,
    step: u64,
    /// Steps after which the priority of the task that made them is lowered, and to what; in the
    /// order of steps.
    /// The priorities are not in order: some later change must leave its task above an earlier.
    changes: Vec<(u64, u64)>,
    /// Priorities lowered so far; below every drawn one.
    lowered: BTreeMap<u64, u64>,
    /// Who holds which lock.
    held: BTreeMap<Thing, u64>,
}

const PRIORITY: u64 = 0x0000_7072_696f;
const CHANGE: u64 = 0x6368_616e_6765;

impl Pct {
    pub(crate) fn new(seed: u64, depth: u32, horizon: u64) -> Self {
        // After the last step there is nothing to change.
        let last = horizon.max(2) - 1;
        let changes = u64::from(depth.saturating_sub(1));
        let mut changes: Vec<_> = (0..changes)
            .map(|index| (1 + below(value(seed, CHANGE, index), last), index + 1))
            .collect();
        changes.sort_unstable();
        Self {
            seed,
            step: 0,
            changes,
            lowered: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }

    /// Whether what the task of this rank does next can be done.
    fn is_enabled(&self, asked: &Scheduling<'_>, rank: usize) -> bool {
        if self.held.is_empty() {
            return true;
        }
        let next = asked.look.doing(rank);
        let holder = self.held.get(&next.thing);
        let is_free = holder.is_none_or(|&holder| holder == asked.runnable[rank]);
        next.kind != Some(OpKind::Lock) || is_free
    }

    fn priority(&self, path: u64) -> u64 {
        match self.lowered.get(&path) {
            Some(&lowered) => lowered,
            // Above every lowered priority.
            None => value(self.seed, PRIORITY, path) | (1 << 63),
        }
    }
}

impl Order for Pct {
    fn next(&mut self, asked: &Scheduling<'_>) -> usize {
        self.step += 1;
        let best = (0..asked.runnable.len()).max_by_key(|&rank| {
            let priority = self.priority(asked.runnable[rank]);
            (self.is_enabled(asked, rank), priority)
        });
        let best = best.unwrap_or(asked.calm);
        while let Some(&(step, priority)) = self.changes.first()
            && step <= self.step
        {
            self.changes.remove(0);
            self.lowered.insert(asked.runnable[best], priority);
        }
        best
    }

    fn listens(&self) -> bool {
        true
    }

    fn completed(&mut self, step: &Step) {
        if step.is_beside {
            // Whoever gives it back.
            self.held.remove(&step.did.thing);
        } else if step.did.kind == Some(OpKind::Lock) {
            self.held.insert(step.did.thing, step.task);
        }
    }
}
