//! What is left of failures, what is said of it, and the folder in which it is kept.

mod child;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use simoom::rand;
use simoom::sync::Mutex;
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::faults::Ratio;
use simoom_sim::{Config, Fault, Found, Kind, Report, Sim, Strategy, check};

use crate::child::{child, is_child, text};

fn config() -> Config {
    Config::default().persist(false)
}

#[track_caller]
fn found(report: &Report) -> &Found {
    report.failure().expect("the test fails")
}

/// The folder of a failure, from where this test runs.
#[track_caller]
fn bundle(found: &Found) -> PathBuf {
    let folder = found.bundle().expect("a folder is named");
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder)
}

/// Several tasks that each do something between two looks at one counter.
async fn lost_update(_: Sim) {
    let counter = Rc::new(Cell::new(0));
    let lock = Rc::new(Mutex::new(()));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (counter, lock) = (counter.clone(), lock.clone());
            spawn_local(async move {
                for _ in 0..3 {
                    yield_now().await;
                    let seen = counter.get();
                    drop(lock.lock().await);
                    counter.set(seen + 1);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(counter.get(), 12, "an update was lost");
}

#[test]
fn one_job_and_four_shrink_to_the_same() {
    let report = |seed, jobs| {
        let config = config().seed(seed).doubled(0).jobs(jobs);
        // Random choices deviate in most places: there is something to shrink.
        let config = config.strategy(Strategy::Random);
        // Elsewhere than on the test's thread, no fresh process is started.
        let thread = std::thread::spawn(move || check(config, lost_update));
        thread.join().unwrap()
    };
    let mut compared = 0;
    for seed in 0..40 {
        let (one, four) = (report(seed, 1), report(seed, 4));
        assert_eq!(one.failure().is_some(), four.failure().is_some());
        let (Some(one), Some(four)) = (one.failure(), four.failure()) else {
            continue;
        };
        compared += 1;
        assert_eq!(one.plan(), four.plan(), "seed {seed}");
        assert_eq!(one.replays(), four.replays(), "seed {seed}");
        assert!(one.met().eq(four.met()), "seed {seed}");
    }
    assert!(compared >= 10, "{compared}");
}

/// Fails by `both failed` if both of two writes fail, hangs if the second one does alone.
async fn two_writes(sim: Sim) {
    sim.faults(Fault::new(Kind::DiskWriteFailed).probability(Ratio::one_in(3)));
    let node = sim.node("server");
    let write = async |name: &'static str| {
        let written = node.spawn(async move { simoom::fs::write(name, "x").await });
        written.await.unwrap().is_err()
    };
    let (first, second) = (write("first").await, write("second").await);
    assert!(!first || !second, "both failed");
    if second {
        std::future::pending::<()>().await;
    }
}

/// The report of the first seed that fails so.
fn fails_by(cause: &str, test: impl Fn(u64) -> Report) -> Report {
    let reports = (0..200).map(test);
    let is_it = |report: &Report| {
        let found = report.failure();
        found.is_some_and(|it| it.cause().to_string().contains(cause))
    };
    let mut reports = reports.filter(is_it);
    reports.next().expect("a seed fails so")
}

#[test]
fn a_report_says_what_the_run_does_without_each_choice_and_what_else_it_met() {
    let config = |seed| config().seed(seed).doubled(0);
    let report = fails_by("both failed", |seed| check(config(seed), two_writes));
    let both = found(&report);
    let told = both.to_string();
    let without = |name: &str| {
        let line = told.lines().find(|it| it.contains(name)).unwrap();
        line.split_once("  (without it, the run ").unwrap().1
    };
    assert_eq!(both.deviations(), 2, "{told}");
    assert_eq!(without("server:/first"), "hangs)", "{told}");
    assert_eq!(without("server:/second"), "passes)", "{told}");
    let met: Vec<_> = both.met().collect();
    assert_eq!(met.len(), 1, "{told}");
    assert!(met[0].starts_with("deadlock"), "{told}");
    let heading = format!("  met on the way, another failure: {}", met[0]);
    assert!(told.contains(&heading), "{told}");
    // It is kept, and is what it is said to be.
    let plan = std::fs::read_to_string(bundle(both).join("met-1.txt")).unwrap();
    assert!(plan.contains("\nfailure deadlock\n"), "{plan}");
    assert!(plan.contains("=server:/second"), "{plan}");

    let report = fails_by("deadlock", |seed| check(config(seed), two_writes));
    let told = found(&report).to_string();
    assert!(told.contains("\n  without it, the run passes\n"), "{told}");
    assert_eq!(found(&report).met().count(), 0, "{told}");
}

#[test]
fn sizes_are_round() {
    let report = check(config().stalls(Duration::from_secs(1)), |_| async {
        let start = simoom::time::Instant::now();
        for _ in 0..10 {
            sleep(Duration::from_millis(1)).await;
        }
        let took = start.elapsed();
        assert!(took < Duration::from_millis(10 + 150), "late");
    });
    let found = found(&report);
    assert!(found.story()[0].ends_with(", for 200000 us"), "{found}");
}

#[test]
fn operations_of_the_workload_that_it_does_not_take_are_left_out() {
    let test = |sim: Sim| async move {
        let mut clients = Vec::new();
        for client in sim.workload("client", 5) {
            let node = sim.node(&format!("client-{}", client.number()));
            clients.push(node.spawn(async move {
                let mut seen = Vec::new();
                for request in client.workload("request", 20) {
                    sleep(Duration::from_millis(1)).await;
                    seen.push((client.number(), request.number()));
                }
                seen
            }));
        }
        let mut seen = Vec::new();
        for client in clients {
            seen.extend(client.await.unwrap());
        }
        assert!(!seen.contains(&(3, 5)) || !seen.contains(&(1, 17)), "twice");
    };
    let report = check(config().seeds(0), test);
    let found = found(&report);
    let told = found.to_string();
    for line in [
        "  2 of 5 operations of client are left: #1, #3\n",
        "  1 of 20 operations of client/1/request is left: #17\n",
        "  1 of 20 operations of client/3/request is left: #5\n",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(told.contains("  it fails undisturbed too\n"), "{told}");
    assert_eq!(found.deviations(), 0, "operations are no events: {told}");
    assert!(found.replays() < 60, "{told}");
    assert_eq!(
        found.plan().matches("\nwork - do =client").count(),
        3 + 19 * 2
    );
}

#[test]
fn operations_of_workloads_of_one_name_are_told_apart() {
    let report = check(config().seeds(0), |sim| async move {
        let first: Vec<_> = sim.workload("step", 4).map(|it| it.number()).collect();
        let second: Vec<_> = sim.workload("step", 4).map(|it| it.number()).collect();
        assert!(!first.contains(&2) || !second.contains(&0), "both");
    });
    let told = found(&report).to_string();
    assert!(
        told.contains("  1 of 4 operations of step is left: #2\n"),
        "{told}"
    );
    let second = "  1 of 4 operations of step (1 before it) is left: #0\n";
    assert!(told.contains(second), "{told}");
}

#[test]
fn the_folder_of_a_failure_holds_all_that_there_is_to_know() {
    const NAME: &str = "the_folder_of_a_failure_holds_all_that_there_is_to_know";
    let report = check(config().strategy(Strategy::Random), lost_update);
    if std::env::var_os("SIMOOM_REPLAY").is_some() {
        report.unwrap();
        return;
    }
    let found = found(&report);
    let folder = bundle(found);
    let below = format!("shrinking/{NAME}/{:016x}", found.seed());
    assert!(folder.ends_with(below), "{}", folder.display());
    let read = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name));
        text.unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let why = found.explanation();
    assert_eq!(read("report.txt"), format!("{found}\n\n{why}"));
    assert!(read("record.txt").contains("  task.polled  "));
    assert!(read("plan.txt").contains(&found.plan()));
    let verdict = read("verdict.txt");
    for line in [
        "class correctness\n",
        "signature panic sim/tests/shrinking.rs assertion ",
        "confirmed yes\n",
        "\nmessage\ntask test/main panicked at sim/tests/shrinking.rs:",
    ] {
        assert!(verdict.contains(line), "{line}: {verdict}");
    }
    let built = read("build.txt");
    for line in ["package simoom-sim\n", "rustc rustc 1.", "profile dev\n"] {
        assert!(built.contains(line), "{line}: {built}");
    }
    assert!(
        read("shrink.txt").contains("\nsingles "),
        "{}",
        read("shrink.txt")
    );
    let replay = read("replay.sh");
    let command = replay.lines().last().unwrap();
    assert!(
        command.contains(&format!(" -- --exact {NAME} ")),
        "{command}"
    );
    // What the command does, but for building.
    let variable = command.split(' ').next().unwrap();
    let plan = variable.strip_prefix("SIMOOM_REPLAY=").unwrap();
    let output = child(NAME, &[("SIMOOM_REPLAY", plan)]);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(81), "{told}");
    assert!(told.contains("an update was lost"), "{told}");
}

#[test]
fn the_folder_is_there_where_no_fresh_process_could_be_started() {
    let elsewhere = || {
        let thread = std::thread::spawn(|| check(config(), lost_update));
        thread.join().unwrap()
    };
    // What an earlier run of this test has left is no proof.
    std::fs::remove_dir_all(bundle(found(&elsewhere()))).unwrap();
    let report = elsewhere();
    let folder = bundle(found(&report));
    for name in ["plan.txt", "record.txt", "report.txt", "replay.sh"] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    let verdict = std::fs::read_to_string(folder.join("verdict.txt")).unwrap();
    assert!(verdict.contains("confirmed not tried: "), "{verdict}");
}

#[test]
fn failures_are_saved_where_the_user_keeps_them() {
    const NAME: &str = "failures_are_saved_where_the_user_keeps_them";
    if is_child() {
        let folder = std::env::var("SHRINKING_FOLDER").unwrap();
        let config = config().persist(true).regressions(folder);
        check(config, lost_update).unwrap();
        return;
    }
    let home = std::env::temp_dir().join(format!("simoom-shrinking-{}", std::process::id()));
    let file = home
        .join("kept/failures/shrinking")
        .join(format!("{NAME}.txt"));
    std::fs::create_dir_all(&home).unwrap();
    let run = || {
        let variables = [
            ("CARGO_MANIFEST_DIR", home.to_str().unwrap()),
            ("SHRINKING_FOLDER", "kept/failures"),
        ];
        text(&child(NAME, &variables))
    };
    let first = run();
    assert!(first.contains("kept/failures/shrinking/"), "{first}");
    assert!(file.is_file(), "{first}");
    let again = run();
    assert!(again.contains("failed (saved)"), "{again}");
    std::fs::remove_dir_all(&home).unwrap();
}

/// A stored choice whose place is gone is told of, and the rest applies: where the run fails, and
/// where it passes.
#[test]
fn stored_choices_whose_place_is_gone_are_told_of() {
    const NAME: &str = "stored_choices_whose_place_is_gone_are_told_of";
    let report = check(config().strategy(Strategy::Random), |_| async {
        let counter = Rc::new(Cell::new(0));
        let lock = Rc::new(Mutex::new(()));
        let add = |counter: Rc<Cell<u32>>, lock: Rc<Mutex<()>>| async move {
            let seen = counter.get();
            drop(lock.lock().await);
            counter.set(seen + 1);
        };
        let one = spawn_local(add(counter.clone(), lock.clone()));
        let two = spawn_local(add(counter.clone(), lock));
        one.await.unwrap();
        two.await.unwrap();
        assert!(
            counter.get() == 2 || std::env::var_os("MENDED").is_some(),
            "lost"
        );
    });
    if std::env::var_os("SIMOOM_REPLAY").is_some() {
        report.unwrap();
        return;
    }
    let found = found(&report);
    let stored = std::fs::read_to_string(bundle(found).join("plan.txt")).unwrap();
    let gone = "sched test/gone lock test/gone!0 7 0 = test/main\n";
    let path = std::env::temp_dir().join(format!("{NAME}-{}.txt", std::process::id()));
    std::fs::write(&path, stored + gone).unwrap();
    let replay = ("SIMOOM_REPLAY", path.to_str().unwrap());
    let told = format!(
        "1 of {} stored choices of seed {:#018x} had no effect; the first is sched test/gone lock",
        found.deviations() + 1,
        found.seed(),
    );
    let plain = |text: &str| text.replace("0x5eed_", "0x5eed").replace("0000_", "0000");
    let fails = text(&child(NAME, &[replay]));
    assert!(fails.contains("lost"), "{fails}");
    assert!(plain(&fails).contains(&plain(&told)), "{told}: {fails}");
    assert!(
        fails.contains(", and there is no task test/gone"),
        "{fails}"
    );
    let passes = child(NAME, &[replay, ("MENDED", "1")]);
    let said = text(&passes);
    assert!(passes.status.success(), "{said}");
    assert!(
        plain(&said).contains("had no effect; the first is "),
        "{told}: {said}"
    );
    std::fs::remove_file(path).unwrap();
}

/// The plan of a run in which all draws are simple.
const SIMPLE: &str =
    "simoom plan 1\nseed 7\nstrategy replay\nhorizon 256\nentropy - draw - 0 0 = 1\n";

/// The numbers differ from each other throughout the run, whoever draws them and by what means, and
/// those that a program draws until it likes one come to an end.
#[test]
fn simple_draws_are_small_differ_and_come_to_an_end() {
    let report = check(
        Config::default().persist(false).replay(SIMPLE),
        |_sim| async {
            let first: u64 = rand::random();
            let of_a_task = simoom::spawn(async { rand::random::<u8>() }).await.unwrap();
            let array: [u8; 16] = rand::random();
            assert_eq!((first, of_a_task, array[0]), (1, 2, 3));
            assert_eq!(array[1..], [0; 15]);
            assert_eq!(rand::below(6), 0, "no draw is unfair");
            let mut system = [0; 12];
            getrandom::fill(&mut system).unwrap();
            // Nobody in this binary asks before.
            if simoom_sim::interception() == simoom_sim::Interception::Active {
                assert_eq!(system, [5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0]);
            }
            // Nothing is liked but what is large.
            let mut count = 1;
            while rand::random::<u64>() < 1 << 40 {
                count += 1;
            }
            assert!((61..=63).contains(&count), "{count} draws");
            simoom::task::yield_now().await;
            assert!(rand::random::<u64>() < 100, "it is another poll");
            // 255 comes after 256 draws at the latest, and 0 never.
            let mut bytes = Vec::new();
            for _ in 0..600 {
                bytes.push(rand::random::<u8>());
                simoom::task::yield_now().await;
            }
            assert!(bytes.contains(&255) && !bytes.contains(&0));
            assert!(first == 0, "all of it is so");
        },
    );
    let found = report.failure().expect("it panics");
    let message = found.cause().to_string();
    assert!(message.contains("all of it is so"), "{message}");
    assert_eq!(
        report.notes().len(),
        0,
        "the choice had an effect: {report}"
    );
    assert_eq!(found.deviations(), 0, "nothing happens by it");
    let shown = report.to_string();
    assert!(shown.contains("simple random numbers: all\n"), "{shown}");
    assert!(!shown.contains("had no effect"), "{shown}");
}

/// A task's draws are simple from one on; where it draws less, that is said.
#[test]
fn draws_of_a_task_are_simple_from_one_on() {
    let body = |_sim| async {
        let drawn: [u64; 4] = std::array::from_fn(|_| rand::random());
        assert!(drawn.is_empty(), "{drawn:?}");
    };
    let config = || Config::default().persist(false).explain(false);
    let message = |plan: &str| {
        let report = check(config().replay(plan), body);
        let cause = report.failure().expect("it panics").cause().to_string();
        let numbers = cause.split('[').nth(1).and_then(|it| it.split(']').next());
        let numbers: Vec<u64> = (numbers.expect("they are there").split(", "))
            .map(|it| it.parse().expect("a number"))
            .collect();
        (numbers, report.to_string().contains("had no effect"))
    };
    let plan = |line: &str| {
        let head = SIMPLE.split("entropy").next().expect("there is one");
        format!("{head}{line}")
    };
    let (seeded, _) = message(&plan(""));
    let (from_third, is_lost) = message(&plan("entropy test/main draw - 0 0 = 3\n"));
    assert_eq!(from_third, [seeded[0], seeded[1], 1, 2]);
    assert!(!is_lost);
    let (from_tenth, is_lost) = message(&plan("entropy test/main draw - 0 0 = 10\n"));
    assert_eq!(from_tenth, seeded);
    assert!(is_lost);
}

#[test]
fn the_environment_asks_for_simple_draws() {
    const NAME: &str = "the_environment_asks_for_simple_draws";
    if is_child() {
        let config = config().seeds(1).explain(false);
        check(config, |_sim| async {
            let drawn: u64 = rand::random();
            assert_eq!(drawn, 0, "it is not");
        })
        .unwrap();
        return;
    }
    let told = |value| text(&child(NAME, &[("SIMOOM_SHRINK_ENTROPY", value)]));
    let (simple, seeded) = (told("1"), told("0"));
    assert!(simple.contains("left: 1\n"), "{simple}");
    assert!(seeded.contains("left: "), "{seeded}");
    assert!(!seeded.contains("left: 1\n"), "{seeded}");
}
