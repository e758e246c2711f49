//! Reads-from constraints.
//!
//! After Wolff, Shi, Duck, Mathur, Roychoudhury: "Greybox fuzzing for concurrency testing", ASPLOS
//! 2024, without its feedback. A calm run shows which operations meet on one thing. Each run draws
//! one to three wishes of the form "this operation observes what that one left", or does not, or
//! finds the thing as it was at first, and lets those tasks go first that bring it about. Within a
//! band the order is partial order sampling's. A wish never blocks: what would spoil it goes last,
//! not never.

use std::collections::{BTreeMap, BTreeSet};

use super::pos::Pos;
use super::profile::Profile;
use super::sites::{Signature, Sites};
use super::{Doing, Order, Scheduling, Step, Thing};
use crate::choice::{below, value};

/// Brings certain pairs of operations about.
#[derive(Debug)]
pub(crate) struct ReadsFrom {
    wishes: Vec<Wish>,
    /// Who changed each thing last.
    last: BTreeMap<Thing, Signature>,
    sites: Sites,
    pos: Pos,
}

/// What an operation is to find.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    reader: Signature,
    /// `None`: what was there at first.
    writer: Option<Signature>,
    /// Who changes what the reader observes.
    rivals: BTreeSet<Signature>,
    /// It is not to find that.
    is_not: bool,
}

const STREAM: u64 = 0x7265_6164_7366;

/// The most wishes of one run.
const WISHES_MAX: u64 = 3;

impl ReadsFrom {
    pub(crate) fn new(seed: u64, profile: &Profile) -> Self {
        let pairs = &profile.pairs;
        let count = if pairs.is_empty() {
            0
        } else {
            1 + below(value(seed, STREAM, 0), WISHES_MAX)
        };
        let wishes = (1..=count).map(|number| {
            let drawn = below(value(seed, STREAM, 2 * number), pairs.len() as u64) as usize;
            let (reader, writer) = pairs[drawn];
            let is_not = below(value(seed, STREAM, 2 * number + 1), 4) == 0;
            let first = pairs.partition_point(|&(other, _)| other < reader);
            let theirs = pairs[first..]
                .iter()
                .take_while(|&&(other, _)| other == reader);
            Wish {
                reader,
                writer,
                rivals: theirs.filter_map(|&(_, writer)| writer).collect(),
                is_not,
            }
        });
        Self {
            wishes: wishes.collect(),
            last: BTreeMap::new(),
            sites: Sites::default(),
            pos: Pos::new(seed, profile),
        }
    }

    /// 2, or 1 if it would spoil a wish and 3 if it would bring one about.
    fn band(&mut self, doing: &Doing) -> u8 {
        let Some(signature) = self.sites.signature(doing) else {
            return 2;
        };
        let last = self.last.get(&doing.thing).copied();
        let (mut is_wanted, mut is_unwanted) = (false, false);
        for wish in &self.wishes {
            let is_so = last == wish.writer;
            if wish.is_not {
                is_unwanted |= signature == wish.reader && is_so;
                continue;
            }
            if signature == wish.reader {
                is_wanted |= is_so;
                is_unwanted |= !is_so;
            } else if doing.writes && wish.rivals.contains(&signature) {
                is_wanted |= Some(signature) == wish.writer && !is_so;
                is_unwanted |= is_so;
            }
        }
        match (is_wanted, is_unwanted) {
            (true, false) => 3,
            (false, true) => 1,
            _ => 2,
        }
    }
}

impl Order for ReadsFrom {
    fn next(&mut self, asked: &Scheduling<'_>) -> usize {
        self.pos.settle(asked);
        let best = (0..asked.runnable.len()).max_by_key(|&rank| {
            let band = self.band(&asked.look.doing(rank));
            (band, self.pos.priority(asked, rank))
        });
        let best = best.unwrap_or(asked.calm);
        self.pos.chose(asked, best);
        best
    }

    fn listens(&self) -> bool {
        !self.wishes.is_empty()
    }

    fn completed(&mut self, step: &Step) {
        let Some(signature) = self.sites.signature(&step.did) else {
            return;
        };
        let last = self.last.get(&step.did.thing).copied();
        // What has come about is no longer wished for.
        self.wishes
            .retain(|wish| wish.reader != signature || (wish.writer == last) == wish.is_not);
        if step.did.writes {
            self.last.insert(step.did.thing, signature);
        }
    }
}
