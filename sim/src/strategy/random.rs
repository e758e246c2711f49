//! A random walk: every choice is drawn on its own, from its anchor.
//!
//! The probabilities are drawn once per seed, so that some seeds switch tasks all the time and
//! some hardly ever, and each family of choices is left calm by some seeds (swarm testing: Groce
//! and others, ISSTA 2012).

use super::disturbance::{COIN, Disturbance, one_of};
use super::{Choose, Odds, Scheduling};
use crate::choice::{AnchorHash, below, value};

/// Draws every choice from the seed and its anchor alone.
#[derive(Debug)]
pub(crate) struct Random {
    seed: u64,
    /// Out of 256: how often a task that could go on is interrupted.
    preempt: u64,
    disturb: Disturbance,
}

const SCHED: u64 = 0x0073_6368_6564;

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let preempt = one_of(seed, 0, &[128, 64, 16, 4]);
        Self {
            seed,
            preempt,
            disturb: Disturbance::new(seed),
        }
    }
}

impl Choose for Random {
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize {
        let anchor = asked.anchor;
        let bits = value(self.seed, SCHED, anchor.0);
        if let Some(current) = asked.current {
            if value(self.seed, COIN, anchor.0) & 255 >= self.preempt {
                return current;
            }
            // Any other than the current one.
            let other = below(bits, asked.runnable.len() as u64 - 1) as usize;
            return if other < current { other } else { other + 1 };
        }
        below(bits, asked.runnable.len() as u64) as usize
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

    fn cancel(&mut self, anchor: AnchorHash, odds: &Odds) -> u64 {
        self.disturb.cancel(anchor, odds)
    }
}
