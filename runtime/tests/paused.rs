//! Clocks that stand, in the real world.

use std::future::pending;
use std::sync::mpsc;
use std::thread;

use simoom::runtime::Handle;
use simoom::task::{spawn_blocking, yield_now};
use simoom::time::{self, Duration, Instant, MissedTickBehavior, interval, sleep, timeout};

const DAY: Duration = Duration::from_secs(86_400);
const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

#[simoom::test(start_paused = true)]
async fn a_day_passes_at_once() {
    let (start, real) = (Instant::now(), std::time::Instant::now());
    sleep(DAY).await;
    assert_eq!(start.elapsed(), DAY);
    assert!(real.elapsed() < DAY / 100);
}

#[simoom::test(start_paused = true)]
async fn nothing_else_moves_it() {
    let start = Instant::now();
    thread::sleep(5 * MS);
    yield_now().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[simoom::test(start_paused = true)]
async fn it_comes_to_every_deadline_in_turn() {
    let start = Instant::now();
    let (tell, told) = mpsc::channel();
    let tasks = [3, 1, 2].map(|seconds| {
        let tell = tell.clone();
        simoom::spawn(async move {
            sleep(seconds * S).await;
            tell.send((seconds, start.elapsed())).unwrap();
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    let seen: Vec<_> = told.try_iter().collect();
    assert_eq!(seen, [(1, S), (2, 2 * S), (3, 3 * S)]);
}

#[simoom::test(start_paused = true)]
async fn a_timeout_is_over_when_it_is_due() {
    let start = Instant::now();
    timeout(5 * S, pending::<()>()).await.unwrap_err();
    assert_eq!(start.elapsed(), 5 * S);
}

#[simoom::test(start_paused = true)]
async fn what_is_due_is_woken_before_advancing_is_over() {
    let start = Instant::now();
    let due = simoom::spawn(async move {
        sleep(2 * S).await;
        start.elapsed()
    });
    let later = simoom::spawn(sleep(4 * S));
    yield_now().await;
    time::advance(3 * S).await;
    assert_eq!(start.elapsed(), 3 * S);
    assert!(due.is_finished() && !later.is_finished());
    // It saw the moment to which the clock was moved.
    assert_eq!(due.await.unwrap(), 3 * S);
    later.await.unwrap();
    assert_eq!(start.elapsed(), 4 * S);
}

#[simoom::test(start_paused = true)]
async fn ticks_are_missed_where_it_is_moved_past_them() {
    let mut ticks = interval(S);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    let start = Instant::now();
    time::advance(3 * S + S / 2).await;
    ticks.tick().await;
    ticks.tick().await;
    assert_eq!(start.elapsed(), 4 * S);
}

#[simoom::test]
async fn it_can_be_stopped_and_started() {
    time::pause();
    let start = Instant::now();
    sleep(DAY).await;
    time::resume();
    assert!(start.elapsed() >= DAY);
    let (start, real) = (Instant::now(), std::time::Instant::now());
    sleep(5 * MS).await;
    assert!(start.elapsed() >= 5 * MS && real.elapsed() >= 5 * MS);
    time::pause();
    let start = Instant::now();
    sleep(DAY).await;
    assert_eq!(start.elapsed(), DAY);
}

#[simoom::test(start_paused = true)]
async fn it_waits_for_blocking_work() {
    let start = Instant::now();
    let work = spawn_blocking(|| thread::sleep(30 * MS));
    timeout(DAY, work).await.unwrap().unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    let file = timeout(DAY, simoom::fs::metadata("/")).await.unwrap();
    assert!(file.unwrap().is_dir());
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[simoom::test(start_paused = true)]
async fn other_threads_see_it_too() {
    let start = Instant::now();
    time::advance(DAY).await;
    let handle = Handle::current();
    let seen = thread::spawn(move || {
        let _inside = handle.enter();
        Instant::now()
    });
    assert_eq!(seen.join().unwrap(), start + DAY);
}

#[simoom::test(start_paused = true)]
#[should_panic(expected = "the clock of this runtime stands already")]
async fn it_is_not_stopped_twice() {
    time::pause();
}

#[simoom::test]
#[should_panic(expected = "the clock of this runtime runs")]
async fn it_is_not_started_twice() {
    time::resume();
}

#[simoom::test]
#[should_panic(expected = "the clock of this runtime runs")]
async fn it_is_not_moved_while_it_runs() {
    time::advance(S).await;
}

#[test]
#[should_panic(expected = "outside a simoom runtime")]
fn it_is_a_runtimes() {
    time::pause();
}
