//! Which changes only give back what was taken.
//!
//! Owns the memory of who holds a lock. Who takes a lock next follows from the order in which tasks
//! ask for it; that its holder gives it back in between tells nothing more.

use std::collections::BTreeSet;

use simoom::backend::OpKind;

use super::{Step, Thing};

/// The locks that tasks hold.
#[derive(Debug, Default)]
pub(crate) struct Releases {
    held: BTreeSet<(u64, Thing)>,
}

impl Releases {
    /// Whether `step` gives back what the same task took.
    pub(crate) fn takes_in(&mut self, step: &Step) -> bool {
        let holding = (step.task, step.did.thing);
        if step.is_beside {
            return self.held.remove(&holding);
        }
        if step.did.kind == Some(OpKind::Lock) {
            self.held.insert(holding);
        }
        false
    }
}
