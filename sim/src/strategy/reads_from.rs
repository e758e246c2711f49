//! Reads-from constraints.
//!
//! After Wolff, Shi, Duck, Mathur, Roychoudhury: "Greybox fuzzing for concurrency testing", ASPLOS
//! 2024, without its feedback. A calm run shows which operations meet on one thing. Each run draws
//! one to three wishes of the form "this operation observes what that one left", or does not, or
//! finds the thing as it was at first, and lets those tasks go first that bring it about. Half of the
//! wishes are drawn from all, half from those about one thing, so that one on which much happens
//! leaves something to the others. Within a band the order is partial order sampling's. A wish never blocks: what would spoil it goes last,
//! not never.

use std::collections::{BTreeMap, BTreeSet};

use super::pos::Pos;
use super::profile::{Pair, Profile};
use super::releases::Releases;
use super::sites::{Signature, Site, Sites};
use super::{Doing, Order, Scheduling, Step, Thing};
use crate::choice::{below, value};

/// Brings certain pairs of operations about.
#[derive(Debug)]
pub(crate) struct ReadsFrom {
    wishes: Vec<Wish>,
    /// Who changed each thing last.
    last: BTreeMap<Thing, Signature>,
    releases: Releases,
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
    /// How many things are as the writer left them; without one, how many a rival has changed.
    left: u32,
}

impl Wish {
    /// Whether what `signature` leaves counts.
    fn counts(&self, signature: Signature) -> bool {
        match self.writer {
            Some(writer) => writer == signature,
            None => self.rivals.contains(&signature),
        }
    }

    /// Whether there is a thing that is as it is to be found, as far as that is known.
    fn is_left(&self) -> bool {
        (self.left > 0) == self.writer.is_some()
    }

    /// Takes in that `signature` changed what `before` had left.
    fn written(&mut self, signature: Signature, before: Option<Signature>) {
        self.left += u32::from(self.counts(signature));
        self.left -= u32::from(before.is_some_and(|before| self.counts(before)));
    }
}

const STREAM: u64 = 0x7265_6164_7366;

/// The most wishes of one run.
const WISHES_MAX: u64 = 3;

/// One wish of so many is that something does not come about.
const NOT: usize = 4;

impl ReadsFrom {
    pub(crate) fn new(seed: u64, profile: &Profile) -> Self {
        let count = if profile.pairs.is_empty() {
            0
        } else {
            1 + below(value(seed, STREAM, 0), WISHES_MAX)
        };
        let wishes = (0..count).filter_map(|number| {
            let draw = |index, bound| below(value(seed, STREAM, 4 * number + index), bound as u64);
            // Half of them: each thing alike, whatever happens to it; half: each pair.
            let (pairs, drawn) = if draw(1, 2) == 0 {
                let pairs = &profile.pairs[draw(2, profile.pairs.len()) as usize][..];
                (pairs, draw(3, pairs.len()) as usize)
            } else {
                let all = profile.pairs.iter().map(Vec::len).sum();
                of_all(&profile.pairs, draw(3, all) as usize)?
            };
            let (reader, writer) = pairs[drawn];
            let theirs = pairs.iter().filter(|&&(other, _)| other == reader);
            Some(Wish {
                reader,
                writer,
                rivals: theirs.filter_map(|&(_, writer)| writer).collect(),
                is_not: draw(4, NOT) == 0,
                left: 0,
            })
        });
        Self {
            wishes: wishes.collect(),
            last: BTreeMap::new(),
            releases: Releases::default(),
            sites: Sites::default(),
            pos: Pos::new(seed, profile),
        }
    }

    /// 2, or 1 if it would spoil a wish and 3 if it would bring one about.
    fn band(&mut self, doing: &Doing, site: Option<Site>) -> u8 {
        if self.wishes.is_empty() {
            return 2;
        }
        let last = self.last.get(&doing.thing).copied();
        let signature = site.map(|site| Signature::of(site, doing));
        let beside = self.sites.beside(doing);
        let (mut is_wanted, mut is_unwanted) = (false, false);
        for wish in &self.wishes {
            // Which thing it changes after its operation is not known until it does.
            let doings = [
                (signature, doing.writes, last == wish.writer),
                (beside, true, wish.is_left()),
            ];
            for (signature, writes, is_so) in doings {
                let Some(signature) = signature else {
                    continue;
                };
                if wish.is_not {
                    is_unwanted |= signature == wish.reader && is_so;
                } else if signature == wish.reader {
                    is_wanted |= is_so;
                    is_unwanted |= !is_so;
                } else if writes && wish.rivals.contains(&signature) {
                    is_wanted |= Some(signature) == wish.writer && !is_so;
                    is_unwanted |= is_so;
                }
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
            let doing = asked.look.doing(rank);
            let site = self.sites.site(&doing);
            let priority = self.pos.priority(asked.runnable[rank], site);
            (self.band(&doing, site), priority)
        });
        let best = best.unwrap_or(asked.calm);
        self.pos.chose(asked, best);
        best
    }

    fn listens(&self) -> bool {
        true
    }

    fn completed(&mut self, step: &Step) {
        self.pos.completed(step);
        if self.releases.takes_in(step) {
            return;
        }
        let Some(signature) = self.sites.signature(step) else {
            return;
        };
        let last = self.last.get(&step.did.thing).copied();
        // What has come about is no longer wished for.
        self.wishes
            .retain(|wish| wish.reader != signature || (wish.writer == last) == wish.is_not);
        if step.did.writes {
            let before = self.last.insert(step.did.thing, signature);
            for wish in &mut self.wishes {
                wish.written(signature, before);
            }
        }
    }
}

/// The pair of this number, and with which others it stands.
fn of_all(sets: &[Vec<Pair>], mut number: usize) -> Option<(&[Pair], usize)> {
    sets.iter().find_map(|pairs| {
        if number < pairs.len() {
            return Some((&pairs[..], number));
        }
        number -= pairs.len();
        None
    })
}
