//! What a calm run shows of a program.
//!
//! Owns what is counted there, and for whom: how many choices there are, which operations meet on
//! one thing, and how often each task does them. Knows nothing of how a strategy uses it.
//!
//! Things are told apart by the operations that act on them, not by their names: who is the first
//! to use a thing, and so gives it its name, differs from run to run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use simoom::backend::OpKind;

use super::releases::Releases;
use super::sites::{Signature, Site, Sites};
use super::{Choose, Learnt, Odds, Replay, Scheduling, Step, Thing};
use crate::choice::AnchorHash;

/// How many things, pairs and counts are kept: a run may do anything any number of times.
const ENTRIES_MAX: usize = 1 << 16;

/// What was learnt of a calm run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// How many choices of the tasks' order there were, at least 2.
    pub(crate) horizon: u64,
    /// For each set of operations that act on one thing, whatever else they act on: each once.
    pub(crate) shared: Vec<BTreeSet<Site>>,
    /// How often each task did an operation, whatever else it changed with it: by path hash and
    /// place.
    pub(crate) counts: BTreeMap<(u64, Site), u64>,
    /// Operations that act on primitives of one task alone, and do nothing else.
    pub(crate) own: Arc<BTreeSet<Site>>,
    /// Who spawned whom, by path hash.
    pub(crate) parents: BTreeMap<u64, u64>,
    /// For each of these sets who may observe what whom left, in the order of their hashes.
    pub(crate) pairs: Vec<Vec<Pair>>,
}

/// Who observes, and what whom left; `None`: what was there at first.
pub(crate) type Pair = (Signature, Option<Signature>);

impl Profile {
    /// Of a run of which no more is known than how many choices of the tasks' order it made.
    pub(crate) fn of_choices(scheduled: u64) -> Self {
        Self {
            horizon: scheduled.max(2),
            ..Self::default()
        }
    }
}

/// A calm run that is watched.
#[derive(Debug, Default)]
pub(crate) struct Profiler {
    calm: Replay,
    sites: Sites,
    releases: Releases,
    scheduled: u64,
    things: BTreeMap<Thing, Users>,
    counts: BTreeMap<(u64, Site), u64>,
    /// Operations that do more than to act on their thing, as those on sockets.
    reaching: BTreeSet<Site>,
    parents: BTreeMap<u64, u64>,
}

/// Who acts on a thing.
#[derive(Debug, Default)]
struct Users {
    tasks: BTreeSet<u64>,
    sites: BTreeSet<Site>,
    readers: BTreeMap<Signature, Who>,
    writers: BTreeMap<Signature, Who>,
}

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// One task, by path hash.
    One(u64),
    Several,
}

impl Who {
    fn with(self, task: u64) -> Self {
        if self == Self::One(task) {
            self
        } else {
            Self::Several
        }
    }

    /// Whether it may be another that does what `other` stands for.
    fn is_beside(self, other: Self) -> bool {
        self == Self::Several || self != other
    }
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
            (self.sites.site(&step.did), self.sites.signature(step))
        else {
            return;
        };
        let gives_back = self.releases.takes_in(step);
        // A task is joined after it has ended, in every order.
        if gives_back || step.did.kind == Some(OpKind::Join) {
            return;
        }
        let thing = step.did.thing;
        if self.things.len() < ENTRIES_MAX || self.things.contains_key(&thing) {
            let users = self.things.entry(thing).or_default();
            users.tasks.insert(step.task);
            users.sites.insert(site);
            let note = |who: &mut BTreeMap<Signature, Who>| {
                let who = who.entry(signature).or_insert(Who::One(step.task));
                *who = who.with(step.task);
            };
            // What changes a thing also depends on what it was before.
            note(&mut users.readers);
            if step.did.writes {
                note(&mut users.writers);
            }
        }
        if !step.did.is_contained && self.reaching.len() < ENTRIES_MAX {
            self.reaching.insert(site);
        }
        if step.is_beside {
            return;
        }
        let key = (step.task, site);
        if self.counts.len() < ENTRIES_MAX || self.counts.contains_key(&key) {
            *self.counts.entry(key).or_default() += 1;
        }
    }

    fn learnt(&mut self) -> Learnt {
        let things = std::mem::take(&mut self.things);
        let mut sets = BTreeMap::<BTreeSet<Site>, BTreeSet<Pair>>::new();
        let mut left = ENTRIES_MAX;
        for users in things.values().filter(|users| users.is_shared()) {
            let pairs = sets.entry(users.sites.clone()).or_default();
            let before = pairs.len();
            pairs.extend(users.pairs().take(left));
            left -= pairs.len() - before;
        }
        let (shared, pairs): (Vec<BTreeSet<Site>>, Vec<_>) = sets.into_iter().unzip();
        let met: BTreeSet<Site> = shared.iter().flatten().copied().collect();
        let sites = self.counts.keys().map(|&(_, site)| site);
        let own = sites.filter(|site| !met.contains(site) && !self.reaching.contains(site));
        let own = Arc::new(own.collect());
        Learnt::Profile(Profile {
            shared,
            own,
            counts: std::mem::take(&mut self.counts),
            parents: std::mem::take(&mut self.parents),
            pairs: Vec::from_iter(pairs.into_iter().map(Vec::from_iter)),
            ..Profile::of_choices(self.scheduled)
        })
    }
}

impl Users {
    /// Who may observe what of whom.
    fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.readers.iter().flat_map(|(&reader, &reads)| {
            let writers = self.writers.iter();
            let others = writers.filter(move |&(_, &writes)| reads.is_beside(writes));
            let others = others.map(|(&writer, _)| Some(writer));
            std::iter::once(None)
                .chain(others)
                .map(move |writer| (reader, writer))
        })
    }

    /// Whether two tasks act on it, one of which changes it.
    fn is_shared(&self) -> bool {
        self.tasks.len() > 1 && !self.writers.is_empty()
    }
}
