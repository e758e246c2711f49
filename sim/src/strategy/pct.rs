//! Probabilistic concurrency testing.
//!
//! Burckhardt, Kothari, Musuvathi, Nagarakatte: "A randomized scheduler with probabilistic
//! guarantees of finding bugs", ASPLOS 2010. Only choices with two or more runnable tasks count as
//! steps; the number of steps comes from a calm run. A task that spins forever under the highest
//! priority would hide every other: after twice the horizon the tail is a fair random walk.

use std::collections::BTreeMap;

use super::random::{Disturbance, Random};
use super::{Choose, Odds, Scheduling};
use crate::choice::{AnchorHash, below, value};

/// Runs the task of the highest priority, and lowers priorities at a few random steps.
#[derive(Debug)]
pub(crate) struct Pct {
    seed: u64,
    step: u64,
    horizon: u64,
    /// Steps at which the running task's priority is lowered, and to what; in the order of steps.
    /// The priorities are not in order: some later change must leave its task above an earlier.
    changes: Vec<(u64, u64)>,
    /// Priorities lowered so far; below every drawn one.
    lowered: BTreeMap<u64, u64>,
    tail: Random,
    disturb: Disturbance,
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
            horizon,
            changes,
            lowered: BTreeMap::new(),
            tail: Random::new(seed),
            disturb: Disturbance::new(seed),
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

impl Choose for Pct {
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize {
        self.step += 1;
        if self.step > 2 * self.horizon {
            return self.tail.sched(asked);
        }
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

    fn pick(&mut self, anchor: AnchorHash, alternatives: u64) -> u64 {
        self.disturb.pick(anchor, alternatives)
    }

    fn delay(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.disturb.delay(anchor, most)
    }

    fn short(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.disturb.short(anchor, most)
    }

    fn stall(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.disturb.stall(anchor, most)
    }

    fn fault(&mut self, anchor: AnchorHash, odds: &Odds) -> u64 {
        self.disturb.fault(anchor, odds)
    }
}
