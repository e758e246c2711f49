//! Primitives that outlive a run, because they are statics.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use simoom::sync::{Mutex, Notify};
use simoom::task::{spawn_local, yield_now};
use simoom_sim::{Class, Config, Failure, Report, Sim, check};

fn config() -> Config {
    Config::default().persist(false).explain(false).seeds(400)
}

/// Waits in real time, as long as that is worth it, until another run is here too. The first is the
/// calm run, which is made alone.
fn meet(came: &AtomicUsize) {
    if came.fetch_add(1, SeqCst) > 0 {
        let mut patience = 0..5_000_000;
        while came.load(SeqCst) < 3 && patience.next().is_some() {
            std::thread::yield_now();
        }
    }
}

static LOCK: Mutex<u32> = Mutex::const_new(0);

async fn holds(_: Sim) {
    static CAME: AtomicUsize = AtomicUsize::new(0);
    *LOCK.lock().await += 1;
    meet(&CAME);
    let tasks = [(); 4].map(|()| {
        spawn_local(async {
            for _ in 0..20 {
                let mut held = LOCK.lock().await;
                yield_now().await;
                *held += 1;
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

/// Whether runs are made at the same time here.
fn overlaps() -> bool {
    std::thread::available_parallelism().is_ok_and(|count| count.get() > 1)
}

/// A place in this file, by the comment at the end of its line.
fn place(what: &str, marker: &str) -> String {
    let comment = format!("; // {marker}.");
    let mut lines = include_str!("statics.rs").lines();
    let line = 1 + lines.position(|line| line.ends_with(&comment)).unwrap();
    format!("{what} at sim/tests/statics.rs:{line} ")
}

#[track_caller]
fn assert_shared(report: &Report, place: &str) {
    let found = report.failure().expect("runs meet in it");
    let cause = found.cause();
    assert!(matches!(cause, Failure::SharedByRuns { .. }), "{found}");
    assert_eq!(found.class(), Class::Nondeterminism);
    let text = found.to_string();
    for part in [
        "share a lock",
        place,
        "make it in the test and pass it in",
        "the sweep of 400",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn a_static_that_parallel_runs_use_fails_the_sweep_and_is_named() {
    if overlaps() {
        let report = check(config().jobs(4), holds);
        assert_shared(&report, " at sim/tests/statics.rs:");
    }
}

/// What changes it without waiting is noticed as well.
#[test]
fn a_static_that_is_only_tried_is_noticed_too() {
    static TRIED: Mutex<u32> = Mutex::const_new(0);
    if overlaps() {
        let report = check(config().jobs(4), |_| async {
            static CAME: AtomicUsize = AtomicUsize::new(0);
            yield_now().await; // Tried.
            drop(TRIED.try_lock());
            meet(&CAME);
            drop(TRIED.try_lock());
        });
        assert_shared(&report, &place("after yield", "Tried"));
    }
}

/// One run after the other finds it as the one before has left it: free.
#[test]
fn a_static_is_fine_for_one_run_at_a_time() {
    static ALONE: Notify = Notify::const_new();
    let report = check(config().jobs(1).seeds(50), |_| async {
        let task = spawn_local(async { ALONE.notified().await });
        ALONE.notify_one();
        task.await.unwrap();
    });
    report.unwrap();
}
