//! Small changes of schedules, and what two of them have in common.
//!
//! Owns how a schedule is changed, one record at a time. Knows nothing of what a place is.

use std::collections::BTreeMap;

use super::schedule::{BASES, HEAD, RECORD, Schedule};
use crate::choice::{below, value};
use crate::strategy::Numbers;

/// A changed copy of `schedule` that takes at most `bytes_max` bytes, as `seed` has it.
///
/// One record is added, taken away, moved, made larger or smaller, or put at another place as well;
/// or who chooses elsewhere is another. Records are added at one of `places`, as the runs before
/// have [come to](super::Ran::places) them.
///
/// # Examples
/// ```
/// use simoom_sim::fuzzing::{Schedule, mutated};
///
/// let places = [1, 2, 3];
/// let calm = Schedule::decode(&[1]);
/// let other = (0..10).map(|seed| mutated(&calm, &places, 100, seed));
/// assert!(other.into_iter().any(|it| it != calm));
/// ```
#[must_use]
pub fn mutated(schedule: &Schedule, places: &[u64], bytes_max: usize, seed: u64) -> Schedule {
    let mut draw = Draw { seed, count: 0 };
    let mut changed = schedule.clone();
    // A row says nothing of places. Whoever changes bytes alone changes rows.
    let mut records = schedule.records();
    for _ in 0..=draw.below(3) {
        change(&mut changed, &mut records, places, &mut draw);
    }
    let most = bytes_max.saturating_sub(HEAD) / RECORD;
    while records.len() > most {
        draw.take(&mut records);
    }
    changed.numbers = Numbers::Placed(records);
    changed
}

/// One with some records of each of the two, as `seed` has it, in at most `bytes_max` bytes.
///
/// A record means the same in both, since places are not counted over the whole run.
///
/// # Examples
/// ```
/// use simoom_sim::fuzzing::{Schedule, crossed, mutated};
///
/// let one = mutated(&Schedule::decode(&[1]), &[7], 100, 1);
/// let both = crossed(&one, &Schedule::decode(&[1]), 100, 2);
/// assert!(both.encode().len() <= one.encode().len());
/// ```
#[must_use]
pub fn crossed(one: &Schedule, two: &Schedule, bytes_max: usize, seed: u64) -> Schedule {
    let mut draw = Draw { seed, count: 0 };
    let mut records = BTreeMap::new();
    for parent in [one, two] {
        let kept = parent.records().into_iter();
        records.extend(kept.filter(|_| draw.below(4) > 0));
    }
    let most = bytes_max.saturating_sub(HEAD) / RECORD;
    while records.len() > most {
        draw.take(&mut records);
    }
    let parent = if draw.below(2) == 0 { one } else { two };
    Schedule {
        base: parent.base,
        seed: parent.seed,
        numbers: Numbers::Placed(records),
    }
}

/// Makes one change.
fn change(
    schedule: &mut Schedule,
    records: &mut BTreeMap<u64, u32>,
    places: &[u64],
    draw: &mut Draw,
) {
    match draw.below(12) {
        0..=3 => {
            if let Some(place) = draw.one(places) {
                records.insert(place, draw.bits() as u32);
            }
        }
        4 | 5 => {
            draw.take(records);
        }
        6 => {
            if let Some((place, _)) = draw.take(records) {
                records.insert(place, draw.bits() as u32);
            }
        }
        7 => {
            if let Some((place, number)) = draw.take(records) {
                let shift = draw.below(31) as u32;
                let larger = number.rotate_left(1) | 1;
                let other = if draw.below(2) == 0 {
                    number >> shift
                } else {
                    larger
                };
                records.insert(place, other);
            }
        }
        // To where a choice was made shortly before or after it.
        8 | 9 => {
            if let Some((place, number)) = draw.take(records) {
                let at = places.iter().position(|&it| it == place);
                let near = at.map(|at| at.saturating_add_signed(draw.below(7) as isize - 3));
                let near = near.and_then(|at| places.get(at).copied());
                records.insert(near.unwrap_or(place), number);
            }
        }
        10 => {
            if let Some((place, number)) = draw.take(records) {
                records.insert(place, number);
                records.insert(draw.one(places).unwrap_or(place), number);
            }
        }
        _ => {
            schedule.base = draw.below(u64::from(BASES)) as u8;
            schedule.seed = draw.bits() as u16;
        }
    }
}

/// Numbers from a seed.
struct Draw {
    seed: u64,
    count: u64,
}

impl Draw {
    fn bits(&mut self) -> u64 {
        self.count += 1;
        value(self.seed, 0x6368_616e_6765, self.count)
    }

    fn below(&mut self, limit: u64) -> u64 {
        let bits = self.bits();
        below(bits, limit)
    }

    fn one(&mut self, of: &[u64]) -> Option<u64> {
        let index = self.below(of.len() as u64) as usize;
        of.get(index).copied()
    }

    /// Takes one record out.
    fn take(&mut self, records: &mut BTreeMap<u64, u32>) -> Option<(u64, u32)> {
        let index = self.below(records.len() as u64) as usize;
        let place = *records.keys().nth(index)?;
        records.remove_entry(&place)
    }
}
