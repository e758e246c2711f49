//! Who waits for whose end.
//!
//! Owns how that is found out from what tasks came to. Knows nothing of text.

use std::collections::{BTreeMap, BTreeSet};

use super::collect::Seen;
use super::taken::{Dump, Found, Leaf};
use crate::coop::OpKind;
use crate::task::Id;

/// By where they lie: the tasks whose end is waited for.
pub(super) struct Edges {
    ends: BTreeMap<usize, Id>,
    alive: BTreeSet<Id>,
}

impl Edges {
    pub(super) fn of(found: &[Found]) -> Self {
        Self {
            ends: found.iter().map(|it| (it.end, it.info.id())).collect(),
            alive: found.iter().map(|it| it.info.id()).collect(),
        }
    }

    pub(super) fn leaf(&self, mut seen: Seen) -> Leaf {
        let mut awaits = std::mem::take(&mut seen.members);
        // Of those that have ended it will hear when it is polled.
        awaits.retain(|id| self.alive.contains(id));
        if seen.kind == OpKind::Join
            && let Some(thing) = seen.thing
        {
            awaits.extend(self.ends.get(&thing));
        }
        Leaf::new(seen, awaits)
    }
}

/// Each circle once, from its oldest task on.
pub(super) fn cycles(dump: &Dump) -> Vec<Vec<Id>> {
    let mut cycles = BTreeSet::new();
    for task in dump.tasks().iter() {
        let mut path = Vec::new();
        walk(
            dump,
            task.id(),
            &mut path,
            &mut BTreeSet::new(),
            &mut cycles,
        );
    }
    cycles.into_iter().collect()
}

fn walk(
    dump: &Dump,
    id: Id,
    path: &mut Vec<Id>,
    done: &mut BTreeSet<Id>,
    cycles: &mut BTreeSet<Vec<Id>>,
) {
    if let Some(start) = path.iter().position(|it| *it == id) {
        let mut cycle = path[start..].to_vec();
        let oldest = (0..cycle.len()).min_by_key(|&index| cycle[index]);
        cycle.rotate_left(oldest.unwrap_or(0));
        cycles.insert(cycle);
        return;
    }
    if !done.insert(id) {
        return;
    }
    let Some(task) = dump.task(id) else {
        return;
    };
    path.push(id);
    for &awaited in task.awaits() {
        walk(dump, awaited, path, done, cycles);
    }
    path.pop();
}
