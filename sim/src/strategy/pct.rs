//! Probabilistic concurrency testing.
//!
//! Burckhardt, Kothari, Musuvathi, Nagarakatte: "A randomized scheduler with probabilistic
//! guarantees of finding bugs", ASPLOS 2010. Only choices with two or more runnable tasks count as
//! steps; the number of steps comes from a calm run.

use std::collections::BTreeMap;

use super::{Order, Scheduling};
use crate::choice::{below, value};

/// Runs the task of the highest priority, and lowers priorities at a few random steps.
#[derive(Debug)]
pub(crate) struct Pct {
    seed: u64,
    step: u64,
    /// Steps at which the running task's priority is lowered, and to what; in the order of steps.
    /// The priorities are not in order: some later change must leave its task above an earlier.
    changes: Vec<(u64, u64)>,
    /// Priorities lowered so far; below every drawn one.
    lowered: BTreeMap<u64, u64>,
}

const PRIORITY: u64 = 0x0000_7072_696f;
const CHANGE: u64 = 0x6368_616e_6765;

impl Pct {
    pub(crate) fn new(seed: u64, depth: u32, horizon: u64) -> Self {
        let horizon = horizon.max(2);
        let changes = u64::from(depth.saturating_sub(1));
        let mut changes: Vec<_> = (0..changes)
            .map(|index| (below(value(seed, CHANGE, index), horizon), index + 1))
            .collect();
        changes.sort_unstable();
        Self {
            seed,
            step: 0,
            changes,
            lowered: BTreeMap::new(),
        }
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
        // A change waits for a step at which the running task could go on.
        if let Some(current) = asked.current {
            while let Some(&(step, priority)) = self.changes.first()
                && step < self.step
            {
                self.changes.remove(0);
                self.lowered.insert(asked.runnable[current], priority);
            }
        }
        let best =
            (0..asked.runnable.len()).max_by_key(|&index| self.priority(asked.runnable[index]));
        best.unwrap_or(asked.calm)
    }
}
