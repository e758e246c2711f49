//! Doing without as many deviations as possible.
//!
//! Sees plans and whether they still fail the same way, nothing else.
//!
//! First nothing at all and whole kinds are left out: faults before everything else, by family, by
//! kind and one by one. Then counter-based delta debugging (Zhang and
//! others, "Toward a better understanding of probabilistic delta debugging", arXiv 2408.04735):
//! one pass for each size of a fixed falling schedule, leaving out that many neighbours at a time,
//! without complements or revisits. A sweep of single deviations, until none can go or the budget
//! is spent, shows that what is left is minimal; neighbours that can only go together are tried
//! after it. Minimal is not least: where several deviations are left, each of the original changes
//! of the tasks' order is tried alone, the last first, since most failures need one interruption
//! at the right place.

use std::collections::BTreeSet;

use crate::choice::{ANY, ChoiceKind, Deviation};

/// What was left and what it took.
#[derive(Debug)]
pub(crate) struct Shrunk {
    pub(crate) deviations: Vec<Deviation>,
    pub(crate) replays: u32,
    /// Leaving out any one of them was tried and does not fail the same way.
    pub(crate) minimal: bool,
}

/// The most replays one failure may take.
pub(crate) const REPLAYS_MAX: u32 = 200;

/// The most single changes tried, at two replays each.
const SINGLES_MAX: usize = 30;

/// Shrinks `deviations`. `attempt` replays a candidate and returns the deviations that took effect
/// if it fails the same way.
pub(crate) fn shrink(
    deviations: Vec<Deviation>,
    attempt: impl FnMut(&[Deviation]) -> Option<Vec<Deviation>>,
) -> Shrunk {
    let mut shrinker = Shrinker {
        current: deviations,
        attempt,
        replays: 0,
    };
    let raw = shrinker.current.clone();
    shrinker.drop_kinds();
    shrinker.drop_runs();
    let mut minimal = shrinker.drop_singles();
    while minimal && shrinker.drop_pairs() {
        minimal = shrinker.drop_singles();
    }
    shrinker.keep_one(&raw);
    Shrunk {
        deviations: shrinker.current,
        replays: shrinker.replays,
        minimal,
    }
}

struct Shrinker<A> {
    current: Vec<Deviation>,
    attempt: A,
    replays: u32,
}

impl<A: FnMut(&[Deviation]) -> Option<Vec<Deviation>>> Shrinker<A> {
    /// Replays a candidate and keeps it if it fails; false also when the budget is spent.
    fn try_candidate(&mut self, candidate: Vec<Deviation>) -> bool {
        if candidate.len() >= self.current.len() || self.is_spent() {
            return false;
        }
        self.replays += 1;
        match (self.attempt)(&candidate) {
            Some(effective) if effective.len() < self.current.len() => {
                self.current = effective;
                true
            }
            _ => false,
        }
    }

    fn is_spent(&self) -> bool {
        self.replays >= REPLAYS_MAX
    }

    /// Tries single changes of the tasks' order, if more than one deviation is left.
    fn keep_one(&mut self, raw: &[Deviation]) {
        let is_sched = |it: &&Deviation| it.anchor.kind == ChoiceKind::Sched;
        for single in raw.iter().rev().filter(is_sched).take(SINGLES_MAX).cloned() {
            if self.current.len() < 2 {
                return;
            }
            // The task that went on instead may not be able to where nothing else is changed.
            let any = Deviation {
                value: ANY.to_owned(),
                ..single.clone()
            };
            if !self.try_candidate(vec![single]) {
                self.try_candidate(vec![any]);
            }
        }
    }

    fn drop_kinds(&mut self) {
        if !self.current.is_empty() {
            self.try_candidate(Vec::new());
        }
        self.drop_faults();
        for kind in ChoiceKind::ALL {
            self.drop_those(|it| it.anchor.kind == kind);
        }
    }

    /// Faults first: all of them, by family, by kind, then one by one, the last first. What fails
    /// without a fault is not about it, and what each of them moves is noise to the rest.
    fn drop_faults(&mut self) {
        let is_fault = |it: &Deviation| it.anchor.kind == ChoiceKind::Fault;
        if self.drop_those(is_fault) || !self.current.iter().any(is_fault) {
            return;
        }
        if self.current.iter().any(|it| !is_fault(it)) {
            // Often they alone are enough.
            self.drop_those(|it| !is_fault(it));
        }
        for family in self.names_of_faults(|name| name.split('.').next().unwrap_or(name)) {
            self.drop_those(|it| {
                is_fault(it) && it.anchor.operation.split('.').next() == Some(family.as_str())
            });
        }
        for kind in self.names_of_faults(|name| name) {
            self.drop_those(|it| is_fault(it) && it.anchor.operation == kind);
        }
        let mut index = self.current.len();
        while index > 0 && !self.is_spent() {
            index = (index - 1).min(self.current.len());
            if self.current.get(index).is_some_and(is_fault) {
                let mut candidate = self.current.clone();
                candidate.remove(index);
                self.try_candidate(candidate);
            }
        }
    }

    /// The different names, or parts of names, of the faults that are left.
    fn names_of_faults(&self, part: impl Fn(&str) -> &str) -> BTreeSet<String> {
        let faults = self
            .current
            .iter()
            .filter(|it| it.anchor.kind == ChoiceKind::Fault);
        faults
            .map(|it| part(&it.anchor.operation).to_owned())
            .collect()
    }

    /// Tries to do without all that are meant; true if that still fails.
    fn drop_those(&mut self, is_meant: impl Fn(&Deviation) -> bool) -> bool {
        if !self.current.iter().any(&is_meant) {
            return false;
        }
        let rest = self.current.iter().filter(|it| !is_meant(it));
        self.try_candidate(rest.cloned().collect())
    }

    /// One pass for each size: 63 % of what there is, 63 % of that, and so on down to two.
    fn drop_runs(&mut self) {
        let mut size = self.current.len() * 63 / 100;
        while size >= 2 && !self.is_spent() {
            let mut start = 0;
            while start < self.current.len() && !self.is_spent() {
                let end = (start + size).min(self.current.len());
                let mut candidate = self.current.clone();
                candidate.drain(start..end);
                if !self.try_candidate(candidate) {
                    start = end;
                }
            }
            size = size * 63 / 100;
        }
    }

    /// Leaves out neighbours two at a time, once; true if any went.
    fn drop_pairs(&mut self) -> bool {
        let before = self.current.len();
        let mut index = before;
        while index >= 2 {
            index = (index - 1).min(self.current.len());
            if index > 0 && index < self.current.len() {
                let mut candidate = self.current.clone();
                candidate.drain(index - 1..=index);
                self.try_candidate(candidate);
            }
        }
        self.current.len() < before
    }

    /// Leaves out single deviations until none can go; true if that was reached.
    fn drop_singles(&mut self) -> bool {
        loop {
            let before = self.current.len();
            let mut index = self.current.len();
            while index > 0 {
                index -= 1;
                if self.is_spent() {
                    return false;
                }
                let mut candidate = self.current.clone();
                if index < candidate.len() {
                    candidate.remove(index);
                    self.try_candidate(candidate);
                }
            }
            if self.current.len() == before {
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests;
