//! Which operations have been placed in an order: a set of small numbers.
//!
//! Operations are numbered as they were asked for, so that the set is nearly a prefix of all
//! numbers; what is remembered of it leaves that prefix out.

/// A set of numbers.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    words: Vec<u64>,
    /// So many words at the front are full.
    full: usize,
}

/// What stands for a set in a search's memory: how many full words it begins with, and the rest
/// without what is empty at its end.
pub(super) type Key = (usize, Vec<u64>);

impl Placed {
    pub(super) fn new(count: usize) -> Self {
        Self {
            words: vec![0; count.div_ceil(64)],
            full: 0,
        }
    }

    pub(super) fn insert(&mut self, number: usize) {
        self.words[number / 64] |= 1 << (number % 64);
        while self.words.get(self.full) == Some(&u64::MAX) {
            self.full += 1;
        }
    }

    pub(super) fn remove(&mut self, number: usize) {
        self.words[number / 64] &= !(1 << (number % 64));
        self.full = self.full.min(number / 64);
    }

    pub(super) fn key(&self) -> Key {
        let rest = &self.words[self.full..];
        let end = rest.iter().rposition(|&word| word != 0);
        let rest = &rest[..end.map_or(0, |last| last + 1)];
        (self.full, rest.to_vec())
    }
}
