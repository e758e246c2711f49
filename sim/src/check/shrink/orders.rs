//! Fewer changes of the tasks' order.

use std::collections::BTreeMap;

use super::search::Search;
use crate::choice::{ANY, ChoiceKind, Deviation};

/// The most single choices tried alone, those of the order at two replays each.
const SINGLES_MAX: usize = 30;

/// Tries each of the choices that were found alone, the last first, if more than one is left:
/// minimal is not least, and most failures need one interruption at the right place.
pub(super) fn one_alone(search: &mut Search<'_>, raw: &[Deviation]) {
    let singles = raw.iter().rev().filter(|it| is_order(it));
    for single in singles.take(SINGLES_MAX) {
        if search.choices().len() < 2 || search.is_spent() {
            return;
        }
        // The task that went on instead may not be able to where nothing else is changed.
        search.first(&[vec![single.clone()], vec![to(single, ANY)]]);
    }
}

/// Makes one of several neighbouring changes, all of them first: another than each of them, at a
/// place and to a task that are like theirs.
///
/// A task that was interrupted may be one of several that are equal, and may have been there first
/// because of the other changes: without them, another one is.
pub(super) fn elsewhere(search: &mut Search<'_>) {
    let mut size = orders_of(search).len().min(WINDOW_MAX);
    while size >= 2 {
        let mut start = 0;
        let mut any = false;
        while let Some(window) = orders_of(search).get(start..start + size) {
            if search.replays_left() < RESERVE || search.is_spent() {
                return;
            }
            match replace(search, window) {
                true => any = true,
                false => start += 1,
            }
        }
        size = match any {
            true => orders_of(search).len().min(size),
            false => size - 1,
        };
    }
}

/// The places of the changes of the tasks' order among all choices.
fn orders_of(search: &Search<'_>) -> Vec<usize> {
    let choices = search.choices();
    let all = 0..choices.len();
    all.filter(|&index| is_order(&choices[index])).collect()
}

/// Tries one change in place of those in `window`.
fn replace(search: &mut Search<'_>, window: &[usize]) -> bool {
    let (mut gone, mut rest) = (Vec::new(), Vec::new());
    for (index, it) in search.choices().iter().enumerate() {
        let side = if window.contains(&index) {
            &mut gone
        } else {
            &mut rest
        };
        side.push(it.clone());
    }
    let mut others: Vec<_> = (search.others(&rest).orders.into_iter())
        .map(|it| (likeness(&it, &gone), it))
        .filter(|(likeness, _)| *likeness > 0)
        .collect();
    // Of equal ones, the first in time.
    others.sort_by_key(|(likeness, _)| std::cmp::Reverse(*likeness));
    let mut classes = BTreeMap::<_, usize>::new();
    others.retain(|(_, it)| {
        let count = classes.entry(class(it, &gone)).or_default();
        *count += 1;
        *count <= ALIKE_MAX
    });
    others.truncate(OTHERS_MAX);
    let candidates: Vec<_> = (others.into_iter())
        .map(|(_, it)| {
            let mut candidate = rest.clone();
            candidate.push(it);
            candidate
        })
        .collect();
    search.first(&candidates).is_some()
}

/// How much a change is like the one of `gone` that it is most like.
fn likeness(it: &Deviation, gone: &[Deviation]) -> usize {
    let with = |other: &Deviation| {
        let (one, two) = (&it.anchor, &other.anchor);
        let subject = kin(&one.subject) == kin(&two.subject);
        let operation = subject && one.operation == two.operation;
        let thing = operation && kin(&one.resource) == kin(&two.resource);
        let step = thing && one.step == two.step;
        // Who was sent ahead may be who is to be interrupted.
        let other_way = kin(&one.subject) == kin(&other.value);
        let likes = [subject || other_way, operation, thing, step];
        likes.into_iter().filter(|&it| it).count()
    };
    let place = gone.iter().map(with).max().unwrap_or(0);
    let to = |is_like: fn(&str, &str) -> bool| {
        usize::from(gone.iter().any(|other| is_like(&it.value, &other.value)))
    };
    match place {
        0 => 0,
        place => place * 3 + to(|one, two| kin(one) == kin(two)) + to(|one, two| one == two),
    }
}

/// What equal tasks have in common that are interrupted at equal places, for an equal one or for
/// the very one that went on in `gone`: tasks may look alike and do different things.
fn class(it: &Deviation, gone: &[Deviation]) -> impl Ord + use<> {
    let anchor = &it.anchor;
    let is_known = gone.iter().any(|other| other.value == it.value);
    let to = if is_known {
        it.value.clone()
    } else {
        kin(&it.value)
    };
    (
        kin(&anchor.subject),
        anchor.operation.clone(),
        kin(&anchor.resource),
        anchor.step,
        to,
    )
}

/// A path without its counts.
fn kin(path: &str) -> String {
    let mut parts = path.split('#');
    let mut kin = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kin.push_str(part.trim_start_matches(|it: char| it.is_ascii_digit()));
    }
    kin
}

/// The most changes that are made one.
const WINDOW_MAX: usize = 8;

/// How many of equal ones are tried.
const ALIKE_MAX: usize = 2;

/// How many are tried in place of some.
const OTHERS_MAX: usize = 16;

/// How many replays are left for what comes after.
const RESERVE: u32 = 40;

/// Makes one of two neighbouring changes: who gives way to one that gives way to a third may give
/// way to the third.
pub(super) fn contract(search: &mut Search<'_>) {
    for whom in [Whom::Second, Whom::First, Whom::Any] {
        search.walk(|choices, place| {
            let orders = (0..choices.len()).filter(|&index| is_order(&choices[index]));
            let orders: Vec<_> = orders.collect();
            let &[first, second] = orders.get(place..place + 2)? else {
                return None;
            };
            let value = match whom {
                Whom::Second => &choices[second].value,
                Whom::First => &choices[first].value,
                Whom::Any => ANY,
            };
            let mut rest = choices.to_vec();
            // The first alone was tried before.
            let gone = if whom == Whom::First { first } else { second };
            let left = if whom == Whom::First { second } else { first };
            rest[left] = to(&choices[left], value);
            rest.remove(gone);
            Some((rest, place + 1))
        });
    }
}

/// To whom the one change hands over that is made of two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whom {
    Second,
    First,
    Any,
}

fn is_order(it: &Deviation) -> bool {
    it.anchor.kind == ChoiceKind::Sched
}

/// The same place, handing over to another.
fn to(it: &Deviation, value: &str) -> Deviation {
    Deviation {
        value: value.to_owned(),
        ..it.clone()
    }
}
