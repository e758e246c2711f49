//! Choices that somebody else has written down, byte by byte or place by place.
//!
//! Owns what a number means at a choice, and what was seen of the run: where choices were made, and
//! which operations found what others had left. Knows nothing of who writes the numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::Learnt;
use super::{Choose, Odds, Scheduling, Step, Thing};
use crate::choice::{AnchorHash, hash_text, mix};

/// Numbers for choices. What there is no number for, others choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// One byte after the other, for one choice after the other; 0 is calm.
    Row(Vec<u8>),
    /// By where the choice is made; none of them is calm.
    Placed(BTreeMap<u64, u32>),
}

/// Makes choices by numbers.
pub(crate) struct Given {
    numbers: Numbers,
    next: usize,
    base: Box<dyn Choose>,
    noticed: Noticed,
    /// Who last changed each thing, and who last used it, and how.
    changed: BTreeMap<Thing, (u64, u64)>,
    used: BTreeMap<Thing, (u64, u64)>,
}

/// What was seen of a run, for whoever wants other runs than those before.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    /// Where choices were made, in order.
    pub(crate) places: Vec<u64>,
    /// Numbers that stand for what the run has that others may not have.
    pub(crate) traits: BTreeSet<u16>,
}

/// The most places that are kept of a run.
const PLACES_MAX: usize = 4_096;

impl Given {
    pub(crate) fn new(numbers: &Numbers, base: Box<dyn Choose>) -> Self {
        Self {
            numbers: numbers.clone(),
            next: 0,
            base,
            noticed: Noticed::default(),
            changed: BTreeMap::new(),
            used: BTreeMap::new(),
        }
    }

    /// The number for the choice at `anchor`, if there is one: as a part of 2^32.
    fn number(&mut self, anchor: AnchorHash) -> Option<u64> {
        if self.noticed.places.len() < PLACES_MAX {
            self.noticed.places.push(anchor.0);
        }
        match &self.numbers {
            Numbers::Row(bytes) => {
                let byte = bytes.get(self.next).copied();
                self.next += 1;
                let above_calm = u64::from(byte?).checked_sub(1)?;
                Some(above_calm * (u64::from(u32::MAX) / 254))
            }
            Numbers::Placed(placed) => placed.get(&anchor.0).map(|&it| u64::from(it)),
        }
    }

    fn notice(&mut self, one: u64, two: u64) {
        self.noticed.traits.insert(mix(one, two) as u16);
    }
}

/// Of `0..=most`, but not 0, that part which `number` is of 2^32.
fn part(number: u64, most: u64) -> u64 {
    let scaled = (u128::from(number) * u128::from(most)) >> 32;
    u64::try_from(scaled)
        .unwrap_or(most)
        .clamp(1.min(most), most)
}

/// How big a fault is that happens, if it may.
fn size(number: u64, odds: &Odds) -> u64 {
    match odds.part {
        0 => 0,
        _ => odds.least + part(number, odds.most - odds.least + 1) - 1,
    }
}

impl Choose for Given {
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize {
        let count = asked.runnable.len();
        match self.number(asked.anchor) {
            Some(number) if count > 1 => {
                let further = 1 + number as usize % (count - 1);
                (asked.calm + further) % count
            }
            Some(_) => asked.calm,
            None => self.base.sched(asked),
        }
    }

    fn pick(&mut self, anchor: AnchorHash, alternatives: u64) -> u64 {
        match self.number(anchor) {
            Some(number) => 1 + number % (alternatives - 1),
            None => self.base.pick(anchor, alternatives),
        }
    }

    fn delay(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        match self.number(anchor) {
            Some(number) => part(number, most),
            None => self.base.delay(anchor, most),
        }
    }

    fn short(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        match self.number(anchor) {
            Some(number) => part(number, most),
            None => self.base.short(anchor, most),
        }
    }

    fn stall(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        match self.number(anchor) {
            Some(number) => part(number, most),
            None => self.base.stall(anchor, most),
        }
    }

    fn fault(&mut self, anchor: AnchorHash, odds: &Odds) -> u64 {
        let size = match self.number(anchor) {
            Some(number) => size(number, odds),
            None => self.base.fault(anchor, odds),
        };
        if size > 0 {
            self.notice(FAULT, anchor.0);
        }
        size
    }

    fn cancel(&mut self, anchor: AnchorHash, odds: &Odds) -> u64 {
        match self.number(anchor) {
            Some(number) => size(number, odds),
            None => self.base.cancel(anchor, odds),
        }
    }

    fn listens(&self) -> bool {
        true
    }

    fn spawned(&mut self, parent: u64, child: u64) {
        self.base.spawned(parent, child);
    }

    /// Which operation found what which other had left, and which followed which other's.
    fn completed(&mut self, step: &Step) {
        let did = &step.did;
        if did.thing != Thing::NONE {
            let site = mix(hash_text(did.site.file()), u64::from(did.site.line()));
            let own = mix(mix(did.kin, site), u64::from(did.site.column()));
            let by = |last: Option<&(u64, u64)>| match last {
                Some(&(task, _)) if task == step.task => None,
                last => Some(last.map_or(NOBODY, |&(_, what)| what)),
            };
            if let Some(left) = by(self.changed.get(&did.thing)) {
                self.notice(left, own);
            }
            if let Some(before) = by(self.used.get(&did.thing)) {
                self.notice(mix(before, HANDED_OVER), own);
            }
            self.used.insert(did.thing, (step.task, own));
            if did.writes {
                self.changed.insert(did.thing, (step.task, own));
            }
        }
        self.base.completed(step);
    }

    fn tried(&mut self, step: &Step) {
        self.base.tried(step);
    }

    fn learnt(&mut self) -> Learnt {
        Learnt::Noticed(std::mem::take(&mut self.noticed))
    }
}

const NOBODY: u64 = 0x6e6f_626f_6479;
const HANDED_OVER: u64 = 0x6861_6e64;
const FAULT: u64 = 0x0066_6175_6c74;
