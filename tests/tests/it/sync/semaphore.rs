//! Permits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::future::join_all;
use simoom::sync::{Mutex, Semaphore, TryAcquireError};
use simoom::task::{JoinHandle, yield_now};
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

type Order = Arc<Mutex<Vec<u32>>>;

/// Starts a task that takes permits and notes its number, and lets it get in line.
async fn wait_in_line(
    semaphore: &Arc<Semaphore>,
    count: u32,
    order: &Order,
    number: u32,
) -> JoinHandle<()> {
    let (semaphore, order) = (semaphore.clone(), order.clone());
    let task = simoom::spawn(async move {
        let permits = semaphore.acquire_many(count).await.unwrap();
        order.lock().await.push(number);
        permits.forget();
    });
    settle().await;
    task
}

both! {
    async fn permits_for_those_who_wait_do_not_count_among_the_most() {
        let (semaphore, order) = (Arc::new(Semaphore::new(2)), Order::default());
        let task = wait_in_line(&semaphore, 5, &order, 1).await;
        // Three of them are waited for.
        semaphore.add_permits(Semaphore::MAX_PERMITS + 3);
        task.await.unwrap();
        assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
        let more = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| semaphore.add_permits(1)));
        more.unwrap_err();
        assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
    }

    async fn sem_1_a_permit_is_given_back() {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await.unwrap();
        assert_eq!(semaphore.available_permits(), 0);
        assert!(timeout(MS, semaphore.acquire()).await.is_err());
        assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
        drop(permit);
        assert!(semaphore.try_acquire().is_ok());
        semaphore.add_permits(1);
        assert_eq!(semaphore.available_permits(), 2);
    }

    async fn sem_2_permits_are_given_in_the_order_of_waiting() {
        let (semaphore, order) = (Arc::new(Semaphore::new(0)), Order::default());
        let mut tasks = Vec::new();
        for number in 0..5 {
            tasks.push(wait_in_line(&semaphore, 1, &order, number).await);
        }
        assert_eq!(semaphore.statistics().waiting, 5);
        for _ in 0..5 {
            semaphore.add_permits(1);
            settle().await;
        }
        join_all(tasks).await;
        assert_eq!(*order.lock().await, [0, 1, 2, 3, 4]);
    }

    async fn sem_4_a_waiter_that_goes_away_is_passed_over() {
        let (semaphore, order) = (Arc::new(Semaphore::new(0)), Order::default());
        let first = wait_in_line(&semaphore, 1, &order, 1).await;
        let second = wait_in_line(&semaphore, 1, &order, 2).await;
        first.abort();
        first.await.unwrap_err();
        semaphore.add_permits(1);
        second.await.unwrap();
        assert_eq!(*order.lock().await, [2]);
        assert_eq!(semaphore.available_permits(), 0);
    }

    async fn sem_5_a_waiter_that_goes_away_passes_on_its_permit() {
        let (semaphore, order) = (Arc::new(Semaphore::new(0)), Order::default());
        let first = wait_in_line(&semaphore, 1, &order, 1).await;
        let second = wait_in_line(&semaphore, 1, &order, 2).await;
        // It has the permit, and may not have run since.
        semaphore.add_permits(1);
        first.abort();
        if first.await.is_err() {
            second.await.unwrap();
            assert_eq!(*order.lock().await, [2]);
        }
    }

    async fn sem_6_never_more_than_the_permits() {
        let semaphore = Arc::new(Semaphore::new(3));
        let inside = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..8_u32)
            .map(|number| {
                let (semaphore, inside) = (semaphore.clone(), inside.clone());
                simoom::spawn(async move {
                    let count = 1 + number % 2;
                    let _permits = semaphore.acquire_many_owned(count).await.unwrap();
                    let before = inside.fetch_add(count as usize, SeqCst);
                    assert!(before + count as usize <= 3, "more than the permits");
                    yield_now().await;
                    inside.fetch_sub(count as usize, SeqCst);
                })
            })
            .collect();
        for task in join_all(tasks).await {
            task.unwrap();
        }
        assert_eq!(semaphore.available_permits(), 3);
    }

    async fn sem_7_one_that_wants_many_is_not_overtaken() {
        let (semaphore, order) = (Arc::new(Semaphore::new(1)), Order::default());
        let many = wait_in_line(&semaphore, 3, &order, 3).await;
        let one = wait_in_line(&semaphore, 1, &order, 1).await;
        assert_eq!(semaphore.available_permits(), 0);
        semaphore.add_permits(2);
        many.await.unwrap();
        semaphore.add_permits(1);
        one.await.unwrap();
        assert_eq!(*order.lock().await, [3, 1]);
        // Its going away lets those behind it go on.
        let many = wait_in_line(&semaphore, 3, &order, 3).await;
        let one = wait_in_line(&semaphore, 1, &order, 1).await;
        semaphore.add_permits(1);
        settle().await;
        assert!(!one.is_finished());
        many.abort();
        one.await.unwrap();
    }

    async fn sem_8_trying_takes_nothing_that_is_promised() {
        let (semaphore, order) = (Arc::new(Semaphore::new(0)), Order::default());
        let waiter = wait_in_line(&semaphore, 1, &order, 1).await;
        semaphore.add_permits(1);
        assert!(semaphore.clone().try_acquire_owned().is_err());
        waiter.await.unwrap();
    }

    async fn a_semaphore_that_is_closed_tells_everybody() {
        let semaphore = Arc::new(Semaphore::new(0));
        let waiter = simoom::spawn({
            let semaphore = semaphore.clone();
            async move { semaphore.acquire_owned().await.is_err() }
        });
        settle().await;
        semaphore.close();
        assert!(waiter.await.unwrap());
        assert!(semaphore.is_closed());
        assert!(semaphore.acquire().await.is_err());
        assert_eq!(semaphore.try_acquire_many(0).unwrap_err(), TryAcquireError::Closed);
    }

    async fn a_thread_waits_for_permits() {
        let semaphore = Arc::new(Semaphore::new(0));
        let there = semaphore.clone();
        let thread = simoom::task::spawn_blocking(move || {
            let one = there.blocking_acquire().unwrap();
            let two = there.blocking_acquire_many(2).unwrap();
            assert!(std::ptr::eq(one.semaphore(), two.semaphore()));
            let three = there.clone().blocking_acquire_owned().unwrap();
            let four = there.clone().blocking_acquire_many_owned(4).unwrap();
            let all = [one.num_permits(), two.num_permits(), three.num_permits(), four.num_permits()];
            let closed = there.blocking_acquire().map(drop);
            (all, closed.is_err())
        });
        for _ in 0..8 {
            yield_now().await;
            semaphore.add_permits(1);
        }
        while semaphore.statistics().waiting == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        semaphore.close();
        assert_eq!(thread.await.unwrap(), ([1, 2, 1, 4], true));
    }

    async fn waves_of_so_many_at_once() {
        let semaphore = Arc::new(Semaphore::new(2));
        let begun = simoom::time::Instant::now();
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let semaphore = semaphore.clone();
                simoom::spawn(async move {
                    let _permit = semaphore.acquire().await.unwrap();
                    sleep(20 * MS).await;
                })
            })
            .collect();
        join_all(tasks).await;
        assert!(begun.elapsed() >= 40 * MS);
    }
}
