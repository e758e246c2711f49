//! Selectively uniform random walk.
//!
//! Zhao, Wolff, Mathur, Roychoudhury: "Selectively uniform concurrency testing", ASPLOS 2025. Each
//! run takes an interest in the operations on one shared thing, drawn at random, and gives every
//! order of those the same probability: whose operation comes next is drawn in proportion to how
//! many each task and its descendants have left, as a calm run counted them. Whoever is drawn is
//! waited for; all other operations go on in a random order. Where the counts are wrong, every
//! order still has a chance.

use std::collections::{BTreeMap, BTreeSet};

use super::priorities::Priorities;
use super::profile::Profile;
use super::sites::{Site, Sites};
use super::{Order, Scheduling, Step};
use crate::choice::{below, value};

/// Orders the operations on one thing uniformly.
#[derive(Debug)]
pub(crate) struct Surw {
    seed: u64,
    draws: u64,
    sites: Sites,
    /// The operations of interest.
    interest: BTreeSet<Site>,
    /// How many of them each task has left, with its descendants that are not spawned yet.
    left: BTreeMap<u64, u64>,
    /// How many a task and all its descendants have, as the calm run counted them.
    counted: BTreeMap<u64, u64>,
    /// Whose operation of interest comes next.
    intended: Option<u64>,
    /// Those who wait for that.
    waiting: BTreeSet<u64>,
    priorities: Priorities,
    /// Who was let go on.
    last: Option<u64>,
}

const STREAM: u64 = 0x7375_7277;

impl Surw {
    pub(crate) fn new(seed: u64, profile: &Profile) -> Self {
        let drawn = below(value(seed, STREAM, 0), profile.shared.len() as u64) as usize;
        let interest = profile.shared.get(drawn).cloned().unwrap_or_default();
        let mut counted = BTreeMap::<u64, u64>::new();
        for (&(task, site), &count) in &profile.counts {
            if !interest.contains(&site) {
                continue;
            }
            // A path is longer than its parent's: there is no way round.
            let mut holder = Some(task);
            while let Some(task) = holder {
                *counted.entry(task).or_default() += count;
                holder = profile.parents.get(&task).copied();
            }
        }
        Self {
            seed,
            draws: 1,
            sites: Sites::default(),
            interest,
            left: counted.clone(),
            counted,
            intended: None,
            waiting: BTreeSet::new(),
            priorities: Priorities::new(seed),
            last: None,
        }
    }

    fn draw(&mut self) -> u64 {
        self.draws += 1;
        value(self.seed, STREAM, self.draws)
    }

    /// Whose operation of interest comes next, of those who are not waiting.
    fn intend(&mut self, candidates: &[u64]) -> Option<u64> {
        let weight = |left: &BTreeMap<u64, u64>, task| left.get(&task).copied().unwrap_or(0).max(1);
        let total = candidates
            .iter()
            .map(|&task| weight(&self.left, task))
            .sum();
        let mut drawn = below(self.draw(), total);
        candidates.iter().copied().find(|&task| {
            let weight = weight(&self.left, task);
            let is_meant = drawn < weight;
            drawn = drawn.saturating_sub(weight);
            is_meant
        })
    }
}

impl Order for Surw {
    fn next(&mut self, asked: &Scheduling<'_>) -> usize {
        if let Some(last) = self.last.take() {
            self.priorities.redraw(last);
        }
        loop {
            let free: Vec<usize> = (0..asked.runnable.len())
                .filter(|&rank| !self.waiting.contains(&asked.runnable[rank]))
                .collect();
            let best =
                (free.iter().copied()).max_by_key(|&rank| self.priorities.of(asked.runnable[rank]));
            let Some(rank) = best else {
                // Whoever was drawn cannot run: somebody else comes next.
                self.waiting.clear();
                self.intended = None;
                continue;
            };
            let task = asked.runnable[rank];
            let site = self.sites.site(&asked.look.doing(rank));
            if site.is_none_or(|site| !self.interest.contains(&site)) {
                self.last = Some(task);
                return rank;
            }
            if self.intended.is_none() {
                let free: Vec<u64> = free.iter().map(|&rank| asked.runnable[rank]).collect();
                self.intended = self.intend(&free);
            }
            if self.intended == Some(task) {
                self.intended = None;
                self.waiting.clear();
                self.last = Some(task);
                return rank;
            }
            self.waiting.insert(task);
        }
    }

    fn listens(&self) -> bool {
        !self.interest.is_empty()
    }

    fn spawned(&mut self, parent: u64, child: u64) {
        let theirs = self.counted.get(&child).copied().unwrap_or(0);
        if theirs == 0 {
            return;
        }
        let all = self.left.get(&parent).copied().unwrap_or(0);
        if self.intended == Some(parent) && below(self.draw(), all.max(1)) < theirs {
            self.intended = Some(child);
        }
        if let Some(left) = self.left.get_mut(&parent) {
            *left = left.saturating_sub(theirs);
        }
    }

    fn completed(&mut self, step: &Step) {
        let site = self.sites.site(&step.did);
        if site.is_some_and(|site| self.interest.contains(&site))
            && let Some(left) = self.left.get_mut(&step.task)
        {
            *left = left.saturating_sub(1);
        }
    }
}
