//! Waiting with a lock given back meanwhile.

use std::sync::Arc;

use futures::future::join_all;
use simoom::asyncio::Condition;
use simoom::sync::{Mutex, oneshot};
use simoom::task::{JoinHandle, yield_now};
use simoom::time::{Duration, Instant, sleep, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

#[derive(Default)]
struct Shared {
    lock: Mutex<Vec<u32>>,
    changed: Condition,
}

/// Starts tasks that wait and then note their numbers, each in line before the next.
async fn waiters(shared: &Arc<Shared>, numbers: std::ops::Range<u32>) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    for number in numbers {
        let shared = shared.clone();
        tasks.push(simoom::spawn(async move {
            let guard = shared.lock.lock().await;
            let mut guard = shared.changed.wait(guard).await;
            guard.push(number);
        }));
        settle().await;
    }
    tasks
}

both! {
    async fn cnd_1_a_predicate_that_holds_is_not_waited_for() {
        let shared = Shared::default();
        let guard = shared.lock.lock().await;
        let guard = shared.changed.wait_for(guard, |noted| noted.is_empty()).await;
        assert!(shared.lock.try_lock().is_err());
        drop(guard);
    }

    async fn cnd_2_the_lock_is_given_back_and_taken_again() {
        let shared = Arc::new(Shared::default());
        let tasks = waiters(&shared, 0..1).await;
        let mut guard = timeout(100 * MS, shared.lock.lock()).await.expect("it was given back");
        guard.push(7);
        shared.changed.notify_one();
        settle().await;
        assert_eq!(*guard, [7], "whoever notified has it");
        drop(guard);
        join_all(tasks).await;
        assert_eq!(*shared.lock.lock().await, [7, 0]);
    }

    async fn cnd_2_the_lock_is_taken_again_when_the_task_is_asked_to_end() {
        let shared = Arc::new(Shared::default());
        let task = simoom::spawn({
            let shared = shared.clone();
            async move {
                let guard = shared.lock.lock().await;
                let (mut guard, waited) = shared.changed.wait_or_cancelled(guard).await;
                guard.push(u32::from(waited.is_err()));
            }
        });
        settle().await;
        let guard = shared.lock.lock().await;
        task.cancel();
        settle().await;
        assert!(guard.is_empty(), "it waits for the lock");
        assert!(!task.is_finished());
        drop(guard);
        task.await.unwrap();
        assert_eq!(*shared.lock.lock().await, [1]);
    }

    async fn cnd_3_so_many_are_notified_in_their_order() {
        let shared = Arc::new(Shared::default());
        let tasks = waiters(&shared, 0..6).await;
        // Which of those that were notified together has the lock first is up to the world.
        let noted = async || {
            settle().await;
            let mut noted = shared.lock.lock().await.clone();
            noted.sort_unstable();
            noted
        };
        shared.changed.notify(2);
        assert_eq!(noted().await, [0, 1]);
        shared.changed.notify_one();
        assert_eq!(noted().await, [0, 1, 2]);
        shared.changed.notify(2048);
        join_all(tasks).await;
        assert_eq!(noted().await, [0, 1, 2, 3, 4, 5]);
    }

    async fn cnd_4_a_request_to_end_that_comes_after_the_notification_is_not_lost() {
        let shared = Arc::new(Shared::default());
        let task = simoom::spawn({
            let shared = shared.clone();
            async move {
                let guard = shared.lock.lock().await;
                let (mut guard, waited) = shared.changed.wait_or_cancelled(guard).await;
                guard.push(u32::from(waited.is_err()));
                drop(guard);
                simoom::task::catch_cancel(sleep(1000 * MS)).await.is_err()
            }
        });
        settle().await;
        let guard = shared.lock.lock().await;
        shared.changed.notify_one();
        settle().await;
        // It was notified, and waits for the lock.
        task.cancel();
        drop(guard);
        assert!(task.await.unwrap(), "the next to ask for it is told");
        assert_eq!(*shared.lock.lock().await, [0]);
    }

    async fn cnd_5_a_notification_goes_to_another_when_one_goes_away() {
        let shared = Arc::new(Shared::default());
        let mut tasks = waiters(&shared, 0..3).await;
        let guard = shared.lock.lock().await;
        shared.changed.notify_one();
        settle().await;
        // The first waits for the lock.
        tasks.remove(0).abort();
        settle().await;
        drop(guard);
        tasks.remove(0).await.unwrap();
        assert_eq!(*shared.lock.lock().await, [1]);
        assert!(!tasks[0].is_finished());
        shared.changed.notify_one();
        shared.changed.notify_one();
        join_all(tasks).await;
    }

    async fn cnd_7_after_a_time_limit_the_lock_is_held() {
        let shared = Shared::default();
        let guard = shared.lock.lock().await;
        let (guard, waited) = shared.changed.wait_timeout(guard, MS).await;
        assert!(waited.is_err());
        assert!(shared.lock.try_lock().is_err());
        drop(guard);
        // Whoever has it then is waited for.
        let shared = Arc::new(shared);
        let (send, taken) = oneshot::channel();
        let task = simoom::spawn({
            let shared = shared.clone();
            async move {
                let guard = shared.lock.lock().await;
                send.send(()).unwrap();
                let (guard, waited) = shared.changed.wait_timeout(guard, 4 * MS).await;
                (guard.len(), waited.is_err())
            }
        });
        taken.await.unwrap();
        let mut guard = shared.lock.lock().await;
        sleep(10 * MS).await;
        guard.push(1);
        drop(guard);
        assert_eq!(task.await.unwrap(), (1, true));
        let (_guard, waited) = simoom::join!(
            shared.changed.wait_timeout(shared.lock.lock().await, 1000 * MS),
            async {
                settle().await;
                shared.changed.notify_all();
            }
        ).0;
        assert!(waited.is_ok());
    }

    async fn cnd_8_conditions_share_a_lock() {
        let shared = Arc::new(Shared::default());
        let other = Condition::new();
        let tasks = waiters(&shared, 0..1).await;
        other.notify_all();
        settle().await;
        assert!(!tasks[0].is_finished());
        let guard = shared.lock.lock().await;
        assert!(timeout(MS, other.wait(guard)).await.is_err());
        assert!(timeout(100 * MS, shared.lock.lock()).await.is_ok(), "it was given back");
        shared.changed.notify_all();
        join_all(tasks).await;
    }

    async fn cnd_9_a_value_that_is_counted_up_is_seen() {
        let shared = Arc::new((Mutex::new(0), Condition::new()));
        let begun = Instant::now();
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                simoom::spawn(async move {
                    let guard = shared.0.lock().await;
                    *shared.1.wait_for(guard, |value| *value >= 5).await
                })
            })
            .collect();
        for _ in 0..5 {
            sleep(5 * MS).await;
            *shared.0.lock().await += 1;
            shared.1.notify_all();
            yield_now().await;
        }
        for value in join_all(tasks).await {
            assert_eq!(value.unwrap(), 5);
        }
        assert!(begun.elapsed() >= 25 * MS);
    }
}
