//! What each strategy chooses, and the text that names it.

use std::collections::BTreeMap;

mod exploring;
mod ordering;
mod profiling;
mod toy;

use super::fair::Fair;
use super::pct::Pct;
use super::{Choose, Odds, Profile, Replay, Scheduling, Strategy};
use crate::choice::{Anchor, AnchorHash, ChoiceKind, Deviation, Plan, Story, value};
use toy::{NOTHING, Toy, mean_runs, reorder, twostage};

/// PCT as a sweep uses it.
fn pct(seed: u64, depth: u32, horizon: u64) -> Fair<Pct> {
    Fair::new(Pct::new(seed, depth, horizon), seed, horizon, u64::MAX)
}

#[test]
fn text_forms_are_read_back() {
    let mut all = vec![
        Strategy::Portfolio,
        Strategy::Calm,
        Strategy::Random,
        Strategy::Pos,
        Strategy::Surw,
        Strategy::ReadsFrom,
        Strategy::Starvation,
        Strategy::Exhaustive { deviations: None },
    ];
    all.extend((0..=1_000).map(|most| Strategy::Exhaustive {
        deviations: Some(most),
    }));
    all.extend((1..=16).map(|depth| Strategy::Pct { depth }));
    for strategy in all {
        assert_eq!(strategy.to_string().parse(), Ok(strategy));
        assert_eq!(format!(" {strategy}\n").parse(), Ok(strategy));
    }
    for bad in [
        "",
        "pct",
        "pct:",
        "pct:0",
        "pct:17",
        "pct:-1",
        "pct:x",
        "Random",
        "replay",
        "pct:3:3",
        "exhaustive:",
        "exhaustive:1001",
        "exhaustive:-1",
    ] {
        let error = bad.parse::<Strategy>().unwrap_err().to_string();
        assert!(error.contains(&format!("{bad:?}")), "{error}");
        assert!(
            error.contains("random, pos, surw, reads-from, starvation, pct:3 with"),
            "{error}"
        );
    }
}

#[test]
fn a_portfolio_seed_runs_under_one_strategy_of_its_own() {
    let mut seen = BTreeMap::<String, u32>::new();
    for seed in 0..2_000 {
        let strategy = Strategy::Portfolio.for_seed(seed);
        assert_eq!(strategy, Strategy::Portfolio.for_seed(seed));
        *seen.entry(strategy.to_string()).or_default() += 1;
    }
    let names: Vec<_> = seen.keys().map(String::as_str).collect();
    let all = [
        "pct:1",
        "pct:2",
        "pct:3",
        "pct:5",
        "pos",
        "random",
        "reads-from",
        "starvation",
        "surw",
    ];
    assert_eq!(names, all);
    let shares = [
        ("reads-from", 600),
        ("surw", 500),
        ("pos", 300),
        ("random", 200),
        ("starvation", 100),
    ];
    for (name, share) in shares {
        let range = share * 3 / 4..share * 5 / 4;
        assert!(range.contains(&seen[name]), "{name}: {seen:?}");
    }
}

/// What a chooser says about anchor after anchor.
fn answers(choose: &mut dyn Choose, anchors: &[u64]) -> Vec<(u64, [u64; 4])> {
    let runnable = [11, 22, 33, 44];
    let mut answers: Vec<_> = (anchors.iter())
        .map(|&anchor| {
            let asked = Scheduling {
                anchor: AnchorHash(anchor),
                runnable: &runnable,
                current: (anchor % 3 > 0).then_some(anchor as usize % 4),
                calm: anchor as usize % 4,
                now_ns: 0,
                look: &NOTHING,
            };
            let anchor = AnchorHash(anchor);
            let said = [
                choose.sched(&asked) as u64,
                choose.pick(anchor, 5),
                choose.delay(anchor, 1_000),
                choose.short(anchor, 77),
            ];
            assert!(said[0] < 4, "one of the runnable");
            assert!(said[1] < 5, "one of the branches");
            assert!(said[2] <= 1_000, "no more than the most");
            assert!(said[3] <= 77, "no more than the most");
            (anchor.0, said)
        })
        .collect();
    answers.sort_unstable();
    answers
}

#[test]
fn random_depends_on_seed_and_anchor_alone() {
    let forward: Vec<u64> = (0..200).map(|index| value(1, 1, index)).collect();
    let backward: Vec<u64> = forward.iter().rev().copied().collect();
    for seed in 0..50 {
        let one = answers(&mut Fair::walk(seed), &forward);
        assert_eq!(
            one,
            answers(&mut Fair::walk(seed), &backward),
            "order means nothing"
        );
        let half = answers(&mut Fair::walk(seed), &forward[100..]);
        assert!(
            half.iter().all(|answer| one.contains(answer)),
            "what came before means nothing"
        );
        assert_ne!(
            one,
            answers(&mut Fair::walk(seed + 1), &forward),
            "the seed matters"
        );
    }
}

#[test]
fn pct_depends_on_the_seed_and_what_it_was_asked() {
    let anchors: Vec<u64> = (0..200).map(|index| value(1, 1, index)).collect();
    for seed in 0..50 {
        let one = answers(&mut pct(seed, 3, 64), &anchors);
        assert_eq!(one, answers(&mut pct(seed, 3, 64), &anchors));
        assert_ne!(one, answers(&mut pct(seed + 1, 3, 64), &anchors));
    }
}

/// Runs `threads` threads of `steps` steps under `choose`: who made each step.
fn toy_run(choose: &mut dyn Choose, threads: u64, steps: u32) -> Vec<u64> {
    let mut left: BTreeMap<u64, u32> = (1..=threads).map(|thread| (thread, steps)).collect();
    let mut trace = Vec::new();
    let mut last = None;
    while !left.is_empty() {
        let runnable: Vec<u64> = left.keys().copied().collect();
        let current = last.and_then(|last| runnable.iter().position(|&thread| thread == last));
        let asked = Scheduling {
            anchor: AnchorHash(value(0, 0, trace.len() as u64)),
            runnable: &runnable,
            current,
            calm: current.unwrap_or(0),
            now_ns: 0,
            look: &NOTHING,
        };
        let chosen = if let [only] = runnable[..] {
            only
        } else {
            runnable[choose.sched(&asked)]
        };
        trace.push(chosen);
        last = Some(chosen);
        let rest = left.get_mut(&chosen).unwrap();
        *rest -= 1;
        if *rest == 0 {
            left.remove(&chosen);
        }
    }
    trace
}

/// The place of the `step`-th step of `thread`, counted from 1.
fn place(trace: &[u64], thread: u64, step: usize) -> usize {
    let mut steps = (trace.iter().enumerate()).filter(|&(_, &who)| who == thread);
    steps.nth(step - 1).unwrap().0
}

/// How many of `seeds` runs have `bug` under depth `depth`, in units of the paper's bound.
fn found(depth: u32, threads: u64, steps: u32, bug: impl Fn(&[u64]) -> bool) -> f64 {
    let seeds = 20_000;
    let total = threads * u64::from(steps);
    let hits = (0..seeds)
        .filter(|&seed| bug(&toy_run(&mut pct(seed, depth, total), threads, steps)))
        .count();
    let bound = 1.0 / (threads as f64 * (total as f64).powi(depth as i32 - 1));
    hits as f64 / seeds as f64 / bound
}

#[test]
fn pct_finds_bugs_of_each_depth_at_least_as_often_as_promised() {
    // Depth 1: the last thread finishes before the first begins.
    let one = found(1, 3, 5, |trace| place(trace, 3, 5) < place(trace, 1, 1));
    assert!(one >= 0.95, "{one}");
    // Depth 2: thread 2 does all its work between two certain steps of thread 1.
    let two = found(2, 2, 6, |trace| {
        place(trace, 1, 3) < place(trace, 2, 1) && place(trace, 2, 6) < place(trace, 1, 4)
    });
    assert!(two >= 0.95, "{two}");
    // 1 is interrupted first, 2 later, and 1 goes on only after 2 has: the thread that was lowered
    // last goes first. It takes two changes and one of the six first orders, half the bound of
    // depth 3.
    let three = found(3, 3, 3, |trace| {
        place(trace, 1, 2) < place(trace, 2, 1)
            && place(trace, 2, 2) < place(trace, 3, 1)
            && place(trace, 3, 3) < place(trace, 2, 3)
            && place(trace, 2, 3) < place(trace, 1, 3)
    });
    assert!(three >= 0.45, "{three}");
}

#[test]
fn every_strategy_lets_every_thread_run_in_the_end() {
    // Thread 1 spins until thread 2 has run: under a priority alone it would spin for ever.
    let strategies = [
        Strategy::Pct { depth: 2 },
        Strategy::Pos,
        Strategy::Surw,
        Strategy::ReadsFrom,
        Strategy::Starvation,
        Strategy::Random,
    ];
    for (seed, strategy) in (0..200).flat_map(|seed| strategies.map(|it| (seed, it))) {
        let mut choose = strategy.chooser(seed, &Profile::of_choices(16), u64::MAX);
        let waits = (0..10_000).find(|&step| {
            let asked = Scheduling {
                anchor: AnchorHash(value(seed, 9, step)),
                runnable: &[1, 2],
                current: None,
                calm: 0,
                now_ns: 0,
                look: &NOTHING,
            };
            choose.sched(&asked) == 1
        });
        assert!(waits.is_some(), "{strategy}: seed {seed} starves a thread");
    }
}

#[test]
fn surw_meets_every_order_of_the_operations_on_one_thing_alike() {
    // Two threads write three times each to x, and one of them many times to what is its own.
    let toy = Toy::of([
        vec![(0, true); 3],
        [vec![(1, true); 20], vec![(0, true); 3]].concat(),
    ]);
    let profile = toy.profile();
    let mut seen = BTreeMap::<Vec<u64>, u32>::new();
    let runs = 20_000;
    for seed in 0..runs {
        let trace = toy.run(&mut *Strategy::Surw.chooser(seed, &profile, u64::MAX));
        let order = trace
            .iter()
            .filter(|step| step.thing == 0)
            .map(|step| step.thread);
        *seen.entry(order.collect()).or_default() += 1;
    }
    assert_eq!(seen.len(), 20, "six over three orders");
    let (least, most) = (seen.values().min().unwrap(), seen.values().max().unwrap());
    // 1 000 each; a random walk lets thread 1 finish first nearly always.
    assert!(*least > 850 && *most < 1_150, "{least} to {most}");
}

#[test]
fn pos_does_not_care_what_races_with_nothing() {
    // Thread 1 writes x at once, thread 2 after a hundred steps of its own, and reads it then.
    let toy = Toy::of([
        vec![(0, true)],
        [vec![(1, true); 100], vec![(0, true)]].concat(),
    ]);
    let profile = toy.profile();
    let count = |strategy: Strategy| {
        let seeds = 0..4_000;
        let late = seeds.filter(|&seed| {
            let trace = toy.run(&mut *strategy.chooser(seed, &profile, u64::MAX));
            trace.iter().rfind(|step| step.thing == 0).unwrap().thread == 1
        });
        late.count()
    };
    // The walk switches to thread 1 long before.
    let (pos, random) = (count(Strategy::Pos), count(Strategy::Random));
    assert!((1_800..2_200).contains(&pos), "half of 4 000: {pos}");
    assert!(random < 200, "{random}");
}

#[test]
fn strategies_find_a_bug_that_a_random_walk_hardly_finds() {
    // Means of 30 trials, in runs to the first bug.
    for kernel in [reorder(20), twostage(20)] {
        let mean = |strategy| mean_runs(&kernel, strategy, 200);
        let found = [
            (Strategy::ReadsFrom, 10),
            (Strategy::Surw, 40),
            (Strategy::Pos, 60),
            (Strategy::Portfolio, 25),
        ];
        for (strategy, most) in found {
            let mean = mean(strategy);
            assert!(mean < most, "{strategy}: {mean}");
        }
        let random = mean(Strategy::Random);
        assert!(random > 60, "random: {random}");
    }
}

#[test]
fn starvation_keeps_its_victims_waiting_a_fifth_of_the_time_at_most() {
    let look = &NOTHING;
    let runnable: Vec<u64> = (0..40).collect();
    let mut longest = 0;
    for seed in 0..60 {
        let mut choose =
            Strategy::Starvation.chooser(seed, &Profile::of_choices(1 << 20), u64::MAX);
        let mut waited = vec![0; runnable.len()];
        for step in 0..4_000 {
            let asked = Scheduling {
                anchor: AnchorHash(value(seed, 9, step)),
                runnable: &runnable,
                current: None,
                calm: 0,
                now_ns: step as i64 * 1_000_000,
                look,
            };
            let chosen = choose.sched(&asked);
            waited.iter_mut().for_each(|waits| *waits += 1);
            longest = longest.max(std::mem::take(&mut waited[chosen]));
        }
    }
    // By chance alone nobody waits longer than some 600 steps.
    assert!((800..4_000).contains(&longest), "{longest}");
}

fn stored(kind: ChoiceKind, value: &str) -> Deviation {
    Deviation {
        anchor: Anchor {
            kind,
            subject: "a".to_owned(),
            operation: "lock".to_owned(),
            resource: "-".to_owned(),
            step: 0,
            visit: 0,
        },
        value: value.to_owned(),
        story: Story::default(),
    }
}

#[test]
fn a_replay_ignores_values_that_are_not_possible() {
    let deviations = vec![
        stored(ChoiceKind::Sched, "gone"),
        stored(ChoiceKind::Pick, "3"),
        stored(ChoiceKind::Delay, "500"),
        stored(ChoiceKind::Short, "50"),
    ];
    let anchors: Vec<_> = deviations
        .iter()
        .map(|it| it.anchor.hash().unwrap())
        .collect();
    let gone = deviations[0].number().unwrap();
    let mut replay = Replay::of(&Plan {
        seed: 1,
        strategy: "replay".to_owned(),
        horizon: 2,
        failure: None,
        seen: None,
        siblings: BTreeMap::new(),
        deviations,
    });
    let mut sched = |runnable: &[u64], anchor| {
        replay.sched(&Scheduling {
            anchor,
            runnable,
            current: None,
            calm: 1,
            now_ns: 0,
            look: &NOTHING,
        })
    };
    assert_eq!(
        sched(&[5, 6, gone], anchors[0]),
        2,
        "the stored task, when it can run"
    );
    assert_eq!(sched(&[5, 6, 7], anchors[0]), 1, "else calm");
    assert_eq!(sched(&[5, 6, gone], AnchorHash(1)), 1, "calm elsewhere");
    assert_eq!(replay.pick(anchors[1], 4), 3);
    assert_eq!(replay.pick(anchors[1], 3), 0, "there is no such branch");
    assert_eq!(replay.pick(AnchorHash(1), 4), 0);
    assert_eq!(replay.delay(anchors[2], 1_000), 500);
    assert_eq!(replay.delay(anchors[2], 100), 100, "as late as can be");
    assert_eq!(replay.short(anchors[3], 1_000), 50);
    assert_eq!(replay.short(anchors[3], 10), 10, "as short as can be");
}

#[test]
fn a_fault_happens_as_often_as_the_plan_says_and_its_size_is_of_every_order() {
    let odds = Odds {
        part: 1,
        whole: 8,
        least: 1_000,
        most: 1_000_000_000,
    };
    let pct = pct(1, 3, 100);
    for mut choose in [Box::new(Fair::walk(1)) as Box<dyn Choose>, Box::new(pct)] {
        let drawn: Vec<u64> = (0..8_000)
            .map(|anchor| choose.fault(AnchorHash(anchor), &odds))
            .filter(|size| *size > 0)
            .collect();
        assert!((900..1_100).contains(&drawn.len()), "{}", drawn.len());
        assert!(
            drawn
                .iter()
                .all(|size| (1_000..=1_000_000_000).contains(size))
        );
        for most in [10_000, 1_000_000, 100_000_000] {
            let below = drawn.iter().filter(|size| **size < most).count();
            assert!(
                below > 100 && below < drawn.len() - 50,
                "{below} below {most}"
            );
        }
    }
}

#[test]
fn certain_and_impossible_faults_are_certain_and_impossible() {
    let mut random = Fair::walk(3);
    for anchor in (0..1_000).map(AnchorHash) {
        let odds = |part| Odds {
            part,
            whole: 1,
            least: 1,
            most: 1,
        };
        assert_eq!(random.fault(anchor, &odds(1)), 1);
        assert_eq!(random.fault(anchor, &odds(0)), 0);
        assert_eq!(Replay::calm().fault(anchor, &odds(1)), 0);
    }
    let all = Odds {
        part: 1,
        whole: 1,
        least: 1,
        most: u64::MAX,
    };
    assert!((0..1_000).all(|anchor| random.fault(AnchorHash(anchor), &all) > 0));
}
