//! When keys die.
//!
//! Owns the order of deaths: by deadline, and among equals in the order they were set. Knows
//! nothing of values.

use std::collections::BTreeMap;
use std::sync::Arc;

use simoom::time::Instant;

/// The keys that do not live for ever, soonest death first.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    keys: BTreeMap<Deadline, Arc<[u8]>>,
    set: u64,
}

/// The death of one key. No two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// How many deadlines were set before.
    sequence: u64,
}

impl Deadlines {
    /// Lets `key` die at `at`.
    pub(super) fn insert(&mut self, at: Instant, key: Arc<[u8]>) -> Deadline {
        let deadline = Deadline {
            at,
            sequence: self.set,
        };
        self.set += 1;
        self.keys.insert(deadline, key);
        deadline
    }

    /// Forgets a deadline.
    pub(super) fn remove(&mut self, deadline: Deadline) {
        let key = self.keys.remove(&deadline);
        debug_assert!(key.is_some(), "a deadline is removed once");
    }

    /// Takes out a key that is dead at `now`.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Arc<[u8]>> {
        let soonest = self.keys.first_entry()?;
        (soonest.key().at <= now).then(|| soonest.remove())
    }

    /// How many keys do not live for ever.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
    }
}
