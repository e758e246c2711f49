//! Curves of made-up programs, rates against tables, words that say what they should.

use super::curve::{Curve, Level, RUNS, Shape, curve};
use crate::choice::{Plan, Rate};

fn at(kept: u64, failed: u32) -> Level {
    Level { kept, failed }
}

/// The curve of a program that fails as `failed` says, and how many levels were asked for.
fn measured(total: u64, changes: &[u64], failed: impl Fn(u64) -> u32) -> (Curve, usize) {
    let mut asked = 0;
    let curve = curve(total, changes, |kept| {
        assert!(kept < total, "the failing run is not made again");
        asked += 1;
        Some(failed(kept))
    });
    (curve, asked)
}

#[test]
fn a_jump_at_a_choice_that_differs_from_calm_is_found_at_once() {
    let (curve, asked) = measured(1_000, &[400], |kept| if kept > 400 { RUNS } else { 2 });
    let (before, after) = (at(400, 2), at(401, RUNS));
    assert_eq!(curve.shape(), Some(Shape::Jump { before, after }));
    assert_eq!(asked, 3, "{curve:?}");
    assert!(curve.is_whole);
}

#[test]
fn a_jump_elsewhere_is_narrowed_down_to_one_choice() {
    for decided in [1, 17, 399, 402, 640, 998] {
        let (curve, _) = measured(1_000, &[400], |kept| if kept >= decided { 30 } else { 1 });
        let Some(Shape::Jump { before, after }) = curve.shape() else {
            panic!("{curve:?}");
        };
        assert_eq!(before.kept + 1, after.kept, "{decided}: {curve:?}");
        assert_eq!(after.kept, decided, "{curve:?}");
    }
}

#[test]
fn flat_curves_are_told_apart() {
    let (curve, asked) = measured(500, &[], |_| RUNS);
    assert_eq!(curve.shape(), Some(Shape::Always));
    assert_eq!(asked, 1, "one level says it");
    // What differs from calm does not matter then.
    let (curve, asked) = measured(500, &[10, 40, 100, 300], |_| RUNS);
    assert_eq!((curve.shape(), asked), (Some(Shape::Always), 1));
    // There is nothing to choose.
    let (curve, asked) = measured(0, &[], |_| 0);
    assert_eq!((curve.shape(), asked), (Some(Shape::Always), 0));
    // Chance decides at the very end.
    let (curve, _) = measured(500, &[100], |_| 0);
    let (before, after) = (at(499, 0), at(500, RUNS));
    assert_eq!(curve.shape(), Some(Shape::Jump { before, after }));
}

#[test]
fn a_budget_leaves_the_levels_that_it_paid_for() {
    let mut left = 2;
    let curve = curve(1_000, &[10, 400], |_| {
        left -= 1;
        (left >= 0).then_some(3)
    });
    assert_eq!(curve.levels, [at(0, 3), at(401, 3), at(1_000, RUNS)]);
    assert!(!curve.is_whole);
    let nothing = super::curve::curve(1_000, &[], |_| None);
    assert_eq!(nothing.shape(), None);
}

/// Against the exact bounds of Clopper and Pearson, computed with 60 digits elsewhere.
#[test]
fn as_many_clean_seeds_are_asked_for_as_the_lower_bound_needs() {
    let needed = |failed, runs| Rate { failed, runs }.clean_needed();
    assert_eq!(needed(0, 10), None);
    // 0.05 of seeds: ln 0.05 / ln 0.95 is 58.4.
    assert_eq!(needed(1, 1), Some(59));
    // 1 - 0.95^(1/40): 0.001282; ln 0.05 / ln (1 - that) is 2 336.2.
    assert_eq!(needed(1, 40), Some(2_337));
    // 0.05^(1/32): 0.9106; ln 0.05 / ln 0.0894 is 1.24.
    assert_eq!(needed(32, 32), Some(2));
    // Bounds of 3 of 120: 0.006848; 435.96.
    assert_eq!(needed(3, 120), Some(436));
    // 0.3441; 7.1.
    assert_eq!(needed(16, 32), Some(8));
}

#[test]
fn rare_failures_are_bounded_by_how_many_there_were() {
    // Of a Poisson distribution with 1 seen, at least 0.05129 were to be expected.
    let needed = Rate {
        failed: 1,
        runs: 1_000_000,
    };
    let needed = needed.clean_needed().unwrap();
    // ln 0.05 / 0.05129 is 58.4 times as many.
    assert!((58_300_000..58_500_000).contains(&needed), "{needed}");
}

#[test]
fn rates_are_told_in_words() {
    let text = |failed, runs| Rate { failed, runs }.to_string();
    assert_eq!(text(0, 33), "none of 33 seeds");
    assert_eq!(text(3, 120), "about 1 of 40 seeds (3 of 120)");
    assert_eq!(text(30, 33), "most seeds (30 of 33)");
    assert_eq!(text(33, 33), "every seed (33 of 33)");
}

#[test]
fn a_saved_failure_that_passes_is_weighed_by_how_often_it_was_seen() {
    let plan = |seen: &str| {
        let text = format!(
            "simoom plan 1\nseed 1\nstrategy replay\nhorizon 2\nfailure panic it is lost\n{seen}"
        );
        Plan::parse(&text).unwrap()
    };
    assert_eq!(super::clean_note(&plan(""), 100), None);
    let plan = plan("seen 3 of 120\n");
    let note = super::clean_note(&plan, 100).unwrap();
    assert_eq!(
        note,
        "a saved failure passes, and so do 100 seeds in a row; it was seen in about 1 of 40 seeds \
         (3 of 120); 436 would mean with 95 % confidence that it is gone: SIMOOM_SEEDS=436 (panic \
         it is lost)"
    );
    let note = super::clean_note(&plan, 436).unwrap();
    assert!(note.contains("it is gone, with 95 % confidence"), "{note}");
}
