//! The end of all tasks. The numbers are those of what asyncio promises of its runner and its tasks.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use simoom::runtime::{Builder, Runtime};
use simoom::task::{self, Shutdown, TaskState, catch_cancel, shield, yield_now};
use simoom::time::{Duration, Instant, sleep};
use simoom_sim::{Config, check};
use simoom_tests::{DropFlag, both, panic_text, settle};

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(20);

/// Waits until it is asked to end, takes its time to clean up, and counts that.
async fn cleans_up(count: Arc<AtomicU32>) {
    let asked = catch_cancel(pending::<()>()).await;
    assert_eq!(asked.unwrap_err().reason(), Some(Shutdown::REASON));
    sleep(5 * MS).await;
    count.fetch_add(1, SeqCst);
}

both! {
    async fn run_5_tasks_are_asked_and_waited_for() {
        let count = Arc::new(AtomicU32::new(0));
        for _ in 0..3 {
            drop(simoom::spawn(cleans_up(count.clone())));
        }
        drop(task::spawn_local(cleans_up(count.clone())));
        let none = simoom::spawn(pending::<()>());
        settle().await;
        let shutdown = task::end_all(LONG).await;
        assert_eq!(count.load(SeqCst), 4);
        assert!(shutdown.is_clean() && task::all().is_empty());
        assert_eq!(shutdown.to_string(), "all tasks have ended");
        let error = none.await.unwrap_err();
        assert_eq!(error.cancel_reason(), Some(Shutdown::REASON));
        // Nobody is left, which is no error.
        assert!(task::end_all(LONG).await.is_clean());
        assert_eq!(simoom::spawn(async { 5 }).await.unwrap(), 5);
    }

    async fn tsk_6_those_that_take_too_long_are_dropped_and_listed() {
        let (count, flag) = (Arc::new(AtomicU32::new(0)), DropFlag::default());
        let held = flag.guard();
        let stubborn = async move {
            let _held = held;
            shield(sleep(Duration::from_secs(1_000))).await;
        };
        let stubborn = task::Builder::new().name("stubborn").spawn(stubborn).unwrap();
        drop(simoom::spawn(cleans_up(count.clone())));
        let other = simoom::spawn(async {
            let _ = catch_cancel(pending::<()>()).await;
            pending::<()>().await;
        });
        settle().await;
        let begun = Instant::now();
        let shutdown = task::end_all(50 * MS).await;
        assert!(begun.elapsed() >= 50 * MS);
        assert!(flag.is_set(), "dropped before this returns");
        assert_eq!(count.load(SeqCst), 1);
        let [one, two] = shutdown.dropped() else { panic!("{shutdown}") };
        assert_eq!((one.id(), one.name()), (stubborn.id(), Some("stubborn")));
        assert_eq!(one.state(), TaskState::Waiting);
        assert_eq!(one.waits_for().unwrap().operation(), "sleep");
        assert!(one.spawned_at().file().ends_with("end_all.rs"));
        assert_eq!(two.id(), other.id());
        let text = shutdown.to_string();
        assert!(text.starts_with("2 tasks were dropped before they had ended\n  task "), "{text}");
        assert!(text.contains(" stubborn, spawned at ") && text.contains("waits in sleep at "), "{text}");
        assert!(stubborn.await.unwrap_err().is_cancelled());
        assert!(other.await.unwrap_err().is_cancelled());
        assert!(task::all().is_empty());
    }

    async fn what_is_spawned_to_clean_up_is_asked_when_that_is_done() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let noted = order.clone();
        drop(simoom::spawn(async move {
            let _ = catch_cancel(pending::<()>()).await;
            let noted_too = noted.clone();
            let saves = simoom::spawn(async move {
                sleep(10 * MS).await;
                noted_too.lock().unwrap().push("saved");
            });
            let noted_last = noted.clone();
            drop(simoom::spawn(async move {
                let _ = catch_cancel(pending::<()>()).await;
                noted_last.lock().unwrap().push("asked");
            }));
            saves.await.unwrap();
            noted.lock().unwrap().push("done");
        }));
        settle().await;
        assert!(task::end_all(LONG).await.is_clean());
        assert_eq!(*order.lock().unwrap(), ["saved", "done", "asked"]);
    }

    async fn the_task_that_ends_all_others_is_left_alone() {
        let ends = simoom::spawn(async {
            let other = simoom::spawn(pending::<()>());
            yield_now().await;
            let shutdown = task::end_all(LONG).await;
            yield_now().await;
            (shutdown.is_clean(), other.is_finished(), task::is_cancelled())
        });
        assert_eq!(ends.await.unwrap(), (true, true, false));
    }

    async fn with_no_time_at_all_everything_is_dropped() {
        let flag = DropFlag::default();
        let held = flag.guard();
        drop(simoom::spawn(async move {
            let _held = held;
            let _ = catch_cancel(pending::<()>()).await;
            pending::<()>().await;
        }));
        settle().await;
        let shutdown = task::end_all(Duration::ZERO).await;
        assert_eq!(shutdown.dropped().len(), 1);
        assert!(flag.is_set());
    }

    async fn a_panic_on_the_way_is_the_tasks_own() {
        let panics = simoom::spawn(async {
            let _ = catch_cancel(pending::<()>()).await;
            panic!("while it cleaned up");
        });
        settle().await;
        assert!(task::end_all(LONG).await.is_clean());
        let error = panics.await.unwrap_err();
        assert!(error.to_string().contains("while it cleaned up"), "{error}");
    }

    async fn a_task_says_how_it_can_be_stopped() {
        let task = simoom::spawn(pending::<()>());
        settle().await;
        for info in task::all() {
            assert!(info.abort_handle().cancel_with("swept"));
        }
        assert_eq!(task.await.unwrap_err().cancel_reason(), Some("swept"));
    }
}

#[test]
fn run_5_a_runtime_that_is_shut_down_waits_for_its_tasks() {
    let (count, flag) = (Arc::new(AtomicU32::new(0)), DropFlag::default());
    let runtime = Runtime::new().unwrap();
    runtime.spawn(cleans_up(count.clone()));
    let held = flag.guard();
    let value = runtime.block_on(async {
        drop(task::spawn_local(cleans_up(count.clone())));
        drop(simoom::spawn(async {
            let _held = held;
            shield(pending::<()>()).await;
        }));
        settle().await;
        7
    });
    let closure_ended = Arc::new(AtomicBool::new(false));
    let ended = closure_ended.clone();
    runtime.spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(5));
        ended.store(true, SeqCst);
    });
    let shutdown = runtime.shutdown_within(200 * MS);
    assert_eq!((value, count.load(SeqCst)), (7, 2));
    assert_eq!(shutdown.dropped().len(), 1, "{shutdown}");
    assert!(flag.is_set());
    assert!(closure_ended.load(SeqCst));
}

#[test]
fn run_6_a_panic_during_the_shutdown_is_told_to_whoever_asked() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let runtime = Builder::new_current_thread()
        .on_unobserved_failure(move |failure| log.lock().unwrap().push(failure.to_string()))
        .build()
        .unwrap();
    runtime.spawn(async {
        let _ = catch_cancel(pending::<()>()).await;
        panic!("while it cleaned up");
    });
    assert_eq!(
        runtime.block_on(async {
            settle().await;
            7
        }),
        7
    );
    assert!(runtime.shutdown_within(LONG).is_clean());
    let told = told.lock().unwrap();
    assert!(
        told.len() == 1 && told[0].contains("while it cleaned up"),
        "{told:?}"
    );
}

/// A runtime that asks its tasks when it is dropped, and what it tells.
fn asking(bound: Duration) -> (Runtime, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let runtime = Builder::new_current_thread()
        .shutdown_within(bound)
        .on_shutdown(move |shutdown| log.lock().unwrap().push(shutdown.to_string()))
        .build()
        .unwrap();
    (runtime, told)
}

#[test]
fn a_runtime_that_is_built_so_asks_its_tasks_when_it_is_dropped() {
    let count = Arc::new(AtomicU32::new(0));
    let (runtime, told) = asking(LONG);
    runtime.spawn(cleans_up(count.clone()));
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(count.load(SeqCst), 1);
    assert_eq!(*told.lock().unwrap(), ["all tasks have ended"]);

    let (runtime, told) = asking(20 * MS);
    runtime.spawn(shield(pending::<()>()));
    runtime.block_on(settle());
    drop(runtime);
    let told = told.lock().unwrap();
    assert!(
        told.len() == 1 && told[0].starts_with("1 task was dropped"),
        "{told:?}"
    );
}

#[test]
fn a_runtime_asks_nobody_by_default_nor_when_it_is_to_be_gone_at_once() {
    let count = Arc::new(AtomicU32::new(0));
    let runtime = Runtime::new().unwrap();
    runtime.spawn(cleans_up(count.clone()));
    runtime.block_on(settle());
    drop(runtime);

    let (runtime, told) = asking(LONG);
    runtime.spawn(cleans_up(count.clone()));
    runtime.block_on(settle());
    runtime.shutdown_background();
    assert!(told.lock().unwrap().is_empty());

    // Inside another one nothing can be run.
    let (runtime, told) = asking(LONG);
    runtime.spawn(cleans_up(count.clone()));
    runtime.block_on(settle());
    Runtime::new().unwrap().block_on(async { drop(runtime) });
    assert!(told.lock().unwrap().is_empty());
    assert_eq!(count.load(SeqCst), 0);
}

#[test]
fn a_main_that_panics_leaves_its_tasks_time_too() {
    let count = Arc::new(AtomicU32::new(0));
    let counts = count.clone();
    let panicked = std::panic::catch_unwind(move || {
        let (runtime, _) = asking(LONG);
        runtime.block_on(async {
            drop(simoom::spawn(cleans_up(counts)));
            settle().await;
            panic!("main's own");
        });
    });
    assert_eq!(panic_text(&*panicked.unwrap_err()), "main's own");
    assert_eq!(count.load(SeqCst), 1);
}

#[test]
fn what_is_told_of_a_shutdown_may_panic() {
    let runtime = Builder::new_current_thread()
        .shutdown_within(LONG)
        .on_shutdown(|_| panic!("on purpose"))
        .build()
        .unwrap();
    drop(runtime);
}

#[test]
fn an_entry_point_may_give_its_tasks_time() {
    #[simoom::main(shutdown = "20s")]
    async fn with_time(count: Arc<AtomicU32>) -> u32 {
        drop(simoom::spawn(cleans_up(count)));
        settle().await;
        7
    }
    #[simoom::main]
    async fn without(count: Arc<AtomicU32>) {
        drop(simoom::spawn(cleans_up(count)));
        settle().await;
    }
    let count = Arc::new(AtomicU32::new(0));
    without(count.clone());
    assert_eq!(count.load(SeqCst), 0);
    assert_eq!(with_time(count.clone()), 7);
    assert_eq!(count.load(SeqCst), 1);
}

fn config() -> Config {
    Config::default().seeds(10).persist(false)
}

#[test]
fn a_node_may_give_its_tasks_time() {
    check(config(), |sim| async move {
        let count = Arc::new(AtomicU32::new(0));
        for (name, bound) in [("none", None), ("some", Some(LONG)), ("little", Some(MS))] {
            let (node, count, flag) = (sim.node(name), count.clone(), DropFlag::default());
            let node = match bound {
                Some(bound) => node.shutdown_within(bound),
                None => node,
            };
            let counts = count.clone();
            let is_dropped = flag.clone();
            node.run(move || {
                let (count, held) = (count.clone(), flag.guard());
                async move {
                    drop(simoom::spawn(async move {
                        let _held = held;
                        let _ = catch_cancel(pending::<()>()).await;
                        sleep(Duration::from_secs(1)).await;
                        count.fetch_add(1, SeqCst);
                    }));
                    settle().await;
                }
            });
            sleep(Duration::from_secs(5)).await;
            assert!(is_dropped.is_set() && !node.is_alive());
            assert_eq!(counts.load(SeqCst), u32::from(name != "none"), "{name}");
        }
    })
    .unwrap();
}

#[test]
fn a_node_that_is_killed_while_its_tasks_clean_up_is_gone() {
    check(config(), |sim| async move {
        let node = sim.node("server").shutdown_within(LONG);
        let count = Arc::new(AtomicU32::new(0));
        let counts = count.clone();
        node.run(move || {
            let count = count.clone();
            async move {
                drop(simoom::spawn(async move {
                    let _ = catch_cancel(pending::<()>()).await;
                    sleep(Duration::from_secs(1)).await;
                    count.fetch_add(1, SeqCst);
                }));
                settle().await;
            }
        });
        sleep(200 * MS).await;
        assert!(node.is_alive(), "it waits for its task");
        node.kill();
        sleep(Duration::from_secs(5)).await;
        assert_eq!(counts.load(SeqCst), 0);
    })
    .unwrap();
}
