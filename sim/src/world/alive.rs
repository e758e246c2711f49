//! Which worlds of this process are in the middle of a run.
//!
//! Owns that list alone. Knows nothing of what a world is.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// A world that runs, until it is dropped.
#[derive(Debug)]
pub(crate) struct Alive(u64);

/// As much of a world's number as the word of a resource has.
const NUMBER: u64 = 0xffff_ffff;

static ALIVE: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

impl Alive {
    /// The world `number` runs from now on.
    pub(crate) fn new(number: u64) -> Self {
        let number = number & NUMBER;
        change(|alive| alive.insert(number));
        Self(number)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        change(|alive| alive.remove(&self.0));
    }
}

/// Whether the world of this number runs now.
pub(super) fn is_alive(number: u64) -> bool {
    change(|alive| alive.contains(&(number & NUMBER)))
}

fn change<R>(change: impl FnOnce(&mut BTreeSet<u64>) -> R) -> R {
    change(&mut ALIVE.lock().unwrap_or_else(PoisonError::into_inner))
}
