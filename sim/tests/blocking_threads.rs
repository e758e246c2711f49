//! That blocking closures leave no threads behind. Alone in its process: other tests start threads
//! as they like.

use std::sync::Arc;
use std::time::Duration;

use simoom::runtime::Handle;
use simoom::sync::{Mutex, Notify, oneshot};
use simoom::task::spawn_blocking;
use simoom_sim::{Config, Sim, check};

/// Threads that end, that wait at the end of the run, that wait in a node when it is killed, and
/// that have not got a thread yet.
async fn leaves_closures_behind(sim: Sim) {
    let notify = Arc::new(Notify::new());
    let lock = Arc::new(Mutex::new(()));
    let guard = lock.clone().lock_owned().await;
    for _ in 0..2 {
        let (notify, lock) = (notify.clone(), lock.clone());
        spawn_blocking(move || Handle::current().block_on(notify.notified()));
        spawn_blocking(move || drop(lock.blocking_lock()));
        spawn_blocking(|| 1).await.unwrap();
    }
    let victim = sim.node("victim").max_blocking_threads(2);
    let (started, start) = oneshot::channel();
    let waits = notify.clone();
    victim.spawn(async move {
        for _ in 0..3 {
            let waits = waits.clone();
            spawn_blocking(move || Handle::current().block_on(waits.notified()));
        }
        started.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    start.await.unwrap();
    simoom::time::sleep(Duration::from_millis(1)).await;
    if sim.seed().is_multiple_of(2) {
        victim.kill();
    }
    drop(guard);
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// How many threads there are when those that have been joined are gone from the system's list,
/// too.
fn settled(most: usize) -> usize {
    for _ in 0..200 {
        if threads() <= most {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    threads()
}

#[test]
fn two_thousand_seeds_leave_no_thread_behind() {
    // What exists once for the whole process is there after the first sweep: the watchdog, beside
    // the two threads of the harness.
    let config = || Config::default().persist(false);
    check(config().seeds(2), leaves_closures_behind).unwrap();
    let before = settled(3);
    let report = check(config().seeds(2_000), leaves_closures_behind);
    assert!(report.notes().is_empty(), "{:?}", report.notes());
    report.unwrap();
    let after = settled(before);
    assert!(after <= before, "{before} threads before, {after} after");
}
