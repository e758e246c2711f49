//! What each order of tasks does in small situations whose odds are known.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use simoom::backend::OpKind;

use super::toy::{All, NOTHING, Toy, reorder, site};
use crate::choice::{AnchorHash, value};
use crate::strategy::fair::Fair;
use crate::strategy::pct::Pct;
use crate::strategy::pos::Pos;
use crate::strategy::profile::Pair;
use crate::strategy::reads_from::ReadsFrom;
use crate::strategy::sites::{Signature, Sites};
use crate::strategy::surw::Surw;
use crate::strategy::{Choose, Doing, Look, Order, Profile, Scheduling, Step, Strategy, Thing};

const SEEDS: u64 = 4_000;

fn doing(kin: u64, thing: u32, writes: bool) -> Doing {
    Doing {
        kin,
        kind: Some(OpKind::Point),
        thing: Thing(thing),
        writes,
        is_contained: true,
        site: site(u64::from(writes)),
    }
}

/// What is to be done by tasks 0, 1 and so on, each step by step.
fn turns(order: &mut dyn Order, tasks: &[&[Doing]]) -> Vec<usize> {
    let mut places = vec![0; tasks.len()];
    let mut trace = Vec::new();
    loop {
        let left: Vec<usize> = (0..tasks.len())
            .filter(|&task| places[task] < tasks[task].len())
            .collect();
        let runnable: Vec<u64> = left.iter().map(|&task| task as u64).collect();
        let doing: Vec<Doing> = left.iter().map(|&task| tasks[task][places[task]]).collect();
        let rank = match left.len() {
            0 => return trace,
            1 => 0,
            _ => order.next(&Scheduling {
                anchor: AnchorHash(value(0, 1, trace.len() as u64)),
                runnable: &runnable,
                current: None,
                calm: 0,
                now_ns: 0,
                look: &All(&doing),
            }),
        };
        order.completed(&Step {
            task: runnable[rank],
            did: doing[rank],
            is_beside: false,
        });
        places[left[rank]] += 1;
        trace.push(left[rank]);
    }
}

fn signature(doing: &Doing) -> Signature {
    let (task, did, is_beside) = (0, *doing, false);
    let step = Step {
        task,
        did,
        is_beside,
    };
    Sites::default().signature(&step).unwrap()
}

/// Whether `count` is `part` of `whole` of the seeds, as far as chance allows: five deviations.
#[track_caller]
fn assert_share(count: u64, part: u64, whole: u64) {
    let off = (count * whole).abs_diff(SEEDS * part);
    let most = 25 * SEEDS * part * (whole - part);
    assert!(off * off <= most, "{count} of {SEEDS}, not {part}/{whole}");
}

/// How many seeds have what `holds` says of the trace.
fn seeds(holds: impl Fn(u64) -> bool) -> u64 {
    (0..SEEDS).filter(|&seed| holds(seed)).count() as u64
}

#[test]
fn pos_draws_anew_what_was_done_and_what_races_with_it() {
    let write = doing(0, 0, true);
    let is_last = |seed| {
        let mut pos = Pos::new(seed, &Profile::default());
        turns(&mut pos, &[&[write], &[write; 3]]) == [1, 1, 1, 0]
    };
    // Three times the other of two fresh numbers is higher. If one of them were kept it would be
    // the lowest of four.
    assert_share(seeds(is_last), 1, 8);
}

#[test]
fn pos_keeps_the_priority_of_what_does_not_race() {
    let (one, other) = (doing(0, 0, true), doing(1, 1, true));
    let is_last = |seed| {
        let mut pos = Pos::new(seed, &Profile::default());
        turns(&mut pos, &[&[one], &[other; 3]]) == [1, 1, 1, 0]
    };
    assert_share(seeds(is_last), 1, 4);
    // Two that read do not race either.
    let read = doing(0, 0, false);
    let is_last = |seed| {
        let mut pos = Pos::new(seed, &Profile::default());
        turns(&mut pos, &[&[read], &[read; 3]]) == [1, 1, 1, 0]
    };
    assert_share(seeds(is_last), 1, 4);
}

#[test]
fn surw_counts_what_is_not_spawned_yet_as_its_parents() {
    // Thread 1 does something of its own while it spawns thread 3, and writes x once; threads 2 and
    // 3 write it twice each.
    let toy = Toy::of([
        vec![(1, true), (0, true)],
        vec![(0, true); 2],
        vec![(0, true); 2],
    ]);
    let toy = toy.spawned(1, 3);
    let profile = toy.profile();
    let mut seen = BTreeMap::<Vec<u64>, u32>::new();
    for seed in 0..30_000 {
        let trace = toy.run(&mut *Strategy::Surw.chooser(seed, &profile, u64::MAX));
        let order = trace.iter().filter(|step| step.thing == 0);
        *seen
            .entry(order.map(|step| step.thread).collect())
            .or_default() += 1;
    }
    assert_eq!(seen.len(), 30, "one, two and two in any order");
    let (least, most) = (seen.values().min().unwrap(), seen.values().max().unwrap());
    // 1 000 each.
    assert!(*least > 850 && *most < 1_150, "{least} to {most}: {seen:?}");
}

#[test]
fn surw_does_not_count_what_is_changed_beside_an_operation() {
    let toy = Toy::of([vec![(0, true); 3], vec![(0, true); 3]]).touching(1);
    let profile = toy.profile();
    let mut seen = BTreeMap::<Vec<u64>, u32>::new();
    for seed in 0..20_000 {
        let trace = toy.run(&mut *Strategy::Surw.chooser(seed, &profile, u64::MAX));
        let order = trace.iter().map(|step| step.thread);
        *seen.entry(order.collect()).or_default() += 1;
    }
    let (least, most) = (seen.values().min().unwrap(), seen.values().max().unwrap());
    assert!(*least > 850 && *most < 1_150, "{least} to {most}: {seen:?}");
}

#[test]
fn surw_draws_anew_what_it_takes_no_interest_in() {
    let (one, other) = (doing(0, 0, true), doing(1, 1, true));
    let is_last = |seed| {
        let mut surw = Surw::new(seed, &Profile::default());
        turns(&mut surw, &[&[one], &[other; 3]]) == [1, 1, 1, 0]
    };
    assert_share(seeds(is_last), 1, 4);
}

#[test]
fn surw_waits_for_a_task_that_has_none_left_where_one_place_is_of_interest_alone() {
    let write = doing(1, 0, true);
    let own = Doing {
        site: site(7),
        ..doing(3, 1, true)
    };
    let places = [doing(1, 0, false), write].map(|it| Sites::default().site(&it).unwrap());
    let profile = Profile {
        shared: vec![BTreeSet::from(places)],
        counts: BTreeMap::from([0, 1].map(|task| ((task, places[1]), 1))),
        ..Profile::default()
    };
    let is_late = |seed| {
        let mut surw = Surw::new(seed, &profile);
        let trace = turns(&mut surw, &[&[write], &[write], &[own; 40]]);
        trace[..40].iter().all(|&task| task == 2)
    };
    // Every fourth seed takes an interest in the place of the writes alone: in a third of those the
    // third task is drawn. Half of the seeds take one in both places: there it weighs nothing.
    let late = seeds(is_late);
    assert!((280..480).contains(&late), "{late}");
}

#[test]
fn surw_weighs_what_was_not_counted_as_one_once_it_is_at_hand() {
    let write = doing(1, 0, true);
    let place = Sites::default().site(&write).unwrap();
    let profile = Profile {
        shared: vec![BTreeSet::from([place])],
        ..Profile::default()
    };
    // Nothing was counted: whoever comes first is alone in having one, and goes on.
    let first = seeds(|seed| {
        let mut surw = Surw::new(seed, &profile);
        turns(&mut surw, &[&[write], &[write]])[0] == 0
    });
    assert_share(first, 1, 2);
    // One was counted. Where it is at hand first, it is alone in having one, unless a run gives
    // everybody one: those take an interest in one place, and are half of the seeds. Where the other
    // is at hand first, each has one.
    let profile = Profile {
        counts: BTreeMap::from([((0, place), 1)]),
        ..profile
    };
    let first = seeds(|seed| {
        let mut surw = Surw::new(seed, &profile);
        turns(&mut surw, &[&[write], &[write]])[0] == 0
    });
    assert_share(first, 5, 8);
}

#[test]
fn surw_takes_an_interest_in_each_thing() {
    // One thread writes two things, which two others do as well after many steps of their own.
    let late = |thing| [vec![(2, false); 60], vec![(thing, true)]].concat();
    let toy = Toy::of([vec![(0, true), (1, true)], late(0), late(1)]);
    let profile = toy.profile();
    for thing in [0, 1] {
        let late = seeds(|seed| {
            let trace = toy.run(&mut *Strategy::Surw.chooser(seed, &profile, u64::MAX));
            let last = trace.iter().rfind(|step| step.thing == thing);
            last.unwrap().thread == 1
        });
        // Half of the seeds that take an interest in this thing; hardly any other.
        assert!(late > 800, "thing {thing}: {late}");
    }
}

#[test]
fn surw_takes_an_interest_in_each_place() {
    let toy = reorder(40);
    let profile = toy.profile();
    let met = seeds(|seed| toy.meets(seed, Strategy::Surw, &profile));
    // Whoever looks does so first of 41 in a 41st of the orders of what is done to b. It does far
    // more often where all others wait for their turn to set b, which is every eighth seed.
    assert!(met > 120, "{met}");
}

/// A profile of which no more is known than `pairs` on one thing.
fn of_pairs(pairs: Vec<Pair>) -> Profile {
    Profile {
        pairs: vec![pairs],
        ..Profile::default()
    }
}

#[test]
fn reads_from_brings_a_wish_about_once_and_at_times_prevents_it() {
    let (read, write) = (doing(1, 0, false), doing(2, 0, true));
    let profile = of_pairs(vec![(signature(&read), None)]);
    let traces = |tasks: &[&[Doing]]| -> Vec<Vec<usize>> {
        let run = |seed| turns(&mut ReadsFrom::new(seed, &profile), tasks);
        (0..SEEDS).map(run).collect()
    };
    let count = |traces: &[Vec<usize>], first: &[usize]| {
        traces
            .iter()
            .filter(|trace| trace.starts_with(first))
            .count() as u64
    };
    // One to three wishes are all the same one, each of which is with 1/4 that it does not come
    // about. If they contradict each other, chance decides.
    let found = traces(&[&[read], &[write]]);
    // All say the same in 111 of 192 seeds, and all that it does not in 21.
    assert_share(count(&found, &[0]), 111 + (192 - 111 - 21) / 2, 192);
    // The second time it is nobody's wish any more: two fresh numbers decide.
    let found = traces(&[&[read; 2], &[write]]);
    let (once, twice) = (count(&found, &[0, 1]), count(&found, &[0, 0]));
    assert!(once > SEEDS / 4 && twice > SEEDS / 4, "{once} and {twice}");
}

#[test]
fn reads_from_keeps_between_whom_it_brings_together() {
    let (read, write) = (doing(1, 0, false), doing(2, 0, true));
    let profile = of_pairs(vec![
        (signature(&read), Some(signature(&write))),
        (signature(&read), Some(signature(&write))),
    ]);
    let rival = Doing { kin: 3, ..write };
    let run = |seed| {
        turns(
            &mut ReadsFrom::new(seed, &profile),
            &[&[read], &[write; 2], &[rival]],
        )
    };
    let together = seeds(|seed| {
        let trace = run(seed);
        let reads = trace.iter().position(|&task| task == 0).unwrap();
        reads > 0 && trace[reads - 1] == 1
    });
    // By chance two times in four orders at best; where it is wished, always.
    assert!(together > SEEDS * 3 / 4, "{together}");
    let first = seeds(|seed| run(seed)[0] == 1);
    assert!(
        first > SEEDS * 3 / 4,
        "what is to be found comes first: {first}"
    );
}

#[test]
fn reads_from_keeps_back_what_would_spoil_a_wish() {
    let (own, read) = (doing(1, 1, true), doing(1, 0, false));
    let write = doing(2, 0, true);
    let profile = of_pairs(vec![
        (signature(&read), None),
        (signature(&read), Some(signature(&write))),
    ]);
    // The reader has something else to do before. With half of the wishes nobody is to write until
    // it has read; with as many it is to find what was written.
    let traces = (0..SEEDS).map(|seed| {
        turns(
            &mut ReadsFrom::new(seed, &profile),
            &[&[own, own, own, read], &[write]],
        )
    });
    let traces: Vec<_> = traces.collect();
    let at_first = traces.iter().filter(|trace| trace[4] == 1).count();
    // By chance the write is the last of five steps in one of ten.
    assert!((1_000..2_000).contains(&at_first), "{at_first}");
}

#[test]
fn reads_from_takes_a_lock_for_taken_by_whom_it_was_taken() {
    let lock = |kin| Doing {
        kind: Some(OpKind::Lock),
        ..doing(kin, 0, true)
    };
    let (one, other, third) = (lock(1), lock(2), doing(3, 1, true));
    let profile = of_pairs(vec![(signature(&other), Some(signature(&one)))]);
    let next = |seed| {
        let mut order = ReadsFrom::new(seed, &profile);
        let mut tell = |did, is_beside| {
            order.completed(&Step {
                task: 1,
                did,
                is_beside,
            });
        };
        tell(one, false);
        // What it did last before it gave the lock back.
        tell(
            Doing {
                site: site(7),
                ..one
            },
            true,
        );
        order.next(&Scheduling {
            anchor: AnchorHash(seed),
            runnable: &[2, 3],
            current: None,
            calm: 0,
            now_ns: 0,
            look: &All(&[other, third]),
        })
    };
    // As above: all say so in 111 of 192 seeds, and chance decides in 60.
    assert_share(seeds(|seed| next(seed) == 0), 111 + 30, 192);
}

/// Whom the order lets go first of two tasks at `doings`, who were told of `steps` before.
fn first_of(order: &mut dyn Order, seed: u64, steps: &[(Doing, bool)], doings: &[Doing]) -> usize {
    for &(did, is_beside) in steps {
        order.completed(&Step {
            task: 9,
            did,
            is_beside,
        });
    }
    order.next(&Scheduling {
        anchor: AnchorHash(seed),
        runnable: &[1, 2],
        current: None,
        calm: 0,
        now_ns: 0,
        look: &All(doings),
    })
}

#[test]
fn reads_from_knows_what_is_changed_after_an_operation_from_the_operation() {
    let read = doing(1, 0, false);
    // A task receives from 1, and then changes 0 without waiting.
    let receives = doing(2, 1, false);
    let changes = Doing {
        thing: Thing(0),
        writes: true,
        ..receives
    };
    let mut sites = Sites::default();
    let left = sites.beside(&receives).unwrap();
    assert_eq!(sites.beside(&changes), Some(left));
    assert_ne!(signature(&receives), left);
    let profile = of_pairs(vec![(signature(&read), Some(left))]);
    let next = |steps: &[(Doing, bool)], doings: [Doing; 2]| {
        seeds(|seed| first_of(&mut ReadsFrom::new(seed, &profile), seed, steps, &doings) == 0)
    };
    // Whoever receives goes first, so that 0 is changed, as long as it is not; unless all wishes
    // are that it is not, in 21 of 192 seeds: then chance decides.
    let other = doing(3, 2, true);
    assert_share(next(&[], [receives, other]), 384 - 21, 384);
    // What it receives does not change 0.
    let received = next(&[(receives, false)], [receives, other]);
    assert_share(received, 384 - 21, 384);
    // Once it is changed nobody is to change it again, and the reader goes first.
    let changed = [(receives, false), (changes, true)];
    assert_share(next(&changed, [receives, other]), 21, 384);
    let read_first = next(&changed, [read, other]);
    assert_share(read_first, 111 + (192 - 111 - 21) / 2, 192);
    // Somebody else has changed it since: it is to be done once more.
    let spoilt = [&changed[..], &[(doing(4, 0, true), false)]].concat();
    assert_share(next(&spoilt, [receives, other]), 384 - 21, 384);
}

#[test]
fn pct_lowers_whoever_made_a_step_though_it_cannot_go_on() {
    let mut after = BTreeMap::<usize, u64>::new();
    for seed in 0..SEEDS {
        let mut pct = Pct::new(seed, 2, 9);
        let doings = [doing(1, 0, true), doing(2, 1, true)];
        // Each poll gave way.
        let ranks: Vec<usize> = (0..12)
            .map(|_| first_of(&mut pct, seed, &[], &doings))
            .collect();
        let steps = ranks.iter().take_while(|&&rank| rank == ranks[0]).count();
        assert!(ranks[steps..].iter().all(|&rank| rank != ranks[0]), "once");
        *after.entry(steps).or_default() += 1;
    }
    // After each step but the last, that no choice comes after.
    assert!(after.keys().copied().eq(1..9), "{after:?}");
    for &count in after.values() {
        assert_share(count, 1, 8);
    }
}

#[test]
fn pct_lets_no_task_queue_for_a_lock_while_another_can_go_on() {
    let lock = Doing {
        kind: Some(OpKind::Lock),
        ..doing(1, 0, true)
    };
    let other = doing(2, 1, true);
    let count = |steps: &[(Doing, bool)], doings: [Doing; 2]| {
        seeds(|seed| first_of(&mut Pct::new(seed, 1, 9), seed, steps, &doings) == 0)
    };
    assert_share(count(&[], [lock, other]), 1, 2);
    assert_eq!(count(&[(lock, false)], [lock, other]), 0);
    // At another lock than that it may be first, and at this one if all would have to wait.
    let elsewhere = Doing {
        thing: Thing(5),
        ..lock
    };
    assert_share(count(&[(lock, false)], [elsewhere, other]), 1, 2);
    assert_share(count(&[(lock, false)], [lock, lock]), 1, 2);
    assert_share(count(&[(lock, false), (lock, true)], [lock, other]), 1, 2);
}

#[test]
fn reads_from_draws_each_pair_of_each_thing() {
    // One pair on the first thing, many on the second, each about a reader of its own.
    let reads: Vec<Doing> = (0..20)
        .map(|kin| doing(kin, u32::from(kin > 0), false))
        .collect();
    let pairs: Vec<Pair> = reads.iter().map(|read| (signature(read), None)).collect();
    let profile = Profile {
        pairs: vec![pairs[..1].to_vec(), pairs[1..].to_vec()],
        ..Profile::default()
    };
    let tasks: Vec<&[Doing]> = reads.iter().map(std::slice::from_ref).collect();
    let mut first = vec![0; tasks.len()];
    for seed in 0..SEEDS {
        first[turns(&mut ReadsFrom::new(seed, &profile), &tasks)[0]] += 1;
    }
    // By chance alone 200 each. The only pair of its thing is in one wish of four.
    assert!((800..1_400).contains(&first[0]), "{first:?}");
    assert!(first[1..].iter().all(|&count| count > 80), "{first:?}");
}

/// Tasks on nodes: half on one, half on another.
struct Halves(usize);

impl Look for Halves {
    fn doing(&self, rank: usize) -> Doing {
        NOTHING.doing(rank)
    }

    fn node(&self, rank: usize) -> u64 {
        u64::from(rank < self.0)
    }
}

/// Who goes on in `steps` choices `nanos` apart from each other.
fn starved(seed: u64, steps: u64, nanos: i64, runnable: &[u64], look: &dyn Look) -> Vec<usize> {
    let mut choose = Strategy::Starvation.chooser(seed, &Profile::of_choices(1 << 20), u64::MAX);
    let mut ask = |step: u64| {
        choose.sched(&Scheduling {
            anchor: AnchorHash(value(seed, 9, step)),
            runnable,
            current: None,
            calm: 0,
            now_ns: step as i64 * nanos,
            look,
        })
    };
    (0..steps).map(&mut ask).collect()
}

/// How often in a row at most `is_it` does not hold.
fn longest(trace: &[usize], is_it: impl Fn(usize) -> bool) -> usize {
    let waits = trace.split(|&rank| is_it(rank)).map(<[usize]>::len);
    waits.max().unwrap_or(0)
}

#[test]
fn starvation_holds_back_some_tasks_and_whole_nodes_by_time_or_by_choices() {
    // Where no time passes, half of the seeds count choices; where much does, the others find many
    // windows pass between two choices.
    for nanos in [0, 1_000_000] {
        let tasks = |seed| {
            longest(&starved(seed, 4_000, nanos, &[7, 8], &NOTHING), |it| {
                it == 0
            })
        };
        let held = (0..200).filter(|&seed| tasks(seed) > 100).count();
        // Where one of two is a victim, which one of ten is, and the other is not.
        assert!((3..60).contains(&held), "{held} of 200 at {nanos} ns");
    }
    // A window of many milliseconds holds more choices than any that is counted in choices.
    let waits = |seed| {
        longest(&starved(seed, 12_000, 1_000, &[7, 8], &NOTHING), |it| {
            it == 0
        })
    };
    assert!((0..200).any(|seed| waits(seed) > 6_000));
    let runnable: Vec<u64> = (0..20).collect();
    let nodes = |seed| {
        let trace = starved(seed, 4_000, 1_000_000, &runnable, &Halves(10));
        longest(&trace, |rank| rank < 10)
    };
    let held = (0..200).filter(|&seed| nodes(seed) > 100).count();
    assert!(
        (3..60).contains(&held),
        "{held} of 200 hold back ten tasks at once"
    );
}

#[test]
fn starvation_leaves_four_fifths_of_the_time_alone() {
    let mut least = usize::MAX;
    for seed in 0..100 {
        let trace = starved(seed, 40_000, 1_000_000, &[7, 8], &NOTHING);
        let ran = trace.iter().filter(|&&rank| rank == 0).count();
        least = least.min(ran);
    }
    // Half of the time that is left: at least 16 000 but for the first window.
    assert!((14_500..19_000).contains(&least), "{least}");
}

/// Counts what it is asked and told, and always says the same.
struct Counted(Rc<Cell<(u64, u64)>>);

impl Order for Counted {
    fn next(&mut self, _asked: &Scheduling<'_>) -> usize {
        let (asked, told) = self.0.get();
        self.0.set((asked + 1, told));
        0
    }

    fn completed(&mut self, _step: &Step) {
        let (asked, told) = self.0.get();
        self.0.set((asked, told + 1));
    }
}

#[test]
fn an_order_gives_way_after_twice_the_choices_of_the_calm_run() {
    for (horizon, most) in [(2, 256), (128, 256), (1_000, 2_000), (u64::MAX, 5_000)] {
        let count = Rc::new(Cell::new((0, 0)));
        let mut fair = Fair::new(Counted(count.clone()), 1, horizon, u64::MAX);
        let mut others = 0;
        for step in 0..5_000 {
            others += fair.sched(&Scheduling {
                anchor: AnchorHash(value(1, 9, step)),
                runnable: &[1, 2],
                current: None,
                calm: 0,
                now_ns: 0,
                look: &NOTHING,
            });
            let (task, did, is_beside) = (1, doing(1, 1, true), false);
            fair.completed(&Step {
                task,
                did,
                is_beside,
            });
        }
        assert_eq!(count.get(), (most, most), "of a calm run of {horizon}");
        let walked = 5_000 - most as usize;
        assert!(
            (walked * 2 / 5..=walked * 3 / 5).contains(&others),
            "a random walk goes on: {others} of {walked}"
        );
    }
}
