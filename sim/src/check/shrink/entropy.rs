//! Simple numbers in place of those that programs draw of the seed.
//!
//! A failure that takes no certain numbers is told with simple ones. Where it takes some, as many as
//! there can be of the others are simple: all of a task, or those from one of its draws on.

use super::search::Search;
use super::work;
use crate::choice::{Anchor, ChoiceKind, Deviation, Operation, Story};

/// Makes as much simple as it can.
pub(super) fn simplify(search: &mut Search<'_>) {
    if search.drew().is_empty() {
        // Nobody asks for it, or nobody draws.
        return;
    }
    let mut all: Vec<_> = (search.choices().iter())
        .filter(|it| it.anchor.kind != ChoiceKind::Entropy)
        .cloned()
        .collect();
    all.push(everywhere());
    if search.attempt(all) {
        return;
    }
    work::in_runs(search, |search| {
        let is_ruled = |it: &Deviation| {
            search
                .choices()
                .iter()
                .any(|other| other.anchor == it.anchor)
        };
        let drew = search.drew().iter().map(|(it, _)| it);
        drew.filter(|it| !is_ruled(it)).cloned().collect()
    });
    for (of_task, count) in search.drew().to_vec() {
        from_one_on(search, &of_task, count);
    }
}

/// All draws of everybody.
fn everywhere() -> Deviation {
    Deviation {
        anchor: Anchor {
            kind: ChoiceKind::Entropy,
            subject: "-".to_owned(),
            operation: Operation::DRAW.name.to_owned(),
            resource: "-".to_owned(),
            step: 0,
            visit: 0,
        },
        value: "1".to_owned(),
        story: Story::default(),
    }
}

/// Looks for the fewest draws of a task that the failure takes, of the `count` that were the seed's.
fn from_one_on(search: &mut Search<'_>, of_task: &Deviation, count: u64) {
    // Without the first `too_few`, it does not fail; with the first `enough`, it does.
    let (mut too_few, mut enough) = (0, count);
    while too_few + 1 < enough && !search.is_spent() {
        let kept = u64::midpoint(too_few, enough);
        let mut candidate: Vec<_> = (search.choices().iter())
            .filter(|it| it.anchor != of_task.anchor)
            .cloned()
            .collect();
        candidate.push(Deviation {
            value: (kept + 1).to_string(),
            ..of_task.clone()
        });
        match search.attempt(candidate) {
            true => enough = kept,
            false => too_few = kept,
        }
    }
}
