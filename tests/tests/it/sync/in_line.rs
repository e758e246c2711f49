//! Who has used its budget when it comes to a lock is in line all the same, in production.
//!
//! A simulator explores who comes first, and lets a task that it interrupts come later.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};

use futures::FutureExt;
use simoom::sync::{Mutex, RwLock, Semaphore};
use simoom::task::coop::consume_budget;

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// Polls `one` without budget, then `other` with it; then `free` lets go of what both wait for.
async fn in_line<G>(
    one: impl Future<Output = G>,
    other: impl Future<Output = G>,
    free: impl FnOnce(),
) {
    let wakers = [(); 2].map(|()| Arc::new(Woken::default()));
    let mut one = pin!(async {
        while consume_budget().now_or_never().is_some() {}
        one.await
    });
    let waker = Waker::from(wakers[0].clone());
    assert!(
        one.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert!(wakers[0].0.swap(false, SeqCst), "it is to be polled again");

    // The budget is one of each poll.
    simoom::task::yield_now().await;
    let mut other = pin!(other);
    let waker = Waker::from(wakers[1].clone());
    assert!(
        other
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );

    free();
    assert!(wakers[0].0.load(SeqCst), "it came first");
    assert!(!wakers[1].0.load(SeqCst));
    drop(one.await);
    drop(other.await);
}

#[test]
fn of_a_lock() {
    simoom_tests::real(|| async {
        let mutex = Arc::new(Mutex::new(()));
        let held = mutex.clone().lock_owned().await;
        in_line(
            mutex.clone().lock_owned(),
            mutex.clone().lock_owned(),
            || drop(held),
        )
        .await;
        assert!(mutex.try_lock().is_ok());
    });
}

#[test]
fn of_a_semaphore() {
    simoom_tests::real(|| async {
        let semaphore = Semaphore::new(2);
        let held = semaphore.acquire_many(2).await.unwrap();
        in_line(semaphore.acquire_many(2), semaphore.acquire_many(2), || {
            drop(held)
        })
        .await;
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn of_a_lock_for_readers() {
    simoom_tests::real(|| async {
        let lock = RwLock::new(());
        let held = lock.write().await;
        in_line(lock.write(), lock.write(), || drop(held)).await;
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn one_that_leaves_the_line_is_not_waited_for() {
    simoom_tests::real(|| async {
        let mutex = Mutex::new(());
        let held = mutex.lock().await;
        {
            let mut gone = pin!(async {
                while consume_budget().now_or_never().is_some() {}
                drop(mutex.lock().await);
            });
            assert!(futures::poll!(gone.as_mut()).is_pending());
        }
        drop(held);
        assert!(mutex.try_lock().is_ok());
    });
}
