//! Faults and cancellations at other opportunities than those at which they were found.
//!
//! What struck at one moment struck there because delays and interruptions had brought something
//! else to that moment. At another opportunity, all of it may be there without them.

use super::search::Search;
use crate::choice::{ChoiceKind, Deviation};

/// The most that is moved at a time.
const STRIKES_MAX: usize = 3;

/// At how many opportunities the last of them is tried.
const LAST_MAX: usize = 6;

/// At how many opportunities each of the others is tried.
const OTHERS_MAX: usize = 4;

/// How many replays it may take.
const REPLAYS_MAX: u32 = 60;

/// How many replays are left for what comes after.
const RESERVE: u32 = 40;

/// Looks for opportunities at which what struck is enough alone.
pub(super) fn elsewhere(search: &mut Search<'_>) {
    let (mut struck, mut placed, mut others) = (Vec::new(), Vec::new(), 0);
    for it in search.choices() {
        match it.anchor.kind {
            ChoiceKind::Fault | ChoiceKind::Cancel => struck.push(it.clone()),
            ChoiceKind::Work | ChoiceKind::Entropy => placed.push(it.clone()),
            _ => others += 1,
        }
    }
    if others > 0 && struck.len() <= STRIKES_MAX {
        let least = search.replays_left().saturating_sub(REPLAYS_MAX);
        place(search, &placed, &struck, least.max(RESERVE));
    }
}

/// Tries to let the first of `struck` happen somewhere after what is `placed`, and so on with the
/// following, as long as more than `least` replays are left; true if that was kept.
fn place(search: &mut Search<'_>, placed: &[Deviation], struck: &[Deviation], least: u32) -> bool {
    let Some((first, following)) = struck.split_first() else {
        return false;
    };
    if search.replays_left() <= least || search.is_spent() {
        return false;
    }
    let most = match following {
        [] => LAST_MAX,
        _ => OTHERS_MAX,
    };
    let opportunities = search.others(placed).spared;
    let candidates: Vec<_> = (places(first, opportunities).into_iter().take(most))
        .map(|it| [placed, &[it]].concat())
        .collect();
    match following {
        [] => search.first(&candidates).is_some(),
        _ => (candidates.iter()).any(|placed| place(search, placed, following, least)),
    }
}

/// Where `struck` could strike, those first that are the most like where it did, and of these the
/// nearest in time.
fn places(struck: &Deviation, opportunities: Vec<Deviation>) -> Vec<Deviation> {
    let mut places: Vec<Deviation> = Vec::new();
    for it in opportunities {
        let (one, two) = (&it.anchor, &struck.anchor);
        let is_same = one.kind == two.kind && one.operation == two.operation;
        if is_same && !places.iter().any(|other| other.anchor == it.anchor) {
            let value = struck.value.clone();
            places.push(Deviation { value, ..it });
        }
    }
    let distance = |it: &Deviation| it.story.time_ns.abs_diff(struck.story.time_ns);
    places.sort_by_cached_key(|it| (difference(it, struck), distance(it)));
    places
}

/// How different the things are that two faults hit: not at all, by their numbers, or more.
fn difference(one: &Deviation, two: &Deviation) -> u32 {
    let (one, two) = (&one.anchor, &two.anchor);
    let is_same = |kin: fn(&str) -> String| {
        kin(&one.subject) == kin(&two.subject) && kin(&one.resource) == kin(&two.resource)
    };
    if is_same(str::to_owned) {
        0
    } else if is_same(without_digits) {
        1
    } else {
        2
    }
}

fn without_digits(name: &str) -> String {
    name.replace(|it: char| it.is_ascii_digit(), "")
}
