//! Numbers of the seed that become simple.

use super::*;

/// That the draws of `whose` are simple from the one numbered `from` on.
fn simple(whose: &str, from: u64) -> Deviation {
    let mut it = deviation(ChoiceKind::Entropy, 0, &from.to_string());
    it.anchor.subject = whose.to_owned();
    it.anchor.operation = "draw".to_owned();
    it
}

/// The numbers of the seed that each of three tasks draws of its ten, and what of `candidate` has an
/// effect.
fn draw(candidate: &[Deviation]) -> (Vec<(Deviation, u64)>, Vec<Deviation>) {
    let mut effective = Vec::new();
    let mut drew = Vec::new();
    let rule = |whose: &str| {
        candidate
            .iter()
            .find(|it| it.anchor == simple(whose, 1).anchor)
    };
    effective.extend(rule("-").cloned());
    for task in ["a", "b", "c"] {
        let of_task = rule(task).filter(|_| rule("-").is_none());
        let from = of_task.map(|it| it.number().expect("it is a number"));
        effective.extend(of_task.filter(|_| from <= Some(10)).cloned());
        let seeded = match from {
            _ if rule("-").is_some() => 0,
            Some(from) => (from - 1).min(10),
            None => 10,
        };
        if seeded > 0 {
            drew.push((simple(task, 1), seeded));
        }
    }
    (drew, effective)
}

/// Shrinks a failure that takes the order of step 7, and of `b` so many numbers of the seed.
fn left(takes: u64, counts: bool, width: usize) -> (Vec<(String, String)>, Shrunk) {
    let run = move |candidate: &[Deviation]| {
        let (drew, mut effective) = draw(candidate);
        let drawn = drew.iter().find(|(it, _)| it.anchor.subject == "b");
        let drawn = drawn.map_or(0, |&(_, count)| count);
        effective.extend(
            (candidate
                .iter()
                .filter(|it| it.anchor.kind != ChoiceKind::Entropy))
            .cloned(),
        );
        let is_shown = drawn >= takes && steps(&effective).contains(&7);
        Verdict {
            failure: is_shown.then(failure),
            deviations: effective,
            done: Vec::new(),
            drew: if counts { drew } else { Vec::new() },
        }
    };
    let (result, _) = shrunk_of(deviations(20), run, width, BUDGET);
    let rules = (result.deviations.iter()).filter(|it| it.anchor.kind == ChoiceKind::Entropy);
    let rules = rules.map(|it| (it.anchor.subject.clone(), it.value.clone()));
    (rules.collect(), result)
}

fn rules(rules: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(whose, from): &(&str, &str)| (whose.to_owned(), from.to_owned());
    rules.iter().map(owned).collect()
}

#[test]
fn what_is_drawn_becomes_simple_as_far_as_it_can() {
    for width in [1, 4] {
        let (none, result) = left(0, false, width);
        assert_eq!(
            (none, result.deviations.len()),
            (rules(&[]), 1),
            "nobody asked"
        );
        let (all, result) = left(0, true, width);
        assert_eq!((all, result.deviations.len()), (rules(&[("-", "1")]), 2));
        for (takes, from) in [(1, "2"), (4, "5"), (9, "10")] {
            let (some, result) = left(takes, true, width);
            assert_eq!(
                some,
                rules(&[("a", "1"), ("b", from), ("c", "1")]),
                "{takes}"
            );
            assert!(result.minimal && result.replays < 60, "{}", result.replays);
        }
        let (others, _) = left(10, true, width);
        assert_eq!(
            others,
            rules(&[("a", "1"), ("c", "1")]),
            "b takes all of them"
        );
    }
}

#[test]
fn a_failure_by_simple_numbers_alone_is_another() {
    let run = |candidate: &[Deviation]| {
        let (drew, effective) = draw(candidate);
        Verdict {
            failure: Some(if effective.is_empty() {
                failure()
            } else {
                other("equal names")
            }),
            deviations: effective,
            done: Vec::new(),
            drew,
        }
    };
    let (result, _) = shrunk_of(Vec::new(), run, 1, BUDGET);
    assert_eq!(result.deviations, []);
}
