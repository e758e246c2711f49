//! Blocking closures under the simulator: who goes first, what a kill leaves, what a report says.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, SystemTime};

use simoom::runtime::Handle;
use simoom::sync::{Mutex, Notify, mpsc, oneshot};
use simoom::task::{spawn_blocking, yield_now};
use simoom::time::{Instant, sleep};
use simoom_sim::{Config, RunSummary, Sim, Strategy, check};

fn config() -> Config {
    Config::default().persist(false).seeds(30)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Waits for a notification that never comes.
fn wait_for_ever() {
    Handle::current().block_on(std::future::pending::<()>());
}

/// Adds 1 to a counter that another adds to, holding the lock for each step alone.
fn add_carelessly(counter: &Mutex<u32>) {
    let seen = *counter.blocking_lock();
    *counter.blocking_lock() = seen + 1;
}

async fn lost_update(_: Sim) {
    let counter = Arc::new(Mutex::new(0));
    let shared = counter.clone();
    let closure = spawn_blocking(move || add_carelessly(&shared));
    let seen = *counter.lock().await;
    *counter.lock().await = seen + 1;
    closure.await.unwrap();
    assert_eq!(*counter.lock().await, 2, "an update was lost");
}

#[test]
fn an_update_lost_between_a_closure_and_a_task_is_found_and_shrunk() {
    let report = check(config().seeds(100), lost_update);
    let found = report.failure().expect("some seed loses the update");
    assert!(found.is_confirmed(), "{found}");
    assert!(found.deviations() <= 2, "{found}");
    assert!(found.to_string().contains("an update was lost"), "{found}");
    // The story names the closure by its function.
    let story = found.story().join("\n");
    assert!(story.contains("lost_update"), "{story}");
}

#[test]
fn an_update_lost_between_two_closures_is_found() {
    let report = check(config().seeds(100), |_| async {
        let counter = Arc::new(Mutex::new(0));
        let tasks = [(); 2].map(|()| {
            let shared = counter.clone();
            spawn_blocking(move || add_carelessly(&shared))
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*counter.lock().await, 2, "an update was lost");
    });
    let found = report.failure().expect("some seed loses the update");
    assert!(found.is_confirmed(), "{found}");
}

#[test]
fn careful_closures_pass_every_seed() {
    check(config().seeds(200), |_| async {
        let counter = Arc::new(Mutex::new(0));
        let tasks = [(); 3].map(|()| {
            let shared = counter.clone();
            spawn_blocking(move || {
                let mut counter = shared.blocking_lock();
                Handle::current().block_on(yield_now());
                *counter += 1;
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*counter.lock().await, 3);
    })
    .unwrap();
}

/// Closures and tasks that share what they can, and look at what differs between threads.
async fn mixture(sim: Sim) {
    let (sender, mut receiver) = mpsc::channel(2);
    let total = Arc::new(Mutex::new(0_u64));
    for number in 0..4_u64 {
        let (sender, total) = (sender.clone(), total.clone());
        if number % 2 == 0 {
            simoom::spawn(async move {
                *total.lock().await += number;
                sender.send(number.to_string()).await.unwrap();
            });
            continue;
        }
        spawn_blocking(move || {
            *total.blocking_lock() += simoom::rand::below(10);
            let order: Vec<_> = HashMap::from([(1, ()), (2, ()), (3, ()), (4, ())])
                .into_keys()
                .collect();
            sender.blocking_send(format!("{order:?}")).unwrap();
            let late = Duration::from_micros(simoom::rand::below(500));
            Handle::current().block_on(sleep(late));
            let nested = spawn_blocking(move || total.blocking_lock().to_string());
            let text = Handle::current().block_on(nested).unwrap();
            sender.blocking_send(text).unwrap();
        });
    }
    drop(sender);
    while let Some(text) = receiver.recv().await {
        sim.note(&text);
    }
}

fn runs() -> Vec<RunSummary> {
    let report = check(config().seeds(100), mixture);
    assert!(report.notes().is_empty(), "{:?}", report.notes());
    let runs = report.runs().to_vec();
    report.unwrap();
    runs
}

#[test]
fn the_same_seed_does_the_same_twice() {
    let first = runs();
    let hashes: BTreeSet<_> = first.iter().map(|run| run.hash).collect();
    assert!(hashes.len() > 90, "{} of 100 runs differ", hashes.len());
    assert_eq!(first, runs());
}

const CHILD: &str = "SIMOOM_TEST_BLOCKING_CHILD";

#[test]
fn the_same_seed_does_the_same_in_another_process() {
    let lines = |runs: Vec<RunSummary>| -> Vec<String> {
        let line = |run: RunSummary| format!("run {} {} {}", run.seed, run.hash, run.polls);
        runs.into_iter().map(line).collect()
    };
    if std::env::var_os(CHILD).is_some() {
        println!("\n{}", lines(runs()).join("\n"));
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "the_same_seed_does_the_same_in_another_process",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let theirs: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("run "))
        .map(str::to_owned)
        .collect();
    assert_eq!(theirs, lines(runs()), "{text}");
}

#[test]
fn every_seed_can_choose_another_order() {
    let seen = Arc::new(StdMutex::new(BTreeSet::new()));
    let orders = seen.clone();
    check(config().seeds(60), move |_| {
        let orders = orders.clone();
        async move {
            let order = Arc::new(StdMutex::new(String::new()));
            let tasks: Vec<_> = ["a", "b", "c"]
                .map(|name| {
                    let order = order.clone();
                    spawn_blocking(move || order.lock().unwrap().push_str(name))
                })
                .into();
            for task in tasks {
                task.await.unwrap();
            }
            orders.lock().unwrap().insert(order.lock().unwrap().clone());
        }
    })
    .unwrap();
    assert_eq!(seen.lock().unwrap().len(), 6, "{seen:?}");
}

#[test]
fn a_calm_run_starts_closures_in_order() {
    check(config().seeds(1).strategy(Strategy::Calm), |_| async {
        let order = Arc::new(StdMutex::new(Vec::new()));
        let tasks: Vec<_> = (0..10)
            .map(|number| {
                let order = order.clone();
                spawn_blocking(move || order.lock().unwrap().push(number))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), Vec::from_iter(0..10));
    })
    .unwrap();
}

#[test]
fn no_virtual_time_passes_while_a_closure_computes() {
    check(config().seeds(10), |sim| async move {
        let before = sim.elapsed();
        let inside = spawn_blocking(|| {
            let before = (Instant::now(), std::time::Instant::now(), SystemTime::now());
            let mut sum = 0_u64;
            for number in 0..200_000_u64 {
                sum = std::hint::black_box(sum.wrapping_add(number));
            }
            let after = (Instant::now(), std::time::Instant::now(), SystemTime::now());
            assert_eq!(before, after);
            Handle::current().block_on(sleep(ms(3)));
            assert_eq!(before.0.elapsed(), ms(3));
            assert_eq!(before.1.elapsed(), ms(3));
        });
        inside.await.unwrap();
        assert_eq!(sim.elapsed() - before, ms(3));
    })
    .unwrap();
}

#[test]
fn a_deadlock_names_the_closures_and_where_they_wait() {
    fn holds_both(first: &Mutex<()>, second: &Mutex<()>) {
        let _first = first.blocking_lock();
        Handle::current().block_on(sleep(ms(1)));
        let _second = second.blocking_lock();
    }
    let report = check(config(), |sim| async move {
        let (one, two) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let joined = sim.node("server").spawn(async move {
            let (first, second) = (one.clone(), two.clone());
            let forth = spawn_blocking(move || holds_both(&first, &second));
            let back = spawn_blocking(move || holds_both(&two, &one));
            forth.await.unwrap();
            back.await.unwrap();
        });
        joined.await.unwrap();
    });
    let text = report
        .failure()
        .expect("they wait for each other")
        .to_string();
    assert!(text.contains("deadlock"), "{text}");
    let closures = text.matches("(server/blocking::a_deadlock_names").count();
    assert!(closures >= 2, "{text}");
    assert!(
        text.contains("waits in lock at sim/tests/blocking.rs"),
        "{text}"
    );
    assert!(text.contains("holds_both"), "{text}");
}

/// Two closures that each wait for one of their own, on so many threads.
async fn nested(sim: Sim, threads: usize) {
    let node = sim.node("server").max_blocking_threads(threads);
    let joined = node.spawn(async {
        let outer = || {
            let inner = spawn_blocking(|| 1);
            Handle::current().block_on(inner).unwrap()
        };
        let (one, two) = (spawn_blocking(outer), spawn_blocking(outer));
        one.await.unwrap() + two.await.unwrap()
    });
    assert_eq!(joined.await.unwrap(), 2);
}

#[test]
fn a_pool_whose_threads_all_wait_for_another_is_a_deadlock() {
    let report = check(config(), |sim| nested(sim, 2));
    let text = report
        .failure()
        .expect("both are started first")
        .to_string();
    assert!(
        text.contains("waits for a thread: all of its node's"),
        "{text}"
    );
    assert!(text.contains("waits in join"), "{text}");
}

#[test]
fn a_pool_with_one_thread_to_spare_is_none() {
    check(config(), |sim| nested(sim, 3)).unwrap();
}

#[test]
fn closures_that_wait_for_a_thread_start_in_the_order_in_which_they_came() {
    check(config(), |sim| async move {
        let node = sim.node("server").max_blocking_threads(1);
        let order = node.spawn(async {
            let order = Arc::new(StdMutex::new(Vec::new()));
            let tasks: Vec<_> = (0..8)
                .map(|number| {
                    let order = order.clone();
                    spawn_blocking(move || {
                        Handle::current().block_on(yield_now());
                        order.lock().unwrap().push(number);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            std::mem::take(&mut *order.lock().unwrap())
        });
        assert_eq!(order.await.unwrap(), Vec::from_iter(0..8));
    })
    .unwrap();
}

#[test]
fn a_higher_limit_lets_those_start_that_wait() {
    check(config(), |sim| async move {
        let node = sim.node("server").max_blocking_threads(1);
        let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (wakes, waits) = (second.clone(), first.clone());
        let one = node.spawn(async move {
            spawn_blocking(move || Handle::current().block_on(waits.notified())).await
        });
        sleep(ms(1)).await;
        let two = node.spawn(async move { spawn_blocking(move || wakes.notify_one()).await });
        sleep(ms(1)).await;
        let _ = node.max_blocking_threads(2);
        second.notified().await;
        first.notify_one();
        one.await.unwrap().unwrap();
        two.await.unwrap().unwrap();
    })
    .unwrap();
}

#[test]
fn an_aborted_closure_that_waits_for_a_thread_does_not_run() {
    check(config(), |sim| async move {
        let node = sim.node("server").max_blocking_threads(1);
        let joined = node.spawn(async {
            let (sender, receiver) = oneshot::channel::<()>();
            let (started, start) = oneshot::channel();
            let first = spawn_blocking(move || {
                started.send(()).unwrap();
                receiver.blocking_recv()
            });
            start.await.unwrap();
            let second = spawn_blocking(|| unreachable!("it was aborted"));
            second.abort();
            sender.send(()).unwrap();
            first.await.unwrap().unwrap();
            second.await
        });
        assert!(joined.await.unwrap().unwrap_err().is_cancelled());
    })
    .unwrap();
}

#[test]
fn threads_keep_what_is_theirs_within_an_incarnation_only() {
    thread_local! {
        static SEEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }
    fn visit(who: &'static str) -> Vec<&'static str> {
        SEEN.with_borrow_mut(|seen| {
            seen.push(who);
            seen.clone()
        })
    }
    check(config(), |sim| async move {
        let on = |node: &str, who: &'static str| {
            sim.node(node)
                .spawn(async move { spawn_blocking(move || visit(who)).await.unwrap() })
        };
        assert_eq!(on("a", "first").await.unwrap(), ["first"]);
        assert_eq!(on("a", "second").await.unwrap(), ["first", "second"]);
        assert_eq!(on("b", "third").await.unwrap(), ["third"]);
        let node = sim.node("a");
        node.kill();
        assert_eq!(on("b", "fourth").await.unwrap(), ["third", "fourth"]);
        sim.node("c").run(|| async {
            assert_eq!(spawn_blocking(|| visit("boot")).await.unwrap(), ["boot"])
        });
        sleep(ms(1)).await;
        sim.node("c").restart();
        sleep(ms(1)).await;
    })
    .unwrap();
}

#[test]
fn a_closure_that_waits_at_the_end_of_the_run_is_unwound() {
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = dropped.clone();
    let report = check(config().seeds(50), move |_| {
        let counter = counter.clone();
        async move {
            struct Count(Arc<AtomicU64>);
            impl Drop for Count {
                fn drop(&mut self) {
                    self.0.fetch_add(1, Ordering::SeqCst);
                }
            }
            let (started, start) = oneshot::channel();
            let count = Count(counter);
            spawn_blocking(move || {
                let _count = count;
                started.send(()).unwrap();
                wait_for_ever();
            });
            start.await.unwrap();
        }
    });
    assert!(report.notes().is_empty(), "{:?}", report.notes());
    report.unwrap();
    // The calm run before the seeds counts too.
    assert!(dropped.load(Ordering::SeqCst) >= 50);
}

#[test]
fn a_closure_that_catches_what_unwinds_it_is_left_behind_and_counted() {
    let report = check(config().seeds(2), |_| async {
        spawn_blocking(|| {
            loop {
                let _ = std::panic::catch_unwind(wait_for_ever);
            }
        });
        sleep(ms(1)).await;
    });
    let notes = report.notes().join("\n");
    assert!(
        notes.contains("threads of blocking closures are left behind"),
        "{notes}"
    );
    report.unwrap();
}

#[test]
fn a_closure_that_catches_what_unwinds_it_and_returns_is_gone() {
    let report = check(config().seeds(2), |_| async {
        spawn_blocking(|| {
            let _ = std::panic::catch_unwind(wait_for_ever);
            let _ = std::panic::catch_unwind(wait_for_ever);
        });
        sleep(ms(1)).await;
    });
    assert!(report.notes().is_empty(), "{:?}", report.notes());
    report.unwrap();
}

#[test]
fn a_destructor_that_waits_while_its_closure_is_unwound_is_left_behind_and_counted() {
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            wait_for_ever();
        }
    }
    let report = check(config().seeds(2), |_| async {
        spawn_blocking(|| {
            let _waits = Waits;
            wait_for_ever();
        });
        sleep(ms(1)).await;
    });
    let notes = report.notes().join("\n");
    assert!(
        notes.contains("threads of blocking closures are left behind"),
        "{notes}"
    );
    report.unwrap();
}

#[test]
fn a_closure_that_never_gives_way_is_ended_with_its_stack() {
    #[inline(never)]
    fn spins_in_a_closure() {
        loop {
            std::hint::black_box(());
        }
    }
    const NAME: &str = "a_closure_that_never_gives_way_is_ended_with_its_stack";
    if std::env::var_os(CHILD).is_some() {
        check(config().seeds(1).watchdog(ms(300)), |sim| async move {
            let hot = sim.node("hot");
            let _ = hot
                .spawn(async { spawn_blocking(spins_in_a_closure).await })
                .await;
        })
        .unwrap();
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("a poll has not returned"), "{text}");
    assert!(
        text.contains("task hot/blocking::a_closure_that_never"),
        "{text}"
    );
    // The task is called after the closure, too: look for it in the stack.
    let (_, stack) = text.split_once("this is its stack:").expect("a stack");
    assert!(stack.contains("spins_in_a_closure"), "{text}");
}

#[test]
fn a_closure_that_waits_for_a_parked_one_outside_simoom_is_ended() {
    const NAME: &str = "a_closure_that_waits_for_a_parked_one_outside_simoom_is_ended";
    if std::env::var_os(CHILD).is_some() {
        check(config().seeds(1).watchdog(ms(300)), |_| async {
            let lock = Arc::new(StdMutex::new(()));
            let (held, holds) = (lock.clone(), Arc::new(Notify::new()));
            let waits = holds.clone();
            spawn_blocking(move || {
                let _guard = held.lock();
                Handle::current().block_on(waits.notified());
            });
            sleep(ms(1)).await;
            spawn_blocking(move || drop(lock.lock())).await.unwrap();
            holds.notify_one();
        })
        .unwrap();
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("a poll has not returned"), "{text}");
}

#[test]
fn a_handle_of_an_ended_run_starts_no_closure() {
    let kept = Arc::new(StdMutex::new(None));
    let keep = kept.clone();
    check(config().seeds(1), move |_| {
        let keep = keep.clone();
        async move { *keep.lock().unwrap() = Some(Handle::current()) }
    })
    .unwrap();
    let handle = kept.lock().unwrap().take().unwrap();
    assert!(handle.spawn_blocking(|| 1).is_finished());
}

#[test]
fn worlds_that_run_side_by_side_keep_their_closures_apart() {
    check(config().seeds(200).jobs(4), |sim| async move {
        let seed = sim.seed();
        let total = Arc::new(AtomicU64::new(0));
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let (total, sim) = (total.clone(), sim.clone());
                spawn_blocking(move || {
                    for _ in 0..3 {
                        assert_eq!(sim.seed(), seed);
                        Handle::current().block_on(yield_now());
                        total.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(total.load(Ordering::SeqCst), 15);
    })
    .unwrap();
}
