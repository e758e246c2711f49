//! Fewer changes of the tasks' order.

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
