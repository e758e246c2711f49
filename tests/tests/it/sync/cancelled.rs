//! What becomes of the others when one task is cancelled, at each of its awaits.

use std::cell::Cell;
use std::rc::Rc;

use simoom::asyncio::{Barrier, BoundedSemaphore, BrokenBarrier, Condition, Event, Queue};
use simoom::sync::{Mutex, OnceCell, SetOnce, broadcast, watch};
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
fn bar_2_3_4_a_group_goes_through_at_every_await() {
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
fn bar_5_6_the_others_are_told_at_every_await() {
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

#[test]
fn evt_1_2_3_a_flag_is_told_to_the_others_at_every_await() {
    at_every_await(3, |_| async {
        let event = Rc::new(Event::new());
        let tasks = [(); 3].map(|()| {
            let event = event.clone();
            spawn_local(async move { event.wait().await })
        });
        yield_now().await;
        event.set();
        event.clear();
        let mut told = 0;
        for task in tasks {
            told += usize::from(task.await.is_ok());
        }
        assert!(told >= 2, "one is cancelled at most");
    });
}

/// One notification for two who wait: it is used up, or nobody is left.
#[test]
fn cnd_3_5_a_notification_is_not_lost_at_every_await() {
    at_every_await(3, |_| async {
        let shared = Rc::new((Mutex::new(0), Condition::new()));
        let tasks = [(); 2].map(|()| {
            let shared = shared.clone();
            spawn_local(async move {
                let guard = shared.0.lock().await;
                let mut guard = shared.1.wait(guard).await;
                *guard += 1;
            })
        });
        for _ in 0..4 {
            yield_now().await;
        }
        let guard = shared.0.lock().await;
        shared.1.notify_one();
        yield_now().await;
        yield_now().await;
        drop(guard);
        for _ in 0..8 {
            yield_now().await;
        }
        assert!(*shared.0.lock().await >= 1, "one is cancelled at most");
        shared.1.notify_all();
        let mut ended = 0;
        for task in tasks {
            ended += usize::from(task.await.is_ok());
        }
        assert_eq!(shared.0.try_lock().map(|guard| *guard).ok(), Some(ended));
    });
}

#[test]
fn sem_4_5_6_permits_come_back_at_every_await() {
    at_every_await(3, |_| async {
        let semaphore = Rc::new(BoundedSemaphore::new(1));
        let tasks = [(); 3].map(|()| {
            let semaphore = semaphore.clone();
            spawn_local(async move {
                let _permit = semaphore.acquire().await;
                yield_now().await;
            })
        });
        for task in tasks {
            let _ = task.await;
        }
        assert_eq!(semaphore.available_permits(), 1);
        assert!(semaphore.release().is_err());
    });
}

/// Items that nobody has got are there, whoever was cancelled as it put or got one.
#[test]
fn q_3_5_6_8_9_items_are_not_lost_at_every_await() {
    at_every_await(4, |_| async {
        let queue = Rc::new(Queue::new(1));
        let put = Rc::new(Cell::new(0));
        let got = Rc::new(Cell::new(0));
        let putting = [(); 2].map(|()| {
            let (queue, put) = (queue.clone(), put.clone());
            spawn_local(async move {
                for _ in 0..2 {
                    queue.put(()).await.unwrap();
                    put.set(put.get() + 1);
                }
            })
        });
        let getting = [(); 2].map(|()| {
            let (queue, got) = (queue.clone(), got.clone());
            spawn_local(async move {
                while queue.get().await.is_ok() {
                    got.set(got.get() + 1);
                    queue.task_done().unwrap();
                }
            })
        });
        for task in putting {
            let _ = task.await;
        }
        queue.join().await;
        queue.shutdown();
        for task in getting {
            let _ = task.await;
        }
        assert_eq!(put.get(), got.get());
        assert!(put.get() >= 2, "one is cancelled at most");
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
    });
}
