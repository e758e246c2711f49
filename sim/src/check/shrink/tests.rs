//! Which deviations are left of those that a made-up failure needs.

use std::collections::BTreeSet;

use super::{REPLAYS_MAX, Shrunk, shrink};
use crate::choice::{Anchor, ChoiceKind, Deviation, Story, value};

/// `count` deviations, numbered by their step, of all kinds in turn.
fn deviations(count: u32) -> Vec<Deviation> {
    let one = |step| Deviation {
        anchor: Anchor {
            kind: ChoiceKind::ALL[step as usize % 4],
            subject: "a".to_owned(),
            operation: "lock".to_owned(),
            resource: "-".to_owned(),
            step,
            visit: 0,
        },
        value: "a".to_owned(),
        story: Story::default(),
    };
    (0..count).map(one).collect()
}

fn steps(deviations: &[Deviation]) -> BTreeSet<u32> {
    deviations.iter().map(|it| it.anchor.step).collect()
}

/// Shrinks `count` deviations of which `fails` knows whether they fail.
fn shrunk(count: u32, fails: impl Fn(&BTreeSet<u32>) -> bool) -> Shrunk {
    let mut calls = 0;
    let result = shrink(deviations(count), |candidate| {
        calls += 1;
        fails(&steps(candidate)).then(|| candidate.to_vec())
    });
    assert_eq!(calls, result.replays, "every replay is counted");
    assert!(
        result.replays <= REPLAYS_MAX,
        "the budget is kept: {}",
        result.replays
    );
    assert!(fails(&steps(&result.deviations)), "what is left fails");
    let sorted = result.deviations.is_sorted_by_key(|it| it.anchor.step);
    assert!(sorted, "what is left is in its order");
    result
}

#[test]
fn what_fails_calmly_needs_one_replay() {
    let result = shrunk(200, |_| true);
    assert_eq!(result.deviations, []);
    assert_eq!(result.replays, 1);
    assert!(result.minimal);
}

#[test]
fn nothing_is_tried_without_deviations() {
    let result = shrunk(0, |_| true);
    assert_eq!(result.replays, 0);
    assert!(result.minimal);
}

#[test]
fn few_needed_of_two_hundred_are_found_within_the_budget() {
    let mut most = 0;
    for needed_count in 1..=3 {
        for seed in 0..100 {
            let needed: BTreeSet<u32> = (0..needed_count)
                .map(|index| (value(seed, index, 0) % 200) as u32)
                .collect();
            let result = shrunk(200, |steps| needed.is_subset(steps));
            assert_eq!(steps(&result.deviations), needed, "seed {seed}");
            assert!(result.minimal, "seed {seed}");
            most = most.max(result.replays);
        }
    }
    assert!(most > 20, "the test counts replays: {most}");
    // Up to 60 of them are single changes tried alone.
    assert!(most < 180, "shrinking is as quick as it was: {most}");
}

#[test]
fn pairs_that_only_go_together_are_left_out_together() {
    // Step 2k and 2k + 1 must both be there or both be gone; only the pair 40, 41 is needed.
    let result = shrunk(200, |steps| {
        let whole =
            (0..100).all(|pair| steps.contains(&(2 * pair)) == steps.contains(&(2 * pair + 1)));
        whole && steps.contains(&40)
    });
    assert_eq!(steps(&result.deviations), BTreeSet::from([40, 41]));
}

#[test]
fn either_of_two_causes_is_enough() {
    let result = shrunk(200, |steps| steps.contains(&3) || steps.contains(&150));
    assert_eq!(result.deviations.len(), 1);
    assert!(result.minimal);
}

#[test]
fn a_spent_budget_is_reported() {
    // Every second one is needed: singles alone take more replays than there are.
    let needed: BTreeSet<u32> = (0..400).filter(|step| step % 2 == 0).collect();
    let result = shrunk(400, |steps| needed.is_subset(steps));
    assert_eq!(result.replays, REPLAYS_MAX);
    assert!(!result.minimal, "what was not tried is not called minimal");
    assert!(result.deviations.len() < 400, "something was left out");
}

#[test]
fn what_had_no_effect_is_left_out_at_once() {
    // Replaying without step 9 shows that steps above 20 took no effect.
    let result = shrink(deviations(200), |candidate| {
        let effective: Vec<_> = candidate
            .iter()
            .filter(|it| it.anchor.step <= 20)
            .cloned()
            .collect();
        steps(candidate).contains(&10).then_some(effective)
    });
    assert_eq!(steps(&result.deviations), BTreeSet::from([10]));
    assert!(result.replays < 30, "{}", result.replays);
}

/// `count` faults of four kinds in two families, between other deviations.
fn faults(count: u32) -> Vec<Deviation> {
    const KINDS: [&str; 4] = [
        "net.link.cut",
        "net.segment.lost",
        "node.killed",
        "node.paused",
    ];
    let mut all = deviations(count * 2);
    for (index, it) in all.iter_mut().enumerate() {
        it.anchor.kind = if index % 2 == 0 {
            it.anchor.operation = KINDS[index / 2 % 4].to_owned();
            ChoiceKind::Fault
        } else {
            ChoiceKind::Delay
        };
    }
    all
}

#[test]
fn faults_are_left_out_first_and_by_family() {
    // The one fault that matters is a pause; neither the network nor any delay has part in it.
    let needed = 6;
    let mut tried = Vec::new();
    let result = shrink(faults(40), |candidate| {
        tried.push(candidate.to_vec());
        steps(candidate)
            .contains(&needed)
            .then(|| candidate.to_vec())
    });
    let left: Vec<_> = result.deviations.iter().map(|it| it.anchor.step).collect();
    assert_eq!(left, [needed]);
    let families = |candidate: &[Deviation]| -> BTreeSet<String> {
        let faults = candidate
            .iter()
            .filter(|it| it.anchor.kind == ChoiceKind::Fault);
        let family = |it: &Deviation| it.anchor.operation.split('.').next().unwrap().to_owned();
        faults.map(family).collect()
    };
    assert_eq!(tried[0], [], "nothing at all");
    assert_eq!(families(&tried[1]), BTreeSet::new(), "no faults");
    assert_eq!(tried[2].len(), 40, "faults alone");
    assert_eq!(families(&tried[3]), BTreeSet::from(["node".to_owned()]));
    assert!(result.replays < 30, "{}", result.replays);
}
