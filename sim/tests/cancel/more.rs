//! Cancelling by chance, twice, beside another order of tasks, and in the runs of seeds.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use simoom::net::{TcpListener, TcpStream};
use simoom::sync::Mutex;
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::cancel;
use simoom_sim::{Ratio, Sim, Strategy, check};

use crate::config;
use crate::finds::transfer;

/// Whether everything that waits is cancelled is drawn for each seed.
#[test]
fn cancelling_by_chance_is_shrunk_and_shown_by_a_fresh_process() {
    let random = config().cancels(Ratio::one_in(4));
    let report = check(random, |_| async {
        let accounts = Rc::new(Mutex::new((5, 5)));
        let tasks = [(); 3].map(|()| spawn_local(transfer(accounts.clone(), false)));
        for task in tasks {
            drop(task.await);
        }
        let (one, two) = *accounts.lock().await;
        assert_eq!(one + two, 15 - 5, "money is gone");
    });
    let found = report.failure().expect("money is lost");
    assert!(found.is_confirmed(), "{found}");
    let text = found.to_string();
    assert!(text.contains("to 1 cancellation in"), "{text}");
    assert!(found.plan().contains("\ncancel "), "{text}");
}

#[test]
fn seeds_with_cancellations_are_the_same_run_twice() {
    for strategy in [Strategy::Random, Strategy::Pos, Strategy::Pct { depth: 2 }] {
        let random = config()
            .cancels(Ratio::one_in(4))
            .strategy(strategy)
            .doubled(1);
        let report = check(random, |_| async {
            let lock = Rc::new(Mutex::new(0));
            let tasks = [(); 3].map(|()| {
                let lock = lock.clone();
                spawn_local(async move {
                    *lock.lock().await += 1;
                    yield_now().await;
                })
            });
            for task in tasks {
                drop(task.await);
            }
        });
        assert!(report.distinct() > 10, "{strategy}: {}", report.distinct());
        assert_eq!(report.doubled(), 50);
        report.unwrap();
    }
}

/// Two tasks, each of which does what the other leaves undone.
async fn one_of_two_is_enough(_: Sim) {
    let done = Rc::new(Cell::new(false));
    let tasks = [(); 2].map(|()| {
        let done = done.clone();
        spawn_local(async move {
            yield_now().await;
            done.set(true);
        })
    });
    for task in tasks {
        drop(task.await);
    }
    assert!(done.get(), "nobody has done it");
}

#[test]
fn what_needs_two_cancellations_is_found_by_pairs_alone() {
    cancel::every_await(config(), one_of_two_is_enough).unwrap();
    let report = cancel::pairs(config().seeds(1000), one_of_two_is_enough);
    let found = report.failure().expect("both are cancelled");
    assert_eq!(found.deviations(), 2, "{found}");
    assert!(
        found
            .story()
            .iter()
            .all(|line| line.contains("task.cancelled")),
        "{found}"
    );
    let (run, known) = report.pairs().unwrap();
    assert_eq!(run, known);
}

/// The second task notices a first that is cancelled, unless it goes first.
async fn the_first_announces_itself(_: Sim) {
    let (announced, done) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let first = {
        let (announced, done) = (announced.clone(), done.clone());
        spawn_local(async move {
            announced.set(true);
            yield_now().await;
            done.set(true);
        })
    };
    let second = {
        let done = done.clone();
        spawn_local(async move {
            if announced.get() && first.await.is_err() {
                done.set(true);
            }
        })
    };
    drop(second.await);
    sleep(Duration::from_millis(1)).await;
    assert!(done.get(), "nobody has done it");
}

#[test]
fn what_needs_a_cancellation_and_another_order_is_found_by_pairs_alone() {
    let every = cancel::every_await(config(), the_first_announces_itself);
    assert!(every.cancelled() > 0);
    every.unwrap();
    let report = cancel::pairs(config().seeds(1000), the_first_announces_itself);
    let found = report.failure().expect("the second goes first");
    let story = found.story().join("\n");
    assert!(
        story.contains("task.cancelled") && story.contains("task."),
        "{found}"
    );
    assert_eq!(found.deviations(), 2, "{found}");
}

#[test]
fn no_more_pairs_are_run_than_there_are_seeds() {
    let report = cancel::pairs(config().seeds(3), |_| async {
        let tasks = [(); 3].map(|()| spawn_local(yield_now()));
        for task in tasks {
            drop(task.await);
        }
    });
    let (run, known) = report.pairs().unwrap();
    assert_eq!(run, 3);
    assert!(known > 10, "{known}");
    assert_eq!(report.report().runs().len(), 6 + 3);
}

#[test]
fn the_run_of_a_seed_can_be_cancelled_everywhere() {
    let body = |_| async {
        let lock = Rc::new(Mutex::new(0));
        let tasks = [(); 3].map(|()| {
            let lock = lock.clone();
            spawn_local(async move {
                *lock.lock().await += 1;
                yield_now().await;
            })
        });
        for task in tasks {
            drop(task.await);
        }
    };
    let seed = |seed| config().strategy(Strategy::Random).seed(seed);
    let hashes = |report: &cancel::CancelReport| -> Vec<_> {
        report.report().runs().iter().map(|run| run.hash).collect()
    };
    let (one, two) = (
        cancel::every_await(seed(1), body),
        cancel::every_await(seed(2), body),
    );
    assert_eq!(one.cancelled(), one.points(), "{one}");
    assert!(one.points() >= 3, "{one}");
    assert_ne!(hashes(&one), hashes(&two));
    assert_eq!(hashes(&one), hashes(&cancel::every_await(seed(1), body)));
}

/// Three times as it waits for each time when it is woken, about, and never more often than asked.
#[test]
fn cancelling_by_chance_keeps_to_its_odds() {
    let count = |odds| {
        let config = config().seeds(200).cancels(odds).strategy(Strategy::Random);
        let ends = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counted = ends.clone();
        check(config, move |_| {
            let counted = counted.clone();
            async move {
                if spawn_local(yield_now()).await.is_err() {
                    counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        })
        .unwrap();
        ends.load(std::sync::atomic::Ordering::Relaxed)
    };
    assert_eq!(count(Ratio::NEVER), 0);
    assert!(count(Ratio::ALWAYS) >= 200);
    let some = count(Ratio::one_in(10));
    assert!((5..60).contains(&some), "{some}");
}

/// The run of a seed in which two tasks race: another order of them, or a second cancellation.
#[test]
fn pairs_are_laid_over_the_run_of_a_seed() {
    let hashes = |report: &cancel::CancelReport| -> Vec<_> {
        report.report().runs().iter().map(|run| run.hash).collect()
    };
    let body = |_| async {
        let lock = Rc::new(Mutex::new(0));
        let tasks = [(); 3].map(|()| {
            let lock = lock.clone();
            spawn_local(async move {
                *lock.lock().await += 1;
                yield_now().await;
                *lock.lock().await += 1;
            })
        });
        for task in tasks {
            drop(task.await);
        }
    };
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let seed = |seed| config().strategy(strategy).seed(seed).seeds(100);
        let mut seen = std::collections::BTreeSet::new();
        for number in 1..5 {
            let every = cancel::every_await(seed(number), body);
            let pairs = cancel::pairs(seed(number), body);
            let (singles, both) = (hashes(&every), hashes(&pairs));
            // Each with one cancellation is the same run, then come those with two disturbances.
            assert_eq!(singles, both[..singles.len()], "{strategy}, seed {number}");
            let (run, known) = pairs.pairs().unwrap();
            assert_eq!(both.len(), singles.len() + run);
            assert!(known > 20, "{strategy}, seed {number}: {known}");
            assert_eq!(both, hashes(&cancel::pairs(seed(number), body)));
            seen.extend(both);
            pairs.unwrap();
        }
        assert!(seen.len() > 200, "{strategy}: {}", seen.len());
    }
}

/// Fails where two tasks ran the other way round than calm has it, and both were cancelled since.
async fn the_second_first_and_neither_ends(_: Sim) {
    let (order, ended) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let tasks = [1, 2].map(|number| {
        let (order, ended) = (order.clone(), ended.clone());
        spawn_local(async move {
            order.set(order.get() * 10 + number);
            yield_now().await;
            ended.set(ended.get() + 1);
        })
    });
    for task in tasks {
        drop(task.await);
    }
    assert!(order.get() != 21 || ended.get() > 0, "21, and neither");
}

#[test]
fn what_needs_a_seed_and_two_cancellations_is_found_by_pairs_of_that_seed() {
    cancel::pairs(config().seeds(1000), the_second_first_and_neither_ends).unwrap();
    let strategy = Strategy::Random;
    let of_seed = |seed| {
        let config = config().seeds(1000).strategy(strategy).seed(seed);
        cancel::pairs(config, the_second_first_and_neither_ends)
    };
    let report = (1..20).map(of_seed).find(|it| it.failure().is_some());
    let report = report.expect("some seed has the other order");
    let found = report.failure().unwrap();
    let story = found.story();
    let cancelled = story.iter().filter(|it| it.contains("task.cancelled"));
    assert_eq!((cancelled.count(), story.len()), (2, 3), "{found}");
    assert!(found.is_confirmed(), "{found}");
}

/// What closes the connection of a task that is cancelled calls for choices of its own, which come
/// after that it was cancelled.
#[test]
fn what_destructors_call_for_does_not_hide_the_lock_that_was_held() {
    async fn holds(lock: Rc<Mutex<()>>) {
        let _stream = TcpStream::connect("server:80").await.unwrap();
        let _held = lock.lock().await;
        sleep(Duration::from_millis(1)).await;
    }
    let body = |sim: Sim| async move {
        let server = sim.node("server").run(|| async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            let mut kept = Vec::new();
            while let Ok(accepted) = listener.accept().await {
                kept.push(accepted);
            }
        });
        sleep(Duration::from_millis(1)).await;
        let lock = Rc::new(Mutex::new(()));
        drop(spawn_local(holds(lock.clone())).await);
        drop(lock.lock().await);
        sleep(Duration::from_millis(50)).await;
        server.kill();
    };
    for seed in 1..6 {
        let config = config().strategy(Strategy::Random).seed(seed).seeds(20);
        let report = cancel::pairs(config, body);
        let held = report.held_locks();
        assert_eq!(held.len(), 1, "seed {seed}: {report}");
        report.unwrap();
    }
}
