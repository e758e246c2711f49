//! The lock of many readers or one writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::future::join_all;
use simoom::sync::{OwnedRwLockReadGuard, RwLock, RwLockWriteGuard};
use simoom::task::{JoinHandle, spawn_blocking, yield_now};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

/// Starts a task that writes its number, and lets it get in line.
async fn write_in_line(lock: &Arc<RwLock<Vec<u32>>>, number: u32) -> JoinHandle<()> {
    let lock = lock.clone();
    let task = simoom::spawn(async move { lock.write().await.push(number) });
    settle().await;
    task
}

/// Starts a task that reads how many have written, and lets it get in line.
async fn read_in_line(lock: &Arc<RwLock<Vec<u32>>>) -> JoinHandle<usize> {
    let lock = lock.clone();
    let task = simoom::spawn(async move { lock.read().await.len() });
    settle().await;
    task
}

both! {
    async fn a_writer_keeps_everybody_out() {
        let lock = Arc::new(RwLock::new(0));
        let inside = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..6)
            .map(|number| {
                let (lock, inside) = (lock.clone(), inside.clone());
                simoom::spawn(async move {
                    for _ in 0..4 {
                        if number % 2 == 0 {
                            let guard = lock.read().await;
                            let seen = *guard;
                            yield_now().await;
                            assert_eq!(inside.load(SeqCst), 0, "somebody writes");
                            assert_eq!(*guard, seen);
                        } else {
                            let mut guard = lock.write().await;
                            assert_eq!(inside.fetch_add(1, SeqCst), 0, "two write");
                            let seen = *guard;
                            yield_now().await;
                            *guard = seen + 1;
                            inside.fetch_sub(1, SeqCst);
                        }
                    }
                })
            })
            .collect();
        for task in join_all(tasks).await {
            task.unwrap();
        }
        assert_eq!(*lock.read().await, 12);
    }

    async fn readers_and_writers_come_in_their_order() {
        let lock = Arc::new(RwLock::new(Vec::new()));
        let held = lock.read().await;
        assert!(lock.try_read().is_ok(), "many may read");
        let writer = write_in_line(&lock, 1).await;
        assert!(lock.try_read().is_err(), "a writer waits");
        let reader = read_in_line(&lock).await;
        let last = write_in_line(&lock, 2).await;
        drop(held);
        assert_eq!(reader.await.unwrap(), 1);
        writer.await.unwrap();
        last.await.unwrap();
        assert_eq!(*lock.read().await, [1, 2]);
    }

    async fn readers_go_on_when_a_writer_goes_away() {
        let lock = Arc::new(RwLock::new(Vec::new()));
        let held = lock.read().await;
        let writer = write_in_line(&lock, 1).await;
        let reader = read_in_line(&lock).await;
        writer.abort();
        assert_eq!(reader.await.unwrap(), 0);
        drop(held);
        assert!(timeout(100 * MS, lock.write()).await.is_ok());
    }

    async fn a_writer_becomes_a_reader() {
        let lock = Arc::new(RwLock::new(Vec::new()));
        let mut guard = lock.write().await;
        let next = write_in_line(&lock, 2).await;
        guard.push(1);
        let guard = RwLockWriteGuard::downgrade(guard);
        settle().await;
        assert_eq!(*guard, [1], "nobody writes in between");
        drop(guard);
        next.await.unwrap();
        assert_eq!(*lock.read().await, [1, 2]);
    }

    async fn a_guard_keeps_its_lock_alive() {
        let lock = Arc::new(RwLock::new((1, "one".to_owned())));
        let mut writer = lock.clone().write_owned().await;
        writer.0 = 2;
        drop(writer);
        let text = OwnedRwLockReadGuard::map(lock.clone().read_owned().await, |pair| &pair.1);
        drop(lock);
        let read = simoom::spawn(async move { text.len() });
        assert_eq!(read.await.unwrap(), 3);
    }

    async fn threads_that_may_block_take_it_too() {
        let lock = Arc::new(RwLock::new(1));
        let guard = lock.write().await;
        let shared = lock.clone();
        let reading = spawn_blocking(move || *shared.blocking_read());
        settle().await;
        drop(guard);
        assert_eq!(reading.await.unwrap(), 1);
        let shared = lock.clone();
        spawn_blocking(move || *shared.blocking_write() += 1).await.unwrap();
        assert_eq!(*lock.read().await, 2);
    }
}

#[test]
#[should_panic(expected = "a lock must have room for a reader")]
fn a_lock_for_no_readers_is_refused() {
    let _ = simoom::sync::RwLock::with_max_readers(0, 0);
}

#[test]
#[should_panic(expected = "a lock must have room for a reader")]
fn a_constant_lock_for_no_readers_is_refused() {
    let _ = simoom::sync::RwLock::const_with_max_readers(0, 0);
}
