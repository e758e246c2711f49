//! Who has what tasks share, and who waits for it.
//!
//! Owns what the primitives of `simoom::sync` say of themselves beside their operations: it is
//! bookkeeping for reports and verdicts, and changes nothing. Knows nothing of what it means.
//!
//! # Invariants
//! 1. `held` has what somebody has, with each of its holders in the order in which they took it, and
//!    no holder that has nothing of it.
//! 2. `waiting` has the futures that stand in a queue, in the order in which they began to wait, and
//!    those that were handed what they wait for and have not been polled since.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use simoom::backend::{News, OpKind, QueuePlace, Resource};

use super::World;
use super::node::NodeId;
use super::tasks::TaskSlot;
use crate::choice::PathId;
use crate::strategy::Thing;

/// Who has the locks and who waits.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    held: BTreeMap<Thing, Vec<Holder>>,
    waiting: Vec<Waiting>,
    /// The tasks of sets that are waited for together.
    sets: BTreeMap<Thing, BTreeSet<Thing>>,
    /// The locks that were given back since somebody began to look.
    given_back: Option<Vec<Holder>>,
}

/// Which task polls, or polled, a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Poller {
    pub(crate) task: PathId,
    pub(crate) node: NodeId,
    /// How often the node had been killed.
    pub(crate) deaths: u32,
    pub(crate) slot: TaskSlot,
    /// The order of its birth among all tasks.
    pub(crate) birth: u64,
    /// Where the waker lies that the future was polled with: futures with different wakers are
    /// different futures. 0 if that is not known.
    pub(crate) waker: usize,
}

/// Who has a lock, or some of a thing that several can have some of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) poller: Poller,
    /// What one does to get it.
    pub(crate) kind: OpKind,
    /// How much of it.
    pub(crate) amount: usize,
    /// Where it was taken.
    pub(crate) site: &'static Location<'static>,
}

/// A future that stands in a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) thing: Thing,
    pub(crate) place: QueuePlace,
    pub(crate) poller: Poller,
    pub(crate) kind: OpKind,
    pub(crate) site: &'static Location<'static>,
    /// How often its task had been polled when it was handed what it waits for, if it was.
    pub(crate) granted: Option<u64>,
}

impl Locks {
    /// Who has what.
    pub(crate) fn held(&self) -> impl Iterator<Item = (Thing, &Holder)> {
        let held = self.held.iter();
        held.flat_map(|(&thing, holders)| holders.iter().map(move |holder| (thing, holder)))
    }

    /// Who has which lock.
    pub(crate) fn locked(&self) -> impl Iterator<Item = (Thing, &Holder)> {
        let is_lock = |(_, holder): &(Thing, &Holder)| holder.kind == OpKind::Lock;
        self.held().filter(is_lock)
    }

    /// Who stands in a queue, the longest wait first.
    pub(crate) fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// The tasks of each set, by what whoever joins one waits for.
    pub(crate) fn sets(&self) -> &BTreeMap<Thing, BTreeSet<Thing>> {
        &self.sets
    }

    fn part(&mut self, set: Thing, task: Thing) {
        if let Some(tasks) = self.sets.get_mut(&set) {
            tasks.remove(&task);
            if tasks.is_empty() {
                self.sets.remove(&set);
            }
        }
    }

    /// Gives so much of `thing` back: what the task born as `birth` took last, if it has any, else
    /// what was taken first. Whose guard it was that is dropped is known of locks alone, which
    /// have one holder, or one for each task.
    fn give_back(&mut self, thing: Thing, mut amount: usize, birth: Option<u64>) {
        let Some(holders) = self.held.get_mut(&thing) else {
            return;
        };
        while amount > 0 && !holders.is_empty() {
            let own = |holder: &Holder| Some(holder.poller.birth) == birth;
            let index = holders.iter().rposition(own).unwrap_or(0);
            let holder = &mut holders[index];
            let given = holder.amount.min(amount);
            amount -= given;
            holder.amount -= given;
            if holder.amount > 0 {
                continue;
            }
            let holder = holders.remove(index);
            if holder.kind == OpKind::Lock
                && let Some(given_back) = &mut self.given_back
            {
                given_back.push(holder);
            }
        }
        if holders.is_empty() {
            self.held.remove(&thing);
        }
    }
}

impl World {
    /// Takes in what a primitive says of itself; `Waits` and `Taken` are the running task's.
    pub(crate) fn told(&mut self, resource: &Resource, news: News<'_>) {
        match news {
            News::Collected { task } => {
                let (set, task) = (self.numbered(Some(resource)), self.numbered(Some(task)));
                self.locks.sets.entry(set).or_default().insert(task);
                return;
            }
            News::Parted { task } => {
                let (set, task) = (self.numbered(Some(resource)), self.numbered(Some(task)));
                self.locks.part(set, task);
                return;
            }
            _ => {}
        }
        let Some(thing) = self.resources.number(self.id, resource) else {
            return;
        };
        match news {
            News::Taken {
                kind,
                amount,
                is_awaited,
                site,
            } => self.take(thing, kind, amount, is_awaited, site),
            News::Released { amount } => {
                let birth = self.tasks.current().map(|entry| entry.birth);
                self.locks.give_back(thing, amount, birth);
            }
            News::Waits { place, kind, site } => self.stand_in_queue(thing, place, kind, site),
            News::Holds { messages, is_more } => self.holds_messages(thing, messages, is_more),
            News::Abandoned { messages } => self.abandons_messages(thing, messages),
            News::Granted { place } => {
                let births = |waiting: &Waiting| waiting.place == place && waiting.thing == thing;
                let found = self.locks.waiting.iter().position(births);
                if let Some(index) = found {
                    let polls = self.polls_of(&self.locks.waiting[index].poller);
                    self.locks.waiting[index].granted = Some(polls);
                }
            }
            News::Left { place } => {
                let is_other = |it: &Waiting| it.place != place || it.thing != thing;
                self.locks.waiting.retain(is_other);
            }
            _ => {}
        }
    }

    /// The running task has so much of `thing`, which it got at `site` by the operation that it came
    /// to last, or without one: then it is not known which of its parts has it.
    pub(super) fn take(
        &mut self,
        thing: Thing,
        kind: OpKind,
        amount: usize,
        is_awaited: bool,
        site: &'static Location<'static>,
    ) {
        let Some(mut poller) = self.poller().filter(|_| amount > 0) else {
            return;
        };
        if !is_awaited {
            poller.waker = 0;
        }
        let holder = Holder {
            poller,
            kind,
            amount,
            site,
        };
        self.locks.held.entry(thing).or_default().push(holder);
    }

    fn stand_in_queue(
        &mut self,
        thing: Thing,
        place: QueuePlace,
        kind: OpKind,
        site: &'static Location<'static>,
    ) {
        let Some(poller) = self.poller() else {
            return;
        };
        let waiting = Waiting {
            thing,
            place,
            poller,
            kind,
            site,
            granted: None,
        };
        let is_same = |it: &&mut Waiting| it.place == place && it.thing == thing;
        match self.locks.waiting.iter_mut().find(is_same) {
            Some(known) => *known = waiting,
            None => self.locks.waiting.push(waiting),
        }
    }

    /// Who polls now.
    fn poller(&self) -> Option<Poller> {
        let slot = self.tasks.running?;
        let entry = self.tasks.get(slot)?;
        Some(Poller {
            task: entry.path,
            node: entry.node,
            deaths: entry.deaths,
            slot,
            birth: entry.birth,
            waker: entry.at.waker,
        })
    }

    /// How often a task was polled; `u64::MAX` if it has ended.
    pub(crate) fn polls_of(&self, poller: &Poller) -> u64 {
        let entry = self.tasks.get(poller.slot);
        let entry = entry.filter(|entry| entry.birth == poller.birth);
        entry.map_or(u64::MAX, |entry| entry.polls)
    }

    /// Runs on until [`locks_given_back`](Self::locks_given_back) with an eye on what is unlocked.
    pub(super) fn watch_locks(&mut self) {
        self.locks.given_back = Some(Vec::new());
    }

    /// The locks that were given back since then.
    pub(super) fn locks_given_back(&mut self) -> Vec<Holder> {
        self.locks.given_back.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
