//! What counts as a fault that did nothing.

use std::collections::{BTreeMap, BTreeSet};

use simoom_faults::Expected;

use super::{DUE, among};
use crate::world::faults::Entry;

fn entry(expected: Expected) -> Entry {
    Entry {
        text: "node.killed".to_owned(),
        expected,
        offered: 0,
        open: 0,
        due: 0,
        fired: 0,
        blocked: 0,
        missed: BTreeSet::new(),
    }
}

#[track_caller]
fn check(entry: Entry, expected: Option<&str>) {
    let planned = BTreeMap::from([(entry.text.clone(), entry)]);
    let expected: Vec<_> = expected.map(str::to_owned).into_iter().collect();
    assert_eq!(among(&planned), expected);
}

#[test]
fn a_planned_fault_must_find_something_to_hit_in_time() {
    let fires = entry(Expected::Fires);
    check(
        fires.clone(),
        Some("node.killed: found nothing that it could hit"),
    );
    let late = Entry {
        offered: 3,
        ..fires.clone()
    };
    let why = "node.killed: its time never came at any of 3 opportunities";
    check(late.clone(), Some(why));
    check(Entry { open: 1, ..late }, None);
    check(Entry { fired: 1, ..fires }, None);
    check(entry(Expected::IfReached), None);
    check(entry(Expected::MayBeInert), None);
}

#[test]
fn a_fault_that_was_due_often_must_have_happened() {
    let due = |expected, due: u64| Entry {
        offered: 1_000,
        open: 1_000,
        due: due << 20,
        ..entry(expected)
    };
    let why = "node.killed: never happened, though it was due about 40 times";
    check(due(Expected::Fires, DUE), Some(why));
    check(due(Expected::IfReached, DUE), Some(why));
    check(due(Expected::MayBeInert, DUE), None);
    check(due(Expected::Fires, DUE - 1), None);
}

#[test]
fn a_fault_that_is_always_blocked_never_happens() {
    let blocked = |expected| Entry {
        offered: 9,
        open: 9,
        blocked: 4,
        ..entry(expected)
    };
    let why = "node.killed: blocked by a budget all 4 times";
    check(blocked(Expected::Fires), Some(why));
    check(blocked(Expected::IfReached), None);
}
