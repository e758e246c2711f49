//! An order of tasks with a fair end.
//!
//! Owns when an order that may starve a task gives way to one that cannot, and what no order of
//! tasks decides: delays, branches, faults. An order by priorities lets a task spin for ever while
//! the one that it waits for never runs; a run that ends at its limit of steps then says nothing.
//! After about twice as many choices as the calm run made (and at least [`LEAST`]), and at the latest
//! when a quarter of the steps is spent that a run may take, a random walk goes on, so that what
//! never ends is the program's own doing.

use super::disturbance::Disturbance;
use super::random::Random;
use super::{Choose, Odds, Order, Scheduling, Step};
use crate::choice::AnchorHash;

/// The fewest choices that are left to the order itself.
const LEAST: u64 = 256;

/// `order`, then a random walk.
#[derive(Debug)]
pub(crate) struct Fair<O> {
    order: O,
    steps: u64,
    limit: u64,
    tail: Random,
    disturb: Disturbance,
}

impl<O> Fair<O> {
    /// `horizon` is how many choices of the tasks' order the calm run made, `steps` how many polls
    /// the run may take.
    pub(crate) fn new(order: O, seed: u64, horizon: u64, steps: u64) -> Self {
        Self {
            order,
            steps: 0,
            limit: horizon.saturating_mul(2).max(LEAST).min(steps / 4),
            tail: Random::new(seed),
            disturb: Disturbance::new(seed),
        }
    }
}

impl Fair<Random> {
    /// A random walk, which is fair from the beginning.
    pub(crate) fn walk(seed: u64) -> Self {
        Self::new(Random::new(seed), seed, 0, 0)
    }
}

impl<O: Order> Choose for Fair<O> {
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize {
        self.steps += 1;
        if self.steps > self.limit {
            return self.tail.next(asked);
        }
        self.order.next(asked)
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

    fn listens(&self) -> bool {
        self.order.listens()
    }

    fn spawned(&mut self, parent: u64, child: u64) {
        self.order.spawned(parent, child);
    }

    fn completed(&mut self, step: &Step) {
        if self.steps <= self.limit {
            self.order.completed(step);
        }
    }
}
