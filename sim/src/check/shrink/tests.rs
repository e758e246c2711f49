//! What is left of made-up failures.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::{Budget, Judge, Others, Shrunk, Verdict, Without, shrink};
use crate::choice::{ANY, Anchor, ChoiceKind, Deviation, Story, value};
use crate::world::failure::Failure;

mod entropy;
mod strikes;

/// The kinds of deviations that have no part of their own in these tests.
const KINDS: [ChoiceKind; 4] = [
    ChoiceKind::Delay,
    ChoiceKind::Short,
    ChoiceKind::Pick,
    ChoiceKind::Sched,
];

const BUDGET: Budget = Budget {
    replays: 200,
    kept: 500,
    idle: 200,
    time: std::time::Duration::from_secs(3_600),
};

fn deviation(kind: ChoiceKind, step: u32, value: &str) -> Deviation {
    Deviation {
        anchor: Anchor {
            kind,
            subject: "a".to_owned(),
            operation: "lock".to_owned(),
            resource: "-".to_owned(),
            step,
            visit: 0,
        },
        value: value.to_owned(),
        story: Story::default(),
    }
}

/// `count` deviations, numbered by their step, of several kinds in turn.
fn deviations(count: u32) -> Vec<Deviation> {
    let kind = |step: u32| KINDS[step as usize % 4];
    let value = |step| match kind(step) {
        ChoiceKind::Sched => "b",
        _ => "1",
    };
    let all = 0..count;
    all.map(|step| deviation(kind(step), step, value(step)))
        .collect()
}

fn steps(deviations: &[Deviation]) -> BTreeSet<u32> {
    deviations.iter().map(|it| it.anchor.step).collect()
}

/// What is said of the failure that is shrunk.
fn failure() -> Failure {
    Failure::Error {
        node: "node".to_owned(),
        message: "it fails".to_owned(),
    }
}

fn other(message: &str) -> Failure {
    Failure::Error {
        node: "node".to_owned(),
        message: message.to_owned(),
    }
}

/// Runs of a made-up program, so many at a time.
struct Toy<F> {
    run: F,
    /// How else it could have gone on.
    others: fn(&[Deviation]) -> Others,
    width: usize,
    runs: Cell<u32>,
    counted: RefCell<Vec<usize>>,
}

impl<F: Fn(&[Deviation]) -> Verdict> Judge for Toy<F> {
    fn judge(&self, candidates: &[Vec<Deviation>]) -> Vec<Verdict> {
        assert!((1..=self.width).contains(&candidates.len()));
        self.runs.set(self.runs.get() + candidates.len() as u32);
        candidates.iter().map(|it| (self.run)(it)).collect()
    }

    fn others(&self, candidate: &[Deviation]) -> Others {
        self.runs.set(self.runs.get() + 1);
        (self.others)(candidate)
    }

    fn width(&self) -> usize {
        self.width
    }

    fn counted(&self, replays: u32, left: usize) {
        self.counted.borrow_mut().push(left);
        assert_eq!(self.counted.borrow().len(), replays as usize);
    }
}

/// Shrinks `raw` where `run` says what became of a candidate.
fn shrunk_of(
    raw: Vec<Deviation>,
    run: impl Fn(&[Deviation]) -> Verdict,
    width: usize,
    budget: Budget,
) -> (Shrunk, u32) {
    shrunk_among(raw, run, |_| Others::default(), width, budget)
}

/// The same, where `others` says how else a run could have gone on.
fn shrunk_among(
    raw: Vec<Deviation>,
    run: impl Fn(&[Deviation]) -> Verdict,
    others: fn(&[Deviation]) -> Others,
    width: usize,
    budget: Budget,
) -> (Shrunk, u32) {
    let found = run(&raw);
    let toy = Toy {
        run,
        others,
        width,
        runs: Cell::new(0),
        counted: RefCell::default(),
    };
    let shrunk = shrink(&toy, &failure().signature(), found, budget);
    assert_eq!(toy.counted.borrow().len(), shrunk.replays as usize);
    (shrunk, toy.runs.get())
}

/// Fails with all of `candidate` in effect, if `fails` says so.
fn verdict(candidate: &[Deviation], fails: bool) -> Verdict {
    Verdict {
        failure: fails.then(failure),
        deviations: candidate.to_vec(),
        drew: Vec::new(),
        done: Vec::new(),
    }
}

/// Shrinks `count` deviations of which `fails` knows whether they fail.
fn shrunk(count: u32, fails: impl Fn(&BTreeSet<u32>) -> bool) -> Shrunk {
    let run = |candidate: &[Deviation]| verdict(candidate, fails(&steps(candidate)));
    let (result, runs) = shrunk_of(deviations(count), run, 1, BUDGET);
    assert_eq!(runs, result.replays, "every replay is counted");
    assert!(
        result.replays <= BUDGET.replays,
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
            let passes = |it: &Without| *it == Without::Passes;
            assert!(result.without.iter().all(passes), "{:?}", result.without);
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
    assert_eq!(result.replays, BUDGET.replays);
    assert!(!result.minimal, "what was not tried is not called minimal");
    assert!(result.without.contains(&Without::Unknown));
    assert!(result.deviations.len() < 400, "something was left out");
}

#[test]
fn replays_of_no_use_and_what_is_kept_are_bounded_too() {
    let needed: BTreeSet<u32> = (0..400).filter(|step| step % 3 == 0).collect();
    let run = |candidate: &[Deviation]| verdict(candidate, needed.is_subset(&steps(candidate)));
    let all = Budget {
        replays: 5_000,
        idle: 1_000,
        ..BUDGET
    };
    let (whole, _) = shrunk_of(deviations(400), run, 1, all);
    assert_eq!(steps(&whole.deviations), needed, "with replays enough");
    assert!(whole.minimal);
    let (idle, _) = shrunk_of(deviations(400), run, 1, Budget { idle: 5, ..all });
    assert!(idle.replays < whole.replays && !idle.minimal);
    let (kept, _) = shrunk_of(deviations(400), run, 1, Budget { kept: 3, ..all });
    assert!(kept.passes.iter().map(|pass| pass.kept).sum::<u32>() == 3);
    let time = std::time::Duration::ZERO;
    let (none, _) = shrunk_of(deviations(400), run, 1, Budget { time, ..all });
    assert_eq!(none.replays, 0);
}

#[test]
fn what_had_no_effect_is_left_out_at_once() {
    // Replaying without step 9 shows that steps above 20 took no effect.
    let run = |candidate: &[Deviation]| {
        let fails = steps(candidate).contains(&10);
        let effective = candidate.iter().filter(|it| it.anchor.step <= 20);
        let effective: Vec<_> = effective.cloned().collect();
        verdict(&effective, fails)
    };
    let (result, _) = shrunk_of(deviations(200), run, 1, BUDGET);
    assert_eq!(steps(&result.deviations), BTreeSet::from([10]));
    assert!(result.replays < 30, "{}", result.replays);
}

/// `count` faults of four kinds in two families, between other deviations.
fn faults(count: u32) -> Vec<Deviation> {
    const NAMES: [&str; 4] = [
        "net.link.cut",
        "net.segment.lost",
        "node.killed",
        "node.paused",
    ];
    let mut all = deviations(count * 2);
    for (index, it) in all.iter_mut().enumerate() {
        it.value = "1".to_owned();
        it.anchor.kind = if index % 2 == 0 {
            it.anchor.operation = NAMES[index / 2 % 4].to_owned();
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
    let tried = RefCell::new(Vec::new());
    let run = |candidate: &[Deviation]| {
        tried.borrow_mut().push(candidate.to_vec());
        verdict(candidate, steps(candidate).contains(&needed))
    };
    let (result, _) = shrunk_of(faults(40), run, 1, BUDGET);
    assert_eq!(steps(&result.deviations), BTreeSet::from([needed]));
    let families = |candidate: &[Deviation]| -> BTreeSet<String> {
        let faults = candidate
            .iter()
            .filter(|it| it.anchor.kind == ChoiceKind::Fault);
        let family = |it: &Deviation| it.anchor.operation.split('.').next().unwrap().to_owned();
        faults.map(family).collect()
    };
    let tried = tried.take();
    // The first is the run that was found.
    assert_eq!(tried[1], [], "nothing at all");
    assert_eq!(families(&tried[2]), BTreeSet::new(), "no faults");
    assert_eq!(tried[3].len(), 40, "faults alone");
    assert_eq!(families(&tried[4]), BTreeSet::from(["node".to_owned()]));
    assert!(result.replays < 30, "{}", result.replays);
}

#[test]
fn one_interruption_is_simpler_than_one_fault_and_one_delay_than_that() {
    let mut raw = faults(1);
    raw.truncate(1);
    let mut order = deviation(ChoiceKind::Sched, 200, "b");
    order.story.text = "task.preempted    a before lock; b goes on".to_owned();
    raw.push(order);
    raw.push(deviation(ChoiceKind::Delay, 300, "1"));
    let left = |raw: &[Deviation]| {
        let run = |candidate: &[Deviation]| verdict(candidate, !candidate.is_empty());
        let (result, _) = shrunk_of(raw.to_vec(), run, 1, BUDGET);
        steps(&result.deviations)
    };
    assert_eq!(left(&raw[..2]), BTreeSet::from([200]));
    raw.reverse();
    assert_eq!(
        left(&raw[1..]),
        BTreeSet::from([200]),
        "whatever comes first"
    );
    let cost = |it: &Deviation| super::cost::Cost::of_choices(std::slice::from_ref(it));
    assert!(cost(&raw[0]) < cost(&raw[1]) && cost(&raw[1]) < cost(&raw[2]));
    assert!(
        cost(&deviation(ChoiceKind::Sched, 1, "b")) < cost(&raw[1]),
        "between polls"
    );
}

/// The result does not depend on how many candidates are run at a time, nor does what is counted.
#[test]
fn four_at_a_time_shrink_as_one_does() {
    let mut ahead = 0;
    for seed in 0..150 {
        let needed: BTreeSet<u32> = (0..1 + seed % 4)
            .map(|index| (value(seed, index, 0) % 120) as u32)
            .collect();
        let lost = (value(seed, 9, 9) % 120) as u32;
        let run = |candidate: &[Deviation]| {
            let steps = steps(candidate);
            let failure = match needed.is_subset(&steps) {
                true => Some(failure()),
                false if !steps.contains(&lost) => Some(other("it is lost")),
                false => None,
            };
            Verdict {
                failure,
                deviations: candidate.to_vec(),
                done: Vec::new(),
                drew: Vec::new(),
            }
        };
        let (one, runs_of_one) = shrunk_of(deviations(120), run, 1, BUDGET);
        for width in [2, 4, 7] {
            let (many, runs) = shrunk_of(deviations(120), run, width, BUDGET);
            assert_eq!(one.deviations, many.deviations, "seed {seed}");
            assert_eq!(one.without, many.without, "seed {seed}");
            assert_eq!(one.passes, many.passes, "seed {seed}");
            assert_eq!(one.replays, many.replays, "seed {seed}");
            let met = |it: &Shrunk| {
                let met = it.met.iter();
                met.map(|it| (it.failure.clone(), it.deviations.clone()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(met(&one), met(&many), "seed {seed}");
            ahead += runs - runs_of_one;
        }
    }
    assert!(ahead > 0, "some were run before their turn");
}

#[test]
fn what_fails_in_another_way_is_kept_aside() {
    // Without step 7, it fails by something else; step 30 is what it is about.
    let run = |candidate: &[Deviation]| {
        let steps = steps(candidate);
        let failure = match (steps.contains(&7), steps.contains(&30)) {
            (true, true) => Some(failure()),
            (false, true) => Some(other("by something else")),
            (true, false) => Some(Failure::Deadlock),
            (false, false) => None,
        };
        Verdict {
            failure,
            deviations: candidate.to_vec(),
            done: Vec::new(),
            drew: Vec::new(),
        }
    };
    let (result, _) = shrunk_of(deviations(60), run, 1, BUDGET);
    assert_eq!(steps(&result.deviations), BTreeSet::from([7, 30]));
    let met: BTreeSet<_> = result.met.iter().map(|it| it.failure.signature()).collect();
    let expected = [
        other("by something else").signature(),
        "deadlock".to_owned(),
    ];
    assert_eq!(met, BTreeSet::from(expected));
    for it in &result.met {
        let again = run(&it.deviations).failure.unwrap();
        assert_eq!(again.signature(), it.failure.signature());
    }
    let by = "node returned an error: by something else".to_owned();
    assert_eq!(result.without, [Without::Fails(by), Without::Hangs]);
}

#[test]
fn two_hand_overs_become_one() {
    // `a` gives way to `b`, which gives way to `c`: what matters is that `c` goes on at step 3.
    let raw = vec![
        deviation(ChoiceKind::Sched, 3, "b"),
        deviation(ChoiceKind::Sched, 4, "c"),
    ];
    let run = |candidate: &[Deviation]| {
        let of = |step: u32| candidate.iter().find(|it| it.anchor.step == step);
        let direct = of(3).is_some_and(|it| it.value == "c");
        let by_way = of(3).is_some_and(|it| it.value == "b") && of(4).is_some();
        verdict(candidate, direct || by_way)
    };
    let (result, _) = shrunk_of(raw, run, 1, BUDGET);
    assert_eq!(result.deviations, [deviation(ChoiceKind::Sched, 3, "c")]);
    assert!(result.minimal);
    assert!(result.passes.iter().any(|it| it.name == "hand-offs"));
}

#[test]
fn a_single_change_to_any_task_is_tried() {
    let raw: Vec<_> = [3, 4, 5]
        .map(|step| deviation(ChoiceKind::Sched, step, "b"))
        .into();
    let run = |candidate: &[Deviation]| {
        let any = candidate
            .iter()
            .any(|it| it.anchor.step == 4 && it.value == ANY);
        verdict(candidate, any || candidate.len() == 3)
    };
    let (result, _) = shrunk_of(raw, run, 1, BUDGET);
    assert_eq!(result.deviations, [deviation(ChoiceKind::Sched, 4, ANY)]);
}

/// Of two equal tasks, one was interrupted because the other had been sent ahead; without that, the
/// other is the one to interrupt.
#[test]
fn one_change_elsewhere_takes_the_place_of_several() {
    let at = |subject: &str, step, value: &str| {
        let mut it = deviation(ChoiceKind::Sched, step, value);
        it.anchor.subject = subject.to_owned();
        it
    };
    let raw = vec![at("test", 0, "add#1"), at("add#1", 2, "add")];
    let run = |candidate: &[Deviation]| {
        let both = candidate.len() == 2 && candidate[0].anchor.subject == "test";
        let other = candidate
            .iter()
            .any(|it| it.anchor.subject == "add" && it.anchor.step == 2);
        verdict(candidate, both || other)
    };
    let others = |candidate: &[Deviation]| {
        assert_eq!(candidate, []);
        let at = |subject: &str, step| {
            let mut it = deviation(ChoiceKind::Sched, step, "add#1");
            it.anchor.subject = subject.to_owned();
            it
        };
        Others {
            orders: vec![at("else", 2), at("add", 1), at("add", 2)],
            spared: Vec::new(),
        }
    };
    let (result, runs) = shrunk_among(raw, run, others, 1, BUDGET);
    assert_eq!(result.deviations, [at("add", 2, "add#1")]);
    assert_eq!(runs, result.replays, "asking takes a replay");
}

/// The size that is left of a deviation which fails from `least` on.
#[track_caller]
fn lowered(mut from: Deviation, value: u64, least: u64) -> u64 {
    from.value = value.to_string();
    let fails = |candidate: &[Deviation]| candidate.iter().any(|it| it.number().unwrap() >= least);
    let run = |candidate: &[Deviation]| verdict(candidate, fails(candidate));
    let (result, _) = shrunk_of(vec![from], run, 1, BUDGET);
    assert!(fails(&result.deviations));
    assert!(result.replays <= 8, "{}", result.replays);
    result.deviations[0].number().unwrap()
}

#[test]
fn sizes_become_the_least_and_round() {
    let delay = || deviation(ChoiceKind::Delay, 0, "0");
    assert_eq!(lowered(delay(), 8_123_456, 1), 1_000, "a microsecond");
    assert_eq!(lowered(delay(), 8_123_456, 900_000), 1_000_000);
    assert_eq!(lowered(delay(), 8_123_456, 3_300_000), 5_000_000);
    assert_eq!(
        lowered(delay(), 8_123_456, 7_700_000),
        8_000_000,
        "one digit"
    );
    assert_eq!(
        lowered(delay(), 8_173_456, 8_050_000),
        8_100_000,
        "two digits"
    );
    assert_eq!(
        lowered(delay(), 8_173_456, 8_173_000),
        8_173_456,
        "none is less"
    );
    let short = || deviation(ChoiceKind::Short, 0, "0");
    assert_eq!(lowered(short(), 700, 1), 1);
    assert_eq!(lowered(short(), 700, 60), 64, "a power of two");
    let mut fault = deviation(ChoiceKind::Fault, 0, "0");
    fault.anchor.operation = "node.paused".to_owned();
    assert_eq!(lowered(fault, 3_217_000_000, 900_000_000), 1_000_000_000);
    assert_eq!(
        lowered(deviation(ChoiceKind::Pick, 0, "0"), 3, 2),
        3,
        "no size"
    );
}

fn operation(name: &str, step: u32) -> Deviation {
    let mut it = deviation(ChoiceKind::Work, step, "1");
    it.anchor.subject = "-".to_owned();
    it.anchor.operation = "do".to_owned();
    it.anchor.resource = format!("={name}");
    it
}

#[test]
fn operations_are_left_out_the_outermost_first() {
    // Three clients of ten requests; it takes the requests 4 and 7 of client 1.
    let run = |candidate: &[Deviation]| {
        let is_out = |it: &Deviation| candidate.iter().any(|out| out.anchor == it.anchor);
        let (mut done, mut effective) = (Vec::new(), Vec::new());
        let mut decide = |it: Deviation| {
            let out = is_out(&it);
            if out { &mut effective } else { &mut done }.push(it);
            !out
        };
        for client in 0..3 {
            if decide(operation("client", client)) {
                for request in 0..10 {
                    decide(operation(&format!("client/{client}/request"), request));
                }
            }
        }
        let of_one = done
            .iter()
            .filter(|it| it.anchor.resource == "=client/1/request");
        let left: BTreeSet<_> = of_one.map(|it| it.anchor.step).collect();
        let is_shown = left.contains(&4) && left.contains(&7);
        Verdict {
            // Without operations, the test fails by what it misses.
            failure: Some(if is_shown {
                failure()
            } else {
                other("it is less")
            }),
            deviations: effective,
            done,
            drew: Vec::new(),
        }
    };
    let (result, _) = shrunk_of(Vec::new(), run, 1, BUDGET);
    let left = run(&result.deviations).done;
    let left: Vec<_> = (left.iter())
        .map(|it| (&*it.anchor.resource, it.anchor.step))
        .collect();
    let expected = [
        ("=client", 1),
        ("=client/1/request", 4),
        ("=client/1/request", 7),
    ];
    assert_eq!(left, expected);
    assert!(result.minimal);
    assert_eq!(result.met.len(), 0, "that says nothing of the program");
    assert!(result.replays < 40, "{}", result.replays);
}
