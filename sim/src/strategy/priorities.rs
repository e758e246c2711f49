//! Priorities that are drawn anew for each event.
//!
//! Owns how they are drawn: from the seed, the task and how often it drew before. Knows nothing of
//! when that is.

use std::collections::BTreeMap;

use crate::choice::value;

/// The priority of each task's next event.
#[derive(Debug)]
pub(crate) struct Priorities {
    seed: u64,
    /// How often a task's priority was drawn anew, by path hash.
    drawn: BTreeMap<u64, u64>,
}

const PRIORITY: u64 = 0x6576_656e_7470;

impl Priorities {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: BTreeMap::new(),
        }
    }

    /// The priority of the task's next event.
    pub(crate) fn of(&self, task: u64) -> u64 {
        let drawn = self.drawn.get(&task).copied().unwrap_or(0);
        value(self.seed, PRIORITY ^ task, drawn)
    }

    /// Draws the task's priority anew.
    pub(crate) fn redraw(&mut self, task: u64) {
        *self.drawn.entry(task).or_default() += 1;
    }
}
