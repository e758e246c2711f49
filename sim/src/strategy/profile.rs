//! What a calm run shows of a program.
//!
//! Owns what is counted there, and for whom: how many choices there are, which operations meet on
//! one thing, and how often each task does them. Knows nothing of how a strategy uses it.
//!
//! Things are told apart by the operations that act on them, not by their names: who is the first
//! to use a thing, and so gives it its name, differs from run to run.

use std::collections::{BTreeMap, BTreeSet};

use super::sites::{Signature, Site, Sites};
use super::{Choose, Learnt, Odds, Replay, Scheduling, Step, Thing};
use crate::choice::AnchorHash;

/// How many things, pairs and counts are kept: a run may do anything any number of times.
const ENTRIES_MAX: usize = 1 << 16;

/// What was learnt of a calm run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// How many choices of the tasks' order there were, as a power of two.
    pub(crate) horizon: u64,
    /// For each set of operations that act on one thing, whatever else they act on: each once.
    pub(crate) shared: Vec<BTreeSet<Site>>,
    /// How often each task did an operation: by path hash and place.
    pub(crate) counts: BTreeMap<(u64, Site), u64>,
    /// Who spawned whom, by path hash.
    pub(crate) parents: BTreeMap<u64, u64>,
    /// Who may observe what whom left, in the order of their hashes; `None`: what was there at first.
    pub(crate) pairs: Vec<(Signature, Option<Signature>)>,
}

impl Profile {
    /// Of a run of which no more is known than how many choices of the tasks' order it made.
    pub(crate) fn of_choices(scheduled: u64) -> Self {
        Self {
            horizon: scheduled.max(2).next_power_of_two(),
            ..Self::default()
        }
    }
}

/// A calm run that is watched.
#[derive(Debug, Default)]
pub(crate) struct Profiler {
    calm: Replay,
    sites: Sites,
    scheduled: u64,
    things: BTreeMap<Thing, Users>,
    counts: BTreeMap<(u64, Site), u64>,
    parents: BTreeMap<u64, u64>,
}

/// Who acts on a thing.
#[derive(Debug, Default)]
struct Users {
    tasks: BTreeSet<u64>,
    sites: BTreeSet<Site>,
    readers: BTreeSet<Signature>,
    writers: BTreeSet<Signature>,
}

impl Choose for Profiler {
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize {
        self.scheduled += 1;
        asked.calm
    }

    fn pick(&mut self, anchor: AnchorHash, alternatives: u64) -> u64 {
        self.calm.pick(anchor, alternatives)
    }

    fn delay(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.calm.delay(anchor, most)
    }

    fn short(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.calm.short(anchor, most)
    }

    fn stall(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.calm.stall(anchor, most)
    }

    fn fault(&mut self, anchor: AnchorHash, odds: &Odds) -> u64 {
        self.calm.fault(anchor, odds)
    }

    fn listens(&self) -> bool {
        true
    }

    fn spawned(&mut self, parent: u64, child: u64) {
        if self.parents.len() < ENTRIES_MAX {
            self.parents.insert(child, parent);
        }
    }

    fn completed(&mut self, step: &Step) {
        let (Some(site), Some(signature)) =
            (self.sites.site(&step.did), self.sites.signature(&step.did))
        else {
            return;
        };
        let thing = step.did.thing;
        if self.things.len() < ENTRIES_MAX || self.things.contains_key(&thing) {
            let users = self.things.entry(thing).or_default();
            users.tasks.insert(step.task);
            users.sites.insert(site);
            // What changes a thing also depends on what it was before.
            users.readers.insert(signature);
            if step.did.writes {
                users.writers.insert(signature);
            }
        }
        let key = (step.task, site);
        if self.counts.len() < ENTRIES_MAX || self.counts.contains_key(&key) {
            *self.counts.entry(key).or_default() += 1;
        }
    }

    fn learnt(&mut self) -> Learnt {
        let things = std::mem::take(&mut self.things);
        let shared = things.values().filter(|users| users.is_shared());
        let mut pairs = BTreeSet::new();
        let mut sets = BTreeSet::new();
        for users in shared {
            sets.insert(users.sites.clone());
            for &reader in &users.readers {
                pairs.insert((reader, None));
                for &writer in &users.writers {
                    if pairs.len() < ENTRIES_MAX {
                        pairs.insert((reader, Some(writer)));
                    }
                }
            }
        }
        Learnt::Profile(Profile {
            shared: sets.into_iter().collect(),
            counts: std::mem::take(&mut self.counts),
            parents: std::mem::take(&mut self.parents),
            pairs: pairs.into_iter().collect(),
            ..Profile::of_choices(self.scheduled)
        })
    }
}

impl Users {
    /// Whether two tasks act on it, one of which changes it.
    fn is_shared(&self) -> bool {
        self.tasks.len() > 1 && !self.writers.is_empty()
    }
}
