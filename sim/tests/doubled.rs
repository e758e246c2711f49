//! Tests that are not the same run twice, each of them caught and named.
//!
//! Owns the planted leaks: a static, real time, the order of addresses, a static that only earlier
//! runs change. What depends on the process runs in a child, which is this binary with one test's
//! name; those tests do nothing unless they are a child's.

mod child;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use simoom::sync::Mutex;
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::{Class, Config, Failure, Found, Sim, check};

use crate::child::{is_child, text};

fn config() -> Config {
    Config::default().persist(false).seeds(20).jobs(1)
}

/// What a test of this binary prints that runs alone.
fn child(name: &str, variables: &[(&str, &str)]) -> String {
    let variables = [&[("SIMOOM_PERSIST", "0")], variables].concat();
    text(&child::child(name, &variables))
}

/// The message of a finding that two runs differ.
#[track_caller]
fn message(found: &Found) -> &str {
    assert_eq!(found.class(), Class::Nondeterminism, "{found}");
    match found.cause() {
        Failure::Nondeterminism { message } => message,
        other => panic!("{other}"),
    }
}

/// The line of `text` that begins with `name`, without it.
#[track_caller]
fn line<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name:?} is not in\n{text}"))
        .trim()
}

#[test]
fn a_static_counter_is_caught_at_the_first_other_event_with_both_alternatives() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let report = check(config(), |_sim| async {
        yield_now().await;
        let late = RUNS.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(late)).await;
    });
    let found = report.failure().expect("a static decides");
    assert_eq!(found.position(), Some(1), "the first seed runs twice");
    let text = message(found);
    assert!(text.contains("running the same choices twice"), "{text}");
    assert!(text.contains("events agree, and they part at"), "{text}");
    // The calm run slept 0 ms, the first 1 ms, the second 2 ms.
    let (one, two) = (line(text, "the first run"), line(text, "the second run"));
    assert!(one.contains("time.advanced to 1000000 ns"), "{text}");
    assert!(two.contains("time.advanced to 2000000 ns"), "{text}");
    // A process of its own counts from 0, but counts all the same.
    assert!(found.is_confirmed(), "{found}");
}

#[test]
fn real_time_is_caught_with_what_it_led_to() {
    // The clock of the machine, which simulated code cannot read by itself.
    static NOW_US: AtomicU64 = AtomicU64::new(0);
    static IS_OVER: AtomicU64 = AtomicU64::new(0);
    let clock = std::thread::spawn(|| {
        let start = std::time::Instant::now();
        while IS_OVER.load(Ordering::Relaxed) == 0 {
            NOW_US.store(start.elapsed().as_micros() as u64, Ordering::Relaxed);
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    let report = check(config().doubled(1), |_sim| async {
        let lock = Rc::new(Mutex::new(()));
        let other = lock.clone();
        let task = spawn_local(async move { drop(other.lock().await) });
        // No run begins before the clock has moved since the last.
        let before = NOW_US.load(Ordering::Relaxed);
        while NOW_US.load(Ordering::Relaxed) == before {
            std::hint::spin_loop();
        }
        let now_us = NOW_US.load(Ordering::Relaxed);
        // One operation more or less for each bit of the clock.
        for bit in 0..20 {
            if now_us >> bit & 1 == 1 {
                drop(lock.lock().await);
            }
            yield_now().await;
        }
        task.await.unwrap();
    });
    IS_OVER.store(1, Ordering::Relaxed);
    clock.join().unwrap();
    let found = report.failure().expect("the real clock decides");
    let text = message(found);
    let (one, two) = (line(text, "the first run"), line(text, "the second run"));
    assert_ne!(one, two);
    assert!(text.contains("test/main"), "{text}");
}

#[test]
fn a_choice_is_told_with_its_operation_resource_line_and_values() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    // The calm run and the first are alike, the second is not.
    let report = check(config(), |sim: Sim| async move {
        let odd = RUNS.fetch_add(1, Ordering::Relaxed) == 2;
        let lock = Rc::new(Mutex::new(()));
        let (name, other) = if odd { ("x", "y") } else { ("a", "b") };
        for name in [name, other] {
            let lock = lock.clone();
            sim.node(name).spawn(async move { drop(lock.lock().await) });
        }
        sleep(Duration::from_millis(1)).await;
    });
    let found = report.failure().expect("a static decides");
    let text = message(found);
    assert!(line(text, "the first run").contains("a/"), "{text}");
    assert!(line(text, "the second run").contains("x/"), "{text}");

    static SECOND: AtomicU64 = AtomicU64::new(0);
    let report = check(config().strategy(simoom_sim::Strategy::Random), |_| async {
        let odd = SECOND.fetch_add(1, Ordering::Relaxed) == 2;
        let lock = Rc::new(Mutex::new(()));
        let other = lock.clone();
        let task = spawn_local(async move { drop(other.lock().await) });
        if odd {
            yield_now().await;
        } else {
            drop(lock.lock().await);
        }
        task.await.unwrap();
    });
    let text = message(report.failure().expect("a static decides"));
    let choice = "choice.made sched = test/";
    let (one, two) = (line(text, "the first run"), line(text, "the second run"));
    assert!(one.contains(choice), "{text}");
    assert!(one.contains("chosen at lock on test/main"), "{text}");
    assert!(one.contains("doubled.rs:"), "{text}");
    assert!(two.contains("op.completed yield at"), "{text}");
    assert!(two.contains("doubled.rs:"), "{text}");
}

#[test]
fn what_only_the_outcome_shows_is_caught_too() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let report = check(config(), |_sim| async {
        // The calm run is the first and the seed's own the second.
        match RUNS.fetch_add(1, Ordering::Relaxed) {
            2 => Err("the third run"),
            _ => Ok(()),
        }
    });
    let text = message(report.failure().expect("a static decides"));
    assert!(
        text.contains("events agree, and the outcome does not"),
        "{text}"
    );
    assert_eq!(line(text, "the first run"), "it passes");
    assert!(line(text, "the second run").contains("the third run"));
}

#[test]
fn a_difference_far_into_a_long_run_is_found_and_named() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let config = config().seeds(1).steps(200_000);
    let report = check(config, |_sim| async {
        let late = RUNS.fetch_add(1, Ordering::Relaxed);
        for _ in 0..60_000 {
            yield_now().await;
        }
        sleep(Duration::from_millis(late)).await;
    });
    let text = message(report.failure().expect("a static decides"));
    let agreed = text.split("the first ").nth(1).unwrap().split(' ').next();
    let agreed: u64 = agreed.unwrap().parse().unwrap();
    assert!(agreed > 100_000, "{text}");
    // Two runs more were made for a closer look.
    assert!(
        line(text, "the first run").contains("to 3000000 ns"),
        "{text}"
    );
    assert!(
        line(text, "the second run").contains("to 4000000 ns"),
        "{text}"
    );
}

#[test]
fn the_second_run_ends_at_the_difference() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    static TURNS: AtomicU64 = AtomicU64::new(0);
    let report = check(config().seeds(1), |_sim| async {
        let late = RUNS.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(late)).await;
        if late == 2 {
            for _ in 0..1_000 {
                TURNS.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        }
    });
    let _ = message(report.failure().expect("a static decides"));
    assert!(TURNS.load(Ordering::Relaxed) < 3, "it went on");
}

#[test]
fn a_deterministic_test_is_doubled_as_often_as_asked_and_passes() {
    let ran = |config: Config| {
        let report = check(config, |_sim| async {
            sleep(Duration::from_millis(simoom::rand::below(9))).await;
        });
        let counts = (report.runs().len(), report.doubled(), report.in_processes());
        report.unwrap();
        counts
    };
    // The first, since the processes that it starts come to it.
    assert_eq!(ran(config().seeds(9).doubled(2).processes(3)), (9, 5, 3));
    assert_eq!(ran(config().seeds(41)), (41, 3, 0), "one in 20");
    assert_eq!(ran(config().seeds(41).doubled(0)), (41, 0, 0), "none");
    assert_eq!(ran(config().seeds(41).doubled(1)), (41, 41, 0), "each");
    assert_eq!(ran(config().seeds(7).seed(3)), (1, 1, 0), "the only one");
    assert_eq!(ran(config().seeds(0)), (0, 0, 0));
}

/// Tasks whose order is that of their addresses.
async fn ordered_by_address(_sim: Sim) {
    let place = Box::new(0_u8);
    let address = std::ptr::from_ref(&*place) as u64;
    // Statics move with the binary, boxes with the heap.
    let of_static = std::ptr::from_ref(&RUNS_AT) as u64;
    let mut order = BTreeMap::new();
    for name in 0..16_u64 {
        let key = (address ^ of_static).wrapping_mul(name * 2 + 1) >> 12 & 0xffff;
        order.insert((key, name), name);
    }
    for name in order.into_values() {
        sleep(Duration::from_micros(name + 1)).await;
    }
}

static RUNS_AT: AtomicU64 = AtomicU64::new(0);

#[test]
fn an_order_of_addresses_is_caught_by_a_fresh_process() {
    if !is_child() {
        let name = "an_order_of_addresses_is_caught_by_a_fresh_process";
        let text = child(name, &[]);
        assert!(text.contains("caught"), "{text}");
        return;
    }
    let report = check(config().processes(1), ordered_by_address);
    let found = report.failure().expect("addresses decide");
    let text = message(found);
    // Even the allocator may give two runs of one process other addresses.
    if text.contains("on a thread of this process and in a fresh process") {
        let (here, there) = (line(text, "here"), line(text, "in a fresh process"));
        assert_ne!(here, there);
        assert!(here.contains("time.advanced to"), "{text}");
        assert!(there.contains("time.advanced to"), "{text}");
        assert!(found.is_confirmed(), "a fresh process has shown it");
    } else {
        assert_ne!(line(text, "the first run"), line(text, "the second run"));
    }
    println!("caught");
}

#[simoom_sim::test(seeds = 3, doubled = 1, processes = 2)]
async fn an_attribute_compares_one_run_with_a_fresh_process(_sim: Sim) {
    if !is_child() {
        return;
    }
    // The address of a function is the same for every run of a process, and for no other.
    let bits = (ordered_by_address as *const () as u64) >> 12 & 0xf_ffff;
    sleep(Duration::from_nanos(bits + 1)).await;
}

#[test]
fn what_an_attribute_compares_with_a_fresh_process_is_reported() {
    if is_child() {
        return;
    }
    let name = "an_attribute_compares_one_run_with_a_fresh_process";
    let text = child(name, &[]);
    assert!(text.contains("in a fresh process; something"), "{text}");
    let (here, there) = (line(&text, "here"), line(&text, "in a fresh process  "));
    assert_ne!(here, there, "{text}");
    // Without the second process nobody can tell.
    let text = child(name, &[("SIMOOM_PROCESSES", "0")]);
    assert!(text.contains("1 passed"), "{text}");
    let text = child(name, &[("SIMOOM_DOUBLED", "0")]);
    assert!(text.contains("1 passed"), "{text}");
}

/// What a static that earlier runs have changed makes fail.
async fn fails_after_five_runs(_sim: Sim) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    sleep(Duration::from_millis(3)).await;
    if RUNS.fetch_add(1, Ordering::Relaxed) >= 5 {
        sleep(Duration::from_millis(5)).await;
        panic!("later runs fail");
    }
}

#[test]
fn a_failure_that_a_fresh_process_does_not_show_is_a_finding_of_its_own() {
    if !is_child() {
        let name = "a_failure_that_a_fresh_process_does_not_show_is_a_finding_of_its_own";
        let text = child(name, &[("SIMOOM_PERSIST", "1")]);
        assert!(text.contains("told"), "{text}");
        return;
    }
    let report = check(config().doubled(0).persist(true), fails_after_five_runs);
    let found = report.failure().unwrap();
    let text = message(found);
    assert!(
        text.contains("on a thread of this process and in a fresh"),
        "{text}"
    );
    assert!(text.contains("later runs fail; there, it passes"), "{text}");
    assert!(
        line(text, "here  ").contains("time.advanced to 8000000 ns"),
        "{text}"
    );
    assert!(
        line(text, "in a fresh process").contains("task.finished"),
        "{text}"
    );
    assert!(!found.is_confirmed());
    let whole = found.to_string();
    assert!(whole.contains("it is not saved"), "{whole}");
    println!("told");
}

#[test]
fn a_failure_by_another_run_of_a_fresh_process_is_confirmed_and_told() {
    if !is_child() {
        let name = "a_failure_by_another_run_of_a_fresh_process_is_confirmed_and_told";
        let text = child(name, &[]);
        assert!(text.contains("told"), "{text}");
        return;
    }
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let report = check(config().doubled(0), |_sim| async {
        if RUNS.fetch_add(1, Ordering::Relaxed) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        Err::<(), _>("always")
    });
    let found = report.failure().unwrap();
    assert!(found.is_confirmed(), "{found}");
    assert_eq!(found.class(), Class::Correctness);
    let text = found.to_string();
    assert!(
        text.contains("fails the same way, but not by the same run"),
        "{text}"
    );
    println!("told");
}
