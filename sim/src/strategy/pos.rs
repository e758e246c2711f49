//! Partial order sampling.
//!
//! Yuan, Yang, Gu: "Partial order aware concurrency sampling", CAV 2018. Every pending operation
//! has a random priority, the highest goes on, and whatever races with the operation just done gets
//! a new one. Orders that differ only in what does not race are one partial order.
//!
//! What acts on things that one task alone used in the calm run goes first, as Fray does it (Li and
//! others, "Fray: an efficient general-purpose concurrency testing platform for the JVM", OOPSLA
//! 2025): else a task with much of its own to do would meet the others late nearly always.

use std::collections::BTreeSet;

use super::priorities::Priorities;
use super::sites::{Site, Sites};
use super::{Doing, Order, Profile, Scheduling};

/// Runs the operation of the highest priority, and draws those that race with it anew.
#[derive(Debug)]
pub(crate) struct Pos {
    priorities: Priorities,
    sites: Sites,
    /// Operations that act on things of one task alone.
    own: BTreeSet<Site>,
    /// What was let go on, and has been done since.
    last: Option<(u64, Doing)>,
}

impl Pos {
    pub(crate) fn new(seed: u64, profile: &Profile) -> Self {
        let is_own = |site: &Site| !profile.shared.iter().any(|shared| shared.contains(site));
        let sites = profile.counts.keys().map(|&(_, site)| site);
        Self {
            priorities: Priorities::new(seed),
            sites: Sites::default(),
            own: sites.filter(is_own).collect(),
            last: None,
        }
    }

    /// Draws anew after what was done since the last choice.
    pub(crate) fn settle(&mut self, asked: &Scheduling<'_>) {
        let Some((task, did)) = self.last.take() else {
            return;
        };
        self.priorities.redraw(task);
        for (rank, &other) in asked.runnable.iter().enumerate() {
            if other != task && did.races(&asked.look.doing(rank)) {
                self.priorities.redraw(other);
            }
        }
    }

    /// The priority of what `task` does at `site`.
    pub(crate) fn priority(&self, task: u64, site: Option<Site>) -> (bool, u64) {
        let is_own = site.is_some_and(|site| self.own.contains(&site));
        (is_own, self.priorities.of(task))
    }

    /// Notes which of the runnable goes on.
    pub(crate) fn chose(&mut self, asked: &Scheduling<'_>, rank: usize) {
        self.last = Some((asked.runnable[rank], asked.look.doing(rank)));
    }
}

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
}
