//! What is kept, what was tried, and what may still be tried.
//!
//! Owns the count of replays and the memory of verdicts. Knows nothing of what is worth trying.
//!
//! # Invariants
//! 1. What is kept fails the same way as what was found.
//! 2. A verdict counts when its candidate's turn comes, however early it was run; how many are run
//!    at a time changes nothing but the time it takes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::cost::Cost;
use super::verdict::{Judge, Met, Others, Verdict, Without};
use crate::choice::{ChoiceKind, Deviation};

/// How much may be tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// The most replays.
    pub(crate) replays: u32,
    /// The most candidates that are kept.
    pub(crate) kept: u32,
    /// The most replays in a row after which nothing new is kept.
    pub(crate) idle: u32,
    /// The most real time.
    pub(crate) time: Duration,
}

/// What was left and what it took.
#[derive(Debug)]
pub(crate) struct Shrunk {
    pub(crate) deviations: Vec<Deviation>,
    pub(crate) replays: u32,
    /// Leaving out any one of them was tried and does not fail the same way.
    pub(crate) minimal: bool,
    /// What the run does without each of them.
    pub(crate) without: Vec<Without>,
    /// Other failures, the first of each kind.
    pub(crate) met: Vec<Met>,
    pub(crate) passes: Vec<Pass>,
}

/// What one pass did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) name: &'static str,
    pub(crate) replays: u32,
    /// How many candidates were kept.
    pub(crate) kept: u32,
    /// How many choices there were before it and after it.
    pub(crate) choices: (usize, usize),
}

/// What a candidate is known by: its choices, in a fixed order.
type Key = Vec<(u64, u64)>;

/// The most other failures that are kept.
const MET_MAX: usize = 8;

pub(super) struct Search<'a> {
    judge: &'a dyn Judge,
    signature: &'a str,
    budget: Budget,
    since: Instant,
    current: Verdict,
    cost: Cost,
    /// What has had its turn.
    known: BTreeMap<Key, Verdict>,
    /// What was run before its turn.
    ahead: BTreeMap<Key, Verdict>,
    replays: u32,
    kept: u32,
    /// Replays since the last that was kept.
    idle: u32,
    met: Vec<Met>,
    passes: Vec<Pass>,
}

impl<'a> Search<'a> {
    /// Begins with what was `found`, which fails by `signature`.
    pub(super) fn new(
        judge: &'a dyn Judge,
        signature: &'a str,
        found: Verdict,
        budget: Budget,
    ) -> Self {
        Self {
            judge,
            signature,
            budget,
            since: Instant::now(),
            cost: Cost::of(&found),
            known: BTreeMap::from([(key(&found.deviations), found.clone())]),
            current: found,
            ahead: BTreeMap::new(),
            replays: 0,
            kept: 0,
            idle: 0,
            met: Vec::new(),
            passes: Vec::new(),
        }
    }

    /// What is kept.
    pub(super) fn choices(&self) -> &[Deviation] {
        &self.current.deviations
    }

    /// The operations of the workload that are left, as choices that leave them out.
    pub(super) fn done(&self) -> &[Deviation] {
        &self.current.done
    }

    /// Who drew the seed's numbers, as choices that make them simple, and how many.
    pub(super) fn drew(&self) -> &[(Deviation, u64)] {
        &self.current.drew
    }

    /// How else a run of `candidate` could have gone on; that is a replay, too.
    pub(super) fn others(&mut self, candidate: &[Deviation]) -> Others {
        self.replays += 1;
        self.idle += 1;
        self.judge.counted(self.replays, self.choices().len());
        self.judge.others(candidate)
    }

    /// How many replays there may still be.
    pub(super) fn replays_left(&self) -> u32 {
        self.budget.replays.saturating_sub(self.replays)
    }

    pub(super) fn is_spent(&self) -> bool {
        self.replays >= self.budget.replays
            || self.kept >= self.budget.kept
            || self.idle >= self.budget.idle
            || self.since.elapsed() >= self.budget.time
    }

    /// Lets `pass` try what it likes, and writes down what came of it.
    pub(super) fn pass<R>(&mut self, name: &'static str, pass: impl FnOnce(&mut Self) -> R) -> R {
        let (replays, kept, before) = (self.replays, self.kept, self.choices().len());
        let result = pass(self);
        let pass = Pass {
            name,
            replays: self.replays - replays,
            kept: self.kept - kept,
            choices: (before, self.choices().len()),
        };
        match self.passes.iter_mut().find(|it| it.name == name) {
            Some(former) => {
                former.replays += pass.replays;
                former.kept += pass.kept;
                former.choices.1 = pass.choices.1;
            }
            None if pass.replays > 0 => self.passes.push(pass),
            None => {}
        }
        result
    }

    /// Tries one candidate, and keeps it if it fails the same way and costs less.
    pub(super) fn attempt(&mut self, candidate: Vec<Deviation>) -> bool {
        self.first(&[candidate]).is_some()
    }

    /// Tries candidates one after the other up to the first that is kept, and says which it is.
    pub(super) fn first(&mut self, candidates: &[Vec<Deviation>]) -> Option<usize> {
        for (index, candidate) in candidates.iter().enumerate() {
            if self.is_spent() {
                return None;
            }
            if self.may_cost_less(candidate) && self.is_kept(candidate, &candidates[index..]) {
                return Some(index);
            }
        }
        None
    }

    /// Tries what `make` says of one place after the other, and stays at a place where something was
    /// kept. `make` returns the candidate of a place and the place that comes after it.
    ///
    /// True if anything was kept.
    pub(super) fn walk(
        &mut self,
        make: impl Fn(&[Deviation], usize) -> Option<(Vec<Deviation>, usize)>,
    ) -> bool {
        let (mut place, mut any) = (0, false);
        while !self.is_spent() {
            let (mut candidates, mut places) = (Vec::new(), Vec::new());
            let mut next = place;
            while candidates.len() < self.judge.width()
                && let Some((candidate, after)) = make(self.choices(), next)
            {
                candidates.push(candidate);
                places.push(next);
                next = after;
            }
            if candidates.is_empty() {
                break;
            }
            match self.first(&candidates) {
                Some(index) => (place, any) = (places[index], true),
                None => place = next,
            }
        }
        any
    }

    /// Keeps `candidate` if its verdict says so. `following` are those whose turn comes next, with
    /// it as the first of them.
    fn is_kept(&mut self, candidate: &[Deviation], following: &[Vec<Deviation>]) -> bool {
        let key = key(candidate);
        if !self.known.contains_key(&key) {
            if !self.ahead.contains_key(&key) {
                self.run_ahead(following);
            }
            let verdict = self.ahead.remove(&key);
            let verdict = verdict.expect("a candidate is run when its turn comes");
            self.count(key.clone(), verdict);
        }
        let Some(verdict) = self.known.get(&key).filter(|it| self.is_same(it)) else {
            return false;
        };
        let cost = Cost::of(verdict);
        if cost >= self.cost {
            return false;
        }
        self.current = verdict.clone();
        self.cost = cost;
        self.kept += 1;
        self.idle = 0;
        true
    }

    /// Runs the first of `candidates`, and with it as many of the others as are run at a time.
    fn run_ahead(&mut self, candidates: &[Vec<Deviation>]) {
        let mut chosen: Vec<Vec<Deviation>> = Vec::new();
        let mut keys = Vec::new();
        for candidate in candidates {
            let key = key(candidate);
            let is_new = !self.known.contains_key(&key)
                && !self.ahead.contains_key(&key)
                && !keys.contains(&key);
            if is_new && self.may_cost_less(candidate) {
                chosen.push(candidate.clone());
                keys.push(key);
            }
            if chosen.len() >= self.judge.width() {
                break;
            }
        }
        let verdicts = self.judge.judge(&chosen);
        self.ahead.extend(keys.into_iter().zip(verdicts));
    }

    /// Takes in the verdict of a candidate whose turn has come.
    fn count(&mut self, key: Key, verdict: Verdict) {
        self.replays += 1;
        self.idle += 1;
        self.judge.counted(self.replays, self.choices().len());
        // A test that does less than it is written for may fail by that.
        let is_whole = leaves_out(&verdict.deviations) == 0;
        if let Some(failure) = &verdict.failure
            && !self.is_same(&verdict)
            && is_whole
            && self.met.len() < MET_MAX
        {
            let signature = failure.signature();
            if self
                .met
                .iter()
                .all(|it| it.failure.signature() != signature)
            {
                self.met.push(Met {
                    failure: failure.clone(),
                    deviations: verdict.deviations.clone(),
                });
            }
        }
        // What had no effect makes no difference.
        let effective = self::key(&verdict.deviations);
        if effective != key {
            self.known.insert(effective, verdict.clone());
        }
        self.known.insert(key, verdict);
    }

    fn is_same(&self, verdict: &Verdict) -> bool {
        let failure = verdict.failure.as_ref();
        failure.is_some_and(|it| it.signature() == self.signature)
    }

    /// Whether a run of `candidate` can cost less than what is kept.
    fn may_cost_less(&self, candidate: &[Deviation]) -> bool {
        // How many operations are done, and how much is drawn, is known after the run.
        let (former, new) = (
            Cost::of_choices(self.choices()),
            Cost::of_choices(candidate),
        );
        let (simple, leaves_out) = (simple(candidate), leaves_out(candidate));
        new < former
            || (new == former && leaves_out > self::leaves_out(self.choices()))
            || (new == former && simple > self::simple(self.choices()))
    }

    /// What the run does without each of the choices that are left, and whether all of them were
    /// tried.
    fn without(&self) -> (Vec<Without>, bool) {
        let without = |index: usize| {
            let mut rest = self.choices().to_vec();
            rest.remove(index);
            let verdict = self.known.get(&key(&rest));
            verdict.map_or(Without::Unknown, |it| Without::of(it, self.signature))
        };
        let without: Vec<_> = (0..self.choices().len()).map(without).collect();
        let is_event = |index: usize| self.choices()[index].anchor.kind.is_event();
        let all = (without.iter().enumerate())
            .all(|(index, it)| *it != Without::Unknown || !is_event(index));
        (without, all)
    }

    /// What it came to.
    pub(super) fn finish(self) -> Shrunk {
        let (without, minimal) = self.without();
        Shrunk {
            replays: self.replays,
            minimal,
            without,
            met: self.met,
            passes: self.passes,
            deviations: self.current.deviations,
        }
    }
}

/// How many operations of the workload are left out.
fn leaves_out(choices: &[Deviation]) -> usize {
    let works = choices
        .iter()
        .filter(|it| it.anchor.kind == ChoiceKind::Work);
    works.count()
}

/// How much is simple of what programs draw.
fn simple(choices: &[Deviation]) -> u128 {
    let simple = |it: &Deviation| match it.anchor.kind {
        ChoiceKind::Entropy => u128::from(u64::MAX - it.number().unwrap_or(u64::MAX)),
        _ => 0,
    };
    choices.iter().map(simple).sum()
}

/// What identifies a candidate, whatever the order in which its choices are written.
fn key(choices: &[Deviation]) -> Key {
    let numbers = |it: &Deviation| (it.anchor.hash().map_or(0, |hash| hash.0), it.number());
    let mut key: Vec<_> = (choices.iter().map(numbers))
        .map(|(anchor, value)| (anchor, value.unwrap_or(0)))
        .collect();
    key.sort_unstable();
    key
}
