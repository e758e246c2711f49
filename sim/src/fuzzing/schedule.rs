//! The form of the bytes.
//!
//! Owns what is read from them and how it is written. Reading refuses nothing.

use std::collections::BTreeMap;

use crate::strategy::{Choose, Numbers, Profile, Replay, Strategy};

/// The choices of a run, as a fuzzer writes them: see the [module](super) for the form.
///
/// # Examples
/// ```
/// use simoom_sim::fuzzing::Schedule;
///
/// let schedule = Schedule::decode(&[1, 0, 7]);
/// assert_eq!(schedule.seed(), 7);
/// assert_eq!(Schedule::decode(&schedule.encode()), schedule);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub(super) base: u8,
    pub(super) seed: u16,
    pub(super) numbers: Numbers,
}

/// How many bytes come before the numbers.
pub(super) const HEAD: usize = 4;

/// How many bytes a record has.
pub(super) const RECORD: usize = 12;

impl Schedule {
    /// Reads it from any bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let byte = |index: usize| bytes.get(index).copied().unwrap_or(0);
        let rest = bytes.get(HEAD..).unwrap_or_default();
        let numbers = if byte(0).is_multiple_of(2) {
            Numbers::Row(rest.to_vec())
        } else {
            let records = rest.as_chunks::<RECORD>().0.iter();
            Numbers::Placed(records.map(record).collect())
        };
        Self {
            base: byte(1) % BASES,
            seed: u16::from_le_bytes([byte(2), byte(3)]),
            numbers,
        }
    }

    /// The bytes that it is read from; of several, those in which the records are in order and each
    /// place is there once.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let [low, high] = self.seed.to_le_bytes();
        let kind = u8::from(matches!(self.numbers, Numbers::Placed(_)));
        let mut bytes = vec![kind, self.base, low, high];
        match &self.numbers {
            Numbers::Row(row) => bytes.extend_from_slice(row),
            Numbers::Placed(placed) => {
                for (place, number) in placed {
                    bytes.extend_from_slice(&place.to_le_bytes());
                    bytes.extend_from_slice(&number.to_le_bytes());
                }
            }
        }
        bytes
    }

    /// The seed of the run, from which follows what the program itself draws.
    #[must_use]
    pub fn seed(&self) -> u64 {
        u64::from(self.seed)
    }

    /// Its records, as those of one that has none if it is a row.
    pub(super) fn records(&self) -> BTreeMap<u64, u32> {
        match &self.numbers {
            Numbers::Row(_) => BTreeMap::new(),
            Numbers::Placed(placed) => placed.clone(),
        }
    }

    /// Who chooses where nothing is written, in a run of at most so many steps.
    pub(super) fn base(&self, steps: u64) -> Box<dyn Choose> {
        let strategy = match self.base {
            1 => Strategy::Random,
            2 => Strategy::Pct { depth: 3 },
            3 => Strategy::Pos,
            _ => return Box::new(Replay::calm()),
        };
        strategy.chooser(self.seed(), &Profile::default(), steps)
    }
}

/// How many there are who choose where nothing is written.
pub(super) const BASES: u8 = 4;

fn record(bytes: &[u8; RECORD]) -> (u64, u32) {
    let mut place = [0; 8];
    let mut number = [0; 4];
    place.copy_from_slice(&bytes[..8]);
    number.copy_from_slice(&bytes[8..]);
    (u64::from_le_bytes(place), u32::from_le_bytes(number))
}

#[cfg(test)]
mod tests;
