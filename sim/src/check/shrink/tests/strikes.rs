//! Faults that strike elsewhere, and sizes that are put together.

use super::*;

/// That the fault `name` hits `thing` at its `step`-th opportunity, so many milliseconds after the
/// beginning.
fn fault(name: &str, thing: &str, step: u32, time_ms: i64) -> Deviation {
    let mut it = deviation(ChoiceKind::Fault, step, "7");
    it.anchor.subject = "-".to_owned();
    it.anchor.operation = name.to_owned();
    it.anchor.resource = format!("={thing}");
    it.story.time_ns = time_ms * 1_000_000;
    it
}

fn power(step: u32) -> Deviation {
    fault("node.power.lost", "server", step, 50 * i64::from(step))
}

fn lost(file: u32) -> Deviation {
    let time_ms = 10 * i64::from(file);
    fault("disk.unsynced.lost", &format!("file-{file}"), 0, time_ms)
}

/// A program that writes file `n` from 10 n ms on, and is hurt by a loss of power in the second half
/// of that, if the file is lost. `candidate` delays what it does by the sum of its delays.
fn writes(candidate: &[Deviation]) -> (Verdict, Others) {
    let of = |kind| candidate.iter().filter(move |it| it.anchor.kind == kind);
    let delay_ms: u64 = of(ChoiceKind::Delay).filter_map(Deviation::number).sum();
    let mut spared = Vec::new();
    let mut effective: Vec<_> = of(ChoiceKind::Delay).cloned().collect();
    let mut fails = false;
    for step in 0..4 {
        let (power, time_ms) = (power(step), 33 * u64::from(step) + 11);
        if !of(ChoiceKind::Fault).any(|it| it.anchor == power.anchor) {
            spared.push(Deviation {
                value: "1".to_owned(),
                ..power
            });
            continue;
        }
        effective.push(power);
        let written_ms = time_ms.saturating_sub(delay_ms);
        if written_ms % 10 >= 5 {
            let lost = lost((written_ms / 10) as u32);
            let is_lost = of(ChoiceKind::Fault).any(|it| it.anchor == lost.anchor);
            fails |= is_lost;
            if is_lost { &mut effective } else { &mut spared }.push(lost);
        }
    }
    let orders = Vec::new();
    (verdict(&effective, fails), Others { orders, spared })
}

/// Opportunities are at 11, 44, 77 and 110 ms; only the one at 77 ms is in the second half of a file
/// without any delay. That of the failure is at 44 ms, where delays of 5 to 9 ms in all take it to file 3.
#[test]
fn faults_strike_elsewhere_instead_of_many_delays() {
    let delays = [(1, "4"), (2, "3"), (3, "2")].map(|(step, it)| {
        let mut delay = deviation(ChoiceKind::Delay, step, it);
        delay.anchor.subject = "-".to_owned();
        delay
    });
    let raw = [&delays[..], &[power(1), lost(3)]].concat();
    let run = |candidate: &[Deviation]| writes(candidate).0;
    let mut results = Vec::new();
    for width in [1, 3] {
        let others = |candidate: &[Deviation]| writes(candidate).1;
        let (result, runs) = shrunk_among(raw.clone(), run, others, width, BUDGET);
        let anchors: Vec<_> = result.deviations.iter().map(|it| &it.anchor).collect();
        assert_eq!(anchors, [&power(2).anchor, &lost(7).anchor]);
        assert!(result.minimal);
        let pass = |name| result.passes.iter().find(|it| it.name == name);
        let pass = pass("struck elsewhere").expect("it was tried");
        assert_eq!((pass.kept, pass.choices), (1, (4, 2)));
        assert!(runs >= result.replays);
        results.push((result.deviations, result.replays, result.passes));
    }
    assert_eq!(results[0], results[1], "however many are run at a time");
}

#[test]
fn faults_that_nothing_led_to_stay_where_they_are() {
    let run = |candidate: &[Deviation]| writes(candidate).0;
    let others = |_: &[Deviation]| -> Others { panic!("nobody asks") };
    let raw = vec![power(2), lost(7)];
    let (result, _) = shrunk_among(raw, run, others, 1, BUDGET);
    assert_eq!(result.deviations.len(), 2);
}

/// A cancellation is needed, and one of the task that was cancelled is enough at another await.
#[test]
fn cancellations_strike_elsewhere_too() {
    fn cancel(subject: &str, step: u32) -> Deviation {
        let mut it = deviation(ChoiceKind::Cancel, step, "1");
        it.anchor.subject = subject.to_owned();
        it.story.time_ns = i64::from(step);
        it
    }
    let raw = vec![deviation(ChoiceKind::Delay, 9, "5"), cancel("a", 3)];
    let run = |candidate: &[Deviation]| {
        let is_there = |it: &Deviation| candidate.iter().any(|other| other.anchor == it.anchor);
        let alone = is_there(&cancel("a", 5)) || is_there(&cancel("b", 3));
        verdict(candidate, alone || candidate.len() == 2)
    };
    let others = |candidate: &[Deviation]| {
        assert_eq!(candidate, []);
        Others {
            orders: Vec::new(),
            spared: vec![cancel("b", 3), cancel("a", 1), cancel("a", 5)],
        }
    };
    let (result, _) = shrunk_among(raw, run, others, 1, BUDGET);
    assert_eq!(result.deviations, [cancel("a", 5)], "its own first");
}

/// A chain of three at many opportunities each would take more replays than there may be.
#[test]
fn looking_elsewhere_keeps_to_a_part_of_the_budget() {
    fn kill(number: u32, step: u32) -> Deviation {
        fault("node.killed", &format!("node-{number}"), step, step.into())
    }
    let delay = deviation(ChoiceKind::Delay, 1, "5");
    let raw = vec![delay.clone(), kill(0, 0), kill(1, 0), kill(2, 0)];
    let run = |candidate: &[Deviation]| verdict(candidate, candidate == raw);
    let others = |_: &[Deviation]| Others {
        orders: Vec::new(),
        spared: (0..60).map(|it| kill(it % 3, it)).collect(),
    };
    let (result, _) = shrunk_among(raw.clone(), run, others, 1, BUDGET);
    assert_eq!(result.deviations, raw);
    let pass = |name| result.passes.iter().find(|it| it.name == name);
    let replays = pass("struck elsewhere").map_or(0, |it| it.replays);
    assert!((50..=66).contains(&replays), "{replays}");
    assert!(result.minimal);
}

#[test]
fn two_delays_that_add_up_become_one() {
    let delay = |step, value| deviation(ChoiceKind::Delay, step, value);
    let run = |candidate: &[Deviation]| {
        let sum: u64 = candidate.iter().filter_map(Deviation::number).sum();
        verdict(candidate, sum >= 18)
    };
    let raw = vec![delay(1, "6"), delay(2, "6"), delay(3, "7")];
    let (result, _) = shrunk_of(raw, run, 1, BUDGET);
    assert_eq!(result.deviations.len(), 1, "{:?}", result.deviations);
    assert!(result.deviations[0].number() >= Some(18));
    assert!(
        result
            .passes
            .iter()
            .any(|it| it.name == "put together" && it.kept == 2)
    );
}
