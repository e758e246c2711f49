//! Partial order sampling.
//!
//! Yuan, Yang, Gu: "Partial order aware concurrency sampling", CAV 2018. Every pending operation
//! has a random priority, the highest goes on, and whatever races with the operation just done gets
//! a new one. Orders that differ only in what does not race are one partial order.
//!
//! What acts on primitives that one task alone used in the calm run goes first, as Fray does it (Li and
//! others, "Fray: an efficient general-purpose concurrency testing platform for the JVM", OOPSLA
//! 2025): else a task with much of its own to do would meet the others late nearly always.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::priorities::Priorities;
use super::sites::{Site, Sites};
use super::{Doing, Order, Profile, Scheduling, Step, Thing};

/// Runs the operation of the highest priority, and draws those that race with it anew.
#[derive(Debug)]
pub(crate) struct Pos {
    priorities: Priorities,
    sites: Sites,
    /// Operations that act on primitives of one task alone.
    own: Arc<BTreeSet<Site>>,
    /// Who was let go on.
    last: Option<u64>,
    /// What has been done since, as far as others can see it.
    done: Vec<Doing>,
}

impl Pos {
    pub(crate) fn new(seed: u64, profile: &Profile) -> Self {
        Self {
            priorities: Priorities::new(seed),
            sites: Sites::default(),
            own: Arc::clone(&profile.own),
            last: None,
            done: Vec::new(),
        }
    }

    /// Draws anew after what was done since the last choice.
    pub(crate) fn settle(&mut self, asked: &Scheduling<'_>) {
        let last = self.last.take();
        if let Some(task) = last {
            self.priorities.redraw(task);
        }
        let done = std::mem::take(&mut self.done);
        if done.is_empty() {
            return;
        }
        for (rank, &other) in asked.runnable.iter().enumerate() {
            let next = asked.look.doing(rank);
            if last != Some(other) && done.iter().any(|did| did.races(&next)) {
                self.priorities.redraw(other);
            }
        }
    }

    /// Takes in what was done, once for each thing.
    fn note(&mut self, did: &Doing) {
        let is_new =
            !(self.done.iter()).any(|other| other.thing == did.thing && other.writes >= did.writes);
        if did.thing != Thing::NONE && is_new && self.done.len() < DONE_MAX {
            self.done.push(*did);
        }
    }

    /// The priority of what `task` does at `site`.
    pub(crate) fn priority(&self, task: u64, site: Option<Site>) -> (bool, u64) {
        let is_own = site.is_some_and(|site| self.own.contains(&site));
        (is_own, self.priorities.of(task))
    }

    /// Notes which of the runnable goes on.
    pub(crate) fn chose(&mut self, asked: &Scheduling<'_>, rank: usize) {
        self.last = Some(asked.runnable[rank]);
        // Whether or not it comes to an end, it is tried.
        self.note(&asked.look.doing(rank));
    }
}

/// The most that is kept of what was done between two choices.
const DONE_MAX: usize = 32;

impl Order for Pos {
    fn next(&mut self, asked: &Scheduling<'_>) -> usize {
        self.settle(asked);
        let best = (0..asked.runnable.len()).max_by_key(|&rank| {
            let site = self.sites.site(&asked.look.doing(rank));
            self.priority(asked.runnable[rank], site)
        });
        let best = best.unwrap_or(asked.calm);
        self.chose(asked, best);
        best
    }

    fn listens(&self) -> bool {
        true
    }

    fn completed(&mut self, step: &Step) {
        self.note(&step.did);
    }
}
