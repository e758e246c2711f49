//! One run of an exhaustive exploration, or of one around the run of a seed.
//!
//! Owns what such a run does and what it shows: it makes certain choices where they turn up, those of
//! a base elsewhere, which is calm or a strategy, and lists where else it could have gone on. Knows
//! nothing of other runs.
//!
//! Sleep sets (Godefroid, "Partial-order methods for the verification of concurrent systems", 1996):
//! what was tried at a choice need not be tried again after another alternative of it, until a step
//! is done that depends on it. Two steps depend on each other unless all that either did is to act on
//! primitives of [`simoom::sync`] or to join tasks, and no thing of both is changed by one of them.
//! An operation counts where it is tried: one that has to wait has taken its place in a queue.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

use simoom::backend::OpKind;

use super::{Choose, Learnt, Odds, Profile, Scheduling, Step, Strategy, Thing};
use crate::choice::AnchorHash;

/// What a task did between two choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// The things it acted on, and whether it changed them.
    things: BTreeMap<Thing, bool>,
    /// It did what may depend on anything.
    is_opaque: bool,
}

impl Footprint {
    fn add(&mut self, step: &Step) {
        let did = &step.did;
        if did.thing == Thing::NONE || !did.is_contained {
            self.is_opaque = true;
        }
        if did.thing != Thing::NONE {
            *self.things.entry(did.thing).or_default() |= did.writes;
        }
    }

    fn is_independent_of(&self, other: &Self) -> bool {
        let races = |(thing, writes): (&Thing, &bool)| {
            (other.things.get(thing)).is_some_and(|theirs| *writes || *theirs)
        };
        !self.is_opaque && !other.is_opaque && !self.things.iter().any(races)
    }
}

/// What a run is to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    /// Who makes the other choices; nobody: they are calm.
    pub(crate) base: Option<(Strategy, Arc<Profile>)>,
    /// The choices that differ from the base's, in the order in which they turn up.
    pub(crate) stored: Vec<(AnchorHash, u64)>,
    /// Tasks that need not go on at the last of them, and what they would do.
    pub(crate) sleeping: BTreeMap<u64, Footprint>,
}

/// What a run has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Explored {
    /// What was done right after the last stored choice.
    pub(crate) first: Footprint,
    /// The choices after that, in order.
    pub(crate) points: Vec<Point>,
    /// How many alternatives need not be tried.
    pub(crate) asleep: u64,
    /// How many of the stored choices turned up.
    pub(crate) followed: usize,
    /// Not all that could have gone otherwise is listed.
    pub(crate) is_cut: bool,
}

/// A choice that could have gone otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) anchor: AnchorHash,
    /// What else could have been chosen.
    pub(crate) others: Vec<u64>,
    /// The task that the base chose, and what it did then; `None` where no task is chosen.
    pub(crate) calm: Option<(u64, Footprint)>,
    /// What need not be tried after one of the others, unless that depends on it.
    pub(crate) sleeping: BTreeMap<u64, Footprint>,
}

/// The most choices that one run lists: it may make any number of them.
const POINTS_MAX: usize = 1 << 14;

/// Follows stored choices, then lists the others.
#[derive(Default)]
pub(crate) struct Explorer {
    base: Option<Box<dyn Choose>>,
    stored: Vec<(AnchorHash, u64)>,
    sleeping: BTreeMap<u64, Footprint>,
    /// What was done since the last choice of a task, and after which point.
    segment: Footprint,
    after: After,
    /// From here on everything was tried elsewhere.
    is_redundant: bool,
    explored: Explored,
}

/// After what a segment comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum After {
    /// The last stored choice.
    #[default]
    Stored,
    Point(usize),
    /// A choice that is not listed.
    Other,
}

impl Explorer {
    /// In the run of this seed, which takes so many steps at most.
    pub(crate) fn new(orders: &Orders, seed: u64, steps: u64) -> Self {
        let base = orders.base.as_ref();
        Self {
            base: base.map(|(strategy, profile)| strategy.chooser(seed, profile, steps)),
            stored: orders.stored.clone(),
            sleeping: orders.sleeping.clone(),
            ..Self::default()
        }
    }

    /// Whether all stored choices have turned up.
    fn is_free(&self) -> bool {
        self.explored.followed == self.stored.len()
    }

    /// Closes what was done since the last choice.
    fn settle(&mut self) {
        let segment = take(&mut self.segment);
        if !self.is_free() {
            return;
        }
        match std::mem::replace(&mut self.after, After::Other) {
            After::Stored => self.explored.first = segment,
            After::Point(index) => {
                if let Some((_, did)) = &mut self.explored.points[index].calm {
                    *did = segment;
                }
            }
            After::Other => {}
        }
    }

    /// The stored choice at `anchor`, if it is the next.
    fn follow(&mut self, anchor: AnchorHash) -> Option<u64> {
        let &(next, value) = self.stored.get(self.explored.followed)?;
        if next != anchor {
            return None;
        }
        self.explored.followed += 1;
        Some(value)
    }

    fn can_list(&mut self) -> bool {
        if !self.is_free() || self.is_redundant {
            return false;
        }
        self.explored.is_cut |= self.explored.points.len() == POINTS_MAX;
        !self.explored.is_cut
    }

    /// Takes in what a task does, and wakes whoever depends on it.
    fn note(&mut self, step: &Step) {
        self.segment.add(step);
        if !self.is_free() || self.sleeping.is_empty() {
            return;
        }
        let mut did = Footprint::default();
        did.add(step);
        self.sleeping
            .retain(|task, would| *task != step.task && did.is_independent_of(would));
    }

    /// What is done may depend on anything.
    fn darken(&mut self) {
        self.segment.is_opaque = true;
        if self.is_free() {
            self.sleeping.clear();
        }
    }
}

impl Choose for Explorer {
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize {
        if let Some(current) = asked.current {
            let next = asked.look.doing(current);
            if next.thing == Thing::NONE && next.kind == Some(OpKind::Point) {
                // What is marked may stand on both sides of the mark.
                self.darken();
            }
        }
        self.settle();
        // Asked also where it is not heeded: what it has drawn so far is part of its state.
        let rank = match &mut self.base {
            Some(base) => base.sched(asked),
            None => asked.calm,
        };
        if let Some(task) = self.follow(asked.anchor) {
            let stored = asked.runnable.iter().position(|&other| other == task);
            self.explored.is_cut |= stored.is_none();
            return stored.unwrap_or(rank);
        }
        if self.can_list() {
            let calm = asked.runnable[rank];
            let (asleep, others): (Vec<u64>, Vec<u64>) = (asked.runnable.iter().copied())
                .filter(|&task| task != calm)
                .partition(|task| self.sleeping.contains_key(task));
            self.explored.asleep += asleep.len() as u64;
            // The run goes on, but what follows was tried where `calm` came first.
            self.is_redundant = self.sleeping.contains_key(&calm);
            self.after = After::Point(self.explored.points.len());
            self.explored.points.push(Point {
                anchor: asked.anchor,
                others,
                calm: Some((calm, Footprint::default())),
                sleeping: self.sleeping.clone(),
            });
        }
        rank
    }

    fn pick(&mut self, anchor: AnchorHash, alternatives: u64) -> u64 {
        let own = match &mut self.base {
            Some(base) => base.pick(anchor, alternatives),
            None => 0,
        };
        if let Some(value) = self.follow(anchor) {
            return value.min(alternatives - 1);
        }
        // What the step does depends on what is picked.
        self.darken();
        if self.can_list() {
            self.explored.points.push(Point {
                anchor,
                others: (0..alternatives).filter(|&it| it != own).collect(),
                calm: None,
                sleeping: BTreeMap::new(),
            });
        }
        own
    }

    fn delay(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        let base = self.base.as_mut();
        base.map_or(0, |base| base.delay(anchor, most))
    }

    fn short(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        let base = self.base.as_mut();
        base.map_or(0, |base| base.short(anchor, most))
    }

    fn stall(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        let base = self.base.as_mut();
        base.map_or(0, |base| base.stall(anchor, most))
    }

    fn fault(&mut self, anchor: AnchorHash, odds: &Odds) -> u64 {
        let base = self.base.as_mut();
        base.map_or(0, |base| base.fault(anchor, odds))
    }

    fn cancel(&mut self, anchor: AnchorHash, odds: &Odds) -> u64 {
        let base = self.base.as_mut();
        base.map_or(0, |base| base.cancel(anchor, odds))
    }

    fn work(&mut self, anchor: AnchorHash) -> u64 {
        let base = self.base.as_mut();
        base.map_or(0, |base| base.work(anchor))
    }

    fn listens(&self) -> bool {
        true
    }

    fn spawned(&mut self, parent: u64, child: u64) {
        if let Some(base) = &mut self.base {
            base.spawned(parent, child);
        }
    }

    fn completed(&mut self, step: &Step) {
        self.note(step);
        if let Some(base) = &mut self.base {
            base.completed(step);
        }
    }

    fn tried(&mut self, step: &Step) {
        self.note(step);
        if let Some(base) = &mut self.base {
            base.tried(step);
        }
    }

    fn disturbed(&mut self) {
        self.darken();
        if let Some(base) = &mut self.base {
            base.disturbed();
        }
    }

    fn learnt(&mut self) -> Learnt {
        self.settle();
        self.explored.is_cut |= !self.is_free();
        Learnt::Orders(take(&mut self.explored))
    }
}
