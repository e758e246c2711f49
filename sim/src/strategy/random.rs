//! A random walk: each choice of a task is drawn on its own, from its anchor.
//!
//! The probability is drawn once per seed, so that some seeds switch tasks all the time and some
//! hardly ever (swarm testing: Groce and others, ISSTA 2012).

use super::disturbance::{COIN, one_of};
use super::{Order, Scheduling};
use crate::choice::{below, value};

/// Draws who goes on from the seed and the anchor alone.
#[derive(Debug)]
pub(crate) struct Random {
    seed: u64,
    /// Out of 256: how often a task that could go on is interrupted.
    preempt: u64,
}

const SCHED: u64 = 0x0073_6368_6564;

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let preempt = one_of(seed, 0, &[128, 64, 16, 4]);
        Self { seed, preempt }
    }
}

impl Order for Random {
    fn next(&mut self, asked: &Scheduling<'_>) -> usize {
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
}
