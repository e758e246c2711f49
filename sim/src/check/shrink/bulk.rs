//! Doing without much at once.

use std::collections::BTreeSet;

use super::search::Search;
use crate::choice::{ChoiceKind, Deviation};

/// Nothing at all, no faults, then no choices of each kind.
pub(super) fn kinds(search: &mut Search<'_>) {
    if !search.choices().is_empty() {
        search.attempt(Vec::new());
    }
    faults(search);
    for kind in ChoiceKind::ALL {
        drop_those(search, |it| it.anchor.kind == kind);
    }
}

/// Nothing after a moment, then nothing before one, each found by bisection: what comes after the
/// cause of a failure makes it longer and not more probable.
pub(super) fn times(search: &mut Search<'_>) {
    bisect(search, |choices, count| choices[..count].to_vec());
    bisect(search, |choices, count| {
        choices[choices.len() - count..].to_vec()
    });
}

/// Looks for the least count of choices that `part` may leave.
fn bisect(search: &mut Search<'_>, part: impl Fn(&[Deviation], usize) -> Vec<Deviation>) {
    // Nothing at all was tried before.
    let mut too_few = 0;
    while search.choices().len() > too_few + 1 && !search.is_spent() {
        let count = usize::midpoint(too_few, search.choices().len());
        let candidate = part(search.choices(), count);
        if !search.attempt(candidate) {
            too_few = count;
        }
    }
}

/// Faults first: all of them, by family, by kind, then one by one, the last first. What fails
/// without a fault is not about it, and what each of them moves is noise to the rest.
fn faults(search: &mut Search<'_>) {
    if !search.choices().iter().any(is_fault) || drop_those(search, is_fault) {
        return;
    }
    if search.choices().iter().any(|it| !is_fault(it)) {
        // Often they alone are enough.
        drop_those(search, |it| !is_fault(it));
    }
    for family in names(search, family_of) {
        drop_those(search, |it| {
            is_fault(it) && family_of(&it.anchor.operation) == family
        });
    }
    for kind in names(search, |name| name) {
        drop_those(search, |it| is_fault(it) && it.anchor.operation == kind);
    }
    search.walk(|choices, from_end| {
        let of_faults = |&index: &usize| is_fault(&choices[index]);
        let last = choices.len().checked_sub(from_end + 1)?;
        let index = (0..=last).rev().find(of_faults)?;
        let mut rest = choices.to_vec();
        rest.remove(index);
        Some((rest, choices.len() - index))
    });
}

fn is_fault(it: &Deviation) -> bool {
    it.anchor.kind == ChoiceKind::Fault
}

fn family_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The different names, or parts of names, of the faults that are left.
fn names(search: &Search<'_>, part: impl Fn(&str) -> &str) -> BTreeSet<String> {
    let faults = search.choices().iter().filter(|it| is_fault(it));
    faults
        .map(|it| part(&it.anchor.operation).to_owned())
        .collect()
}

/// Tries to do without all that are meant; true if that still fails.
fn drop_those(search: &mut Search<'_>, is_meant: impl Fn(&Deviation) -> bool) -> bool {
    if !search.choices().iter().any(&is_meant) {
        return false;
    }
    let rest = search.choices().iter().filter(|it| !is_meant(it));
    search.attempt(rest.cloned().collect())
}
