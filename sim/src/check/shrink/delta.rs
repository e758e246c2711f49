//! Doing without runs of choices, then without single ones.

use super::search::Search;
use crate::choice::{ChoiceKind, Deviation};

/// One pass for each size: 63 % of what there is, 63 % of that, and so on down to two; of each kind
/// for itself where there are several, then of all together.
pub(super) fn runs(search: &mut Search<'_>) {
    let kinds = ChoiceKind::ALL.into_iter();
    let kinds: Vec<_> = kinds.filter(|&kind| count(search, kind) > 0).collect();
    if kinds.len() > 1 {
        for kind in kinds {
            runs_of(search, |it| it.anchor.kind == kind);
        }
    }
    runs_of(search, |_| true);
}

fn count(search: &Search<'_>, kind: ChoiceKind) -> usize {
    let choices = search.choices().iter();
    choices.filter(|it| it.anchor.kind == kind).count()
}

/// Leaves out runs of those that are meant, among one another.
fn runs_of(search: &mut Search<'_>, is_meant: impl Fn(&Deviation) -> bool) {
    let meant = search.choices().iter().filter(|it| is_meant(it)).count();
    let mut size = meant * 63 / 100;
    while size >= 2 && !search.is_spent() {
        search.walk(|choices, start| {
            let mut rank = 0;
            let mut rest = Vec::with_capacity(choices.len());
            for it in choices {
                let is_out = is_meant(it) && {
                    rank += 1;
                    (start + 1..=start + size).contains(&rank)
                };
                if !is_out {
                    rest.push(it.clone());
                }
            }
            (rest.len() < choices.len()).then_some((rest, start + size))
        });
        size = size * 63 / 100;
    }
}

/// Leaves out single choices, the last first, until none can go; true if that was reached.
pub(super) fn singles(search: &mut Search<'_>) -> bool {
    while search.walk(|choices, from_end| {
        let index = choices.len().checked_sub(from_end + 1)?;
        let mut rest = choices.to_vec();
        rest.remove(index);
        Some((rest, from_end + 1))
    }) {}
    !search.is_spent()
}

/// Leaves out neighbours two at a time, the last first; true if any went.
pub(super) fn pairs(search: &mut Search<'_>) -> bool {
    search.walk(|choices, from_end| {
        let second = choices.len().checked_sub(from_end + 1)?;
        let first = second.checked_sub(1)?;
        let mut rest = choices.to_vec();
        rest.drain(first..=second);
        Some((rest, from_end + 1))
    })
}
