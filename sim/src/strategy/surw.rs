//! Selectively uniform random walk.
//!
//! Zhao, Wolff, Mathur, Roychoudhury: "Selectively uniform concurrency testing", ASPLOS 2025. Each
//! run takes an interest in the operations on one shared thing, drawn at random, and gives every
//! order of those the same probability: whose operation comes next is drawn in proportion to how
//! many each task and its descendants have left, as a calm run counted them. Whoever is drawn is
//! waited for; all other operations go on in a random order. Where the counts are wrong, every
//! order still has a chance.
//!
//! Half of the runs take an interest in what stands at one place alone, of those that act on the
//! thing. That keeps a crowd of equal tasks back while a task that does something else with the
//! thing goes on, which is rare where all orders are alike: the one of twenty is first in one of
//! twenty orders. In these runs alone a task that has none left weighs as much as one that has one,
//! against the paper: while it is waited for, the crowd stands still.

use std::collections::{BTreeMap, BTreeSet};

use super::priorities::Priorities;
use super::profile::Profile;
use super::sites::{Site, Sites};
use super::{Doing, Order, Scheduling, Step};
use crate::choice::{below, value};

/// Orders the operations on one thing uniformly.
#[derive(Debug)]
pub(crate) struct Surw {
    seed: u64,
    draws: u64,
    sites: Sites,
    /// The operations of interest.
    interest: BTreeSet<Site>,
    /// What a task weighs that has none of them left: 0 where all on the thing are of interest.
    least: u64,
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
        let mut interest = profile.shared.get(drawn).cloned().unwrap_or_default();
        let is_one_place = value(seed, STREAM, 1) & 1 == 0;
        if is_one_place {
            let one = below(value(seed, STREAM, 2), interest.len() as u64) as usize;
            let one = interest.iter().nth(one).copied();
            interest = one.into_iter().collect();
        }
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
            draws: 2,
            sites: Sites::default(),
            interest,
            least: u64::from(is_one_place),
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

    /// Whose operation of interest comes next, of those who are not waiting; the first of them is
    /// at one.
    fn intend(&mut self, free: &[(u64, usize)], runnable: &[u64]) -> Option<u64> {
        let tasks = || free.iter().map(|&(_, rank)| runnable[rank]);
        let at_hand = tasks().next()?;
        let least = self.least;
        // It has one left, whatever was counted.
        let left = self.left.entry(at_hand).or_default();
        *left = (*left).max(1);
        let weight =
            |left: &BTreeMap<u64, u64>, task| left.get(&task).copied().unwrap_or(0).max(least);
        let total = tasks().map(|task| weight(&self.left, task)).sum();
        let mut drawn = below(self.draw(), total);
        tasks().find(|&task| {
            let weight = weight(&self.left, task);
            let is_meant = drawn < weight;
            drawn = drawn.saturating_sub(weight);
            is_meant
        })
    }

    fn is_of_interest(&mut self, doing: &Doing) -> bool {
        let site = self.sites.site(doing);
        site.is_some_and(|site| self.interest.contains(&site))
    }
}

impl Order for Surw {
    fn next(&mut self, asked: &Scheduling<'_>) -> usize {
        if let Some(last) = self.last.take() {
            self.priorities.redraw(last);
        }
        loop {
            // The highest priority first; no two are equal.
            let mut free: Vec<(u64, usize)> = (asked.runnable.iter().enumerate())
                .filter(|(_, task)| !self.waiting.contains(task))
                .map(|(rank, &task)| (self.priorities.of(task), rank))
                .collect();
            free.sort_unstable_by(|one, other| other.cmp(one));
            for (place, &(_, rank)) in free.iter().enumerate() {
                let task = asked.runnable[rank];
                let is_of_interest = self.is_of_interest(&asked.look.doing(rank));
                if is_of_interest && self.intended.is_none() {
                    self.intended = self.intend(&free[place..], asked.runnable);
                }
                if is_of_interest && self.intended != Some(task) {
                    self.waiting.insert(task);
                    continue;
                }
                if is_of_interest {
                    self.intended = None;
                    self.waiting.clear();
                }
                self.last = Some(task);
                return rank;
            }
            // Whoever was drawn cannot run: somebody else comes next.
            self.waiting.clear();
            self.intended = None;
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
        if !step.is_beside
            && self.is_of_interest(&step.did)
            && let Some(left) = self.left.get_mut(&step.task)
        {
            *left = left.saturating_sub(1);
        }
    }
}
