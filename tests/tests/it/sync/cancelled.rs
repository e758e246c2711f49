//! What becomes of the others when one task is cancelled, at each of its awaits.

use std::cell::Cell;
use std::rc::Rc;

use simoom::asyncio::{Barrier, BrokenBarrier};
use simoom::sync::{OnceCell, SetOnce, broadcast, watch};
use simoom::task::{spawn_local, yield_now};
use simoom_sim::cancel::{CancelReport, every_await};
use simoom_sim::{Config, Sim};

/// Runs `body` with each await of its tasks cancelled once, and asks for so many of these awaits at
/// least.
#[track_caller]
fn at_every_await<F, T>(points: usize, body: F)
where
    F: Fn(Sim) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + 'static,
{
    let config = Config::default().persist(false).seeds(20);
    let report: CancelReport = every_await(config, body);
    let found = report.points();
    assert!(found >= points, "{found} awaits:\n{report}");
    report.unwrap();
}

#[test]
fn a_barrier_lets_a_group_through_without_one_that_was_cancelled() {
    at_every_await(2, |_| async {
        let barrier = Rc::new(Barrier::new(2));
        let tasks = [(); 3].map(|()| {
            let barrier = barrier.clone();
            spawn_local(async move { barrier.wait().await.map(|passed| passed.index()) })
        });
        for _ in 0..10 {
            yield_now().await;
        }
        // Two have met, and one of three is left, or none, if the other was cancelled as it waited.
        if barrier.waiting() == 1 {
            barrier.wait().await.unwrap();
        }
        let mut numbers = Vec::new();
        for task in tasks {
            numbers.extend(task.await.ok().map(Result::unwrap));
        }
        assert!(numbers.len() >= 2, "one is cancelled at most");
        let first = numbers.iter().filter(|number| **number == 0);
        assert!(first.count() <= 2, "{numbers:?}");
        assert_eq!(barrier.waiting(), 0);
    });
}

#[test]
fn a_broken_barrier_tells_the_others() {
    at_every_await(2, |_| async {
        let barrier = Rc::new(Barrier::new(3));
        let tasks = [(); 2].map(|()| {
            let barrier = barrier.clone();
            spawn_local(async move { barrier.wait().await })
        });
        yield_now().await;
        barrier.abort();
        for task in tasks {
            assert!(matches!(task.await, Err(_) | Ok(Err(BrokenBarrier))));
        }
        barrier.reset();
        let all = (barrier.wait(), barrier.wait(), barrier.wait());
        let (one, two, three) = simoom::join!(all.0, all.1, all.2);
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
    });
}

#[test]
fn a_cell_is_filled_without_one_that_was_cancelled() {
    at_every_await(2, |_| async {
        let cell = Rc::new(OnceCell::new());
        let made = Rc::new(Cell::new(0));
        let tasks = [1, 2].map(|number| {
            let (cell, made) = (cell.clone(), made.clone());
            spawn_local(async move {
                let make = async || {
                    yield_now().await;
                    made.set(made.get() + 1);
                    number
                };
                *cell.get_or_init(make).await
            })
        });
        for task in tasks {
            if let Ok(value) = task.await {
                assert_eq!(cell.get(), Some(&value));
            }
        }
        assert_eq!(made.get(), 1);
        assert!([1, 2].contains(cell.get_or_init(async || 3).await));
    });
}

#[test]
fn a_value_set_once_is_told_to_the_others() {
    at_every_await(2, |_| async {
        let cell = Rc::new(SetOnce::new());
        let tasks = [(); 2].map(|()| {
            let cell = cell.clone();
            spawn_local(async move { *cell.wait().await })
        });
        yield_now().await;
        cell.set(5).unwrap();
        let mut told = 0;
        for task in tasks {
            told += usize::from(task.await.is_ok_and(|value| value == 5));
        }
        assert!(told >= 1, "one is cancelled at most");
    });
}

#[test]
fn receivers_see_the_last_value_without_one_that_was_cancelled() {
    at_every_await(2, |_| async {
        let (sender, receiver) = watch::channel(0);
        let tasks = [receiver.clone(), receiver].map(|mut receiver| {
            spawn_local(async move {
                while *receiver.borrow_and_update() < 3 {
                    receiver.changed().await.unwrap();
                }
            })
        });
        for number in 1..=3 {
            // The last one is not lost, whoever looks.
            sender.send_replace(number);
            yield_now().await;
        }
        let mut ended = 0;
        for task in tasks {
            ended += usize::from(task.await.is_ok());
        }
        assert!(ended >= 1, "one is cancelled at most");
        sender.closed().await;
    });
}

#[test]
fn receivers_get_everything_without_one_that_was_cancelled() {
    at_every_await(2, |_| async {
        let (sender, receiver) = broadcast::channel(2);
        let tasks = [receiver.resubscribe(), receiver].map(|mut receiver| {
            spawn_local(async move { (receiver.recv().await, receiver.recv().await) })
        });
        for number in [1, 2] {
            let _ = sender.send(number);
            yield_now().await;
        }
        sender.closed().await;
        assert!(sender.is_empty(), "nobody is left to get it");
        let mut ended = 0;
        for task in tasks {
            ended += usize::from(task.await.is_ok_and(|got| got == (Ok(1), Ok(2))));
        }
        assert!(ended >= 1, "one is cancelled at most");
    });
}
