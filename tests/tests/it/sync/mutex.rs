//! The lock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::future::join_all;
use simoom::sync::{MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};
use simoom::task::yield_now;
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

/// Starts a task that takes the lock and notes its number, and lets it get in line.
async fn wait_in_line(mutex: &Arc<Mutex<Vec<u32>>>, number: u32) -> simoom::task::JoinHandle<()> {
    let mutex = mutex.clone();
    let task = simoom::spawn(async move { mutex.lock().await.push(number) });
    settle().await;
    task
}

both! {
    async fn a_lock_keeps_others_out() {
        let inside = Arc::new(AtomicUsize::new(0));
        let mutex = Arc::new(Mutex::new(0));
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let (mutex, inside) = (mutex.clone(), inside.clone());
                simoom::spawn(async move {
                    for _ in 0..5 {
                        let mut guard = mutex.lock().await;
                        assert_eq!(inside.fetch_add(1, SeqCst), 0, "two tasks held the lock");
                        let seen = *guard;
                        yield_now().await;
                        *guard = seen + 1;
                        inside.fetch_sub(1, SeqCst);
                    }
                })
            })
            .collect();
        for task in join_all(tasks).await {
            task.unwrap();
        }
        assert_eq!(*mutex.lock().await, 25);
    }

    async fn lck_1_waiters_get_the_lock_in_their_order() {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().await;
        let mut tasks = Vec::new();
        for number in 0..5 {
            tasks.push(wait_in_line(&mutex, number).await);
        }
        drop(guard);
        join_all(tasks).await;
        assert_eq!(*mutex.lock().await, [0, 1, 2, 3, 4]);
    }

    async fn lck_2_try_lock_tells_whether_it_is_held() {
        let mutex = Arc::new(Mutex::new(1));
        let guard = mutex.try_lock().unwrap();
        let error = mutex.try_lock().unwrap_err();
        assert_eq!(error.to_string(), "operation would block");
        assert!(mutex.clone().try_lock_owned().is_err());
        assert!(format!("{mutex:?}").contains("<locked>"));
        drop(guard);
        assert_eq!(format!("{mutex:?}"), "Mutex { data: 1 }");
        let guard = mutex.clone().try_lock_owned().unwrap();
        assert!(mutex.try_lock().is_err());
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    }

    async fn lck_3_a_holder_that_locks_again_waits() {
        let mutex = Mutex::new(());
        let _guard = mutex.lock().await;
        assert!(timeout(2 * MS, mutex.lock()).await.is_err());
    }

    async fn lck_4_a_cancelled_waiter_leaves_the_line() {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().await;
        let one = wait_in_line(&mutex, 1).await;
        let two = wait_in_line(&mutex, 2).await;
        let three = wait_in_line(&mutex, 3).await;
        two.abort();
        assert!(two.await.unwrap_err().is_cancelled());
        assert!(mutex.try_lock().is_err());
        drop(guard);
        one.await.unwrap();
        three.await.unwrap();
        assert_eq!(*mutex.lock().await, [1, 3]);
    }

    async fn lck_5_cancel_and_release_in_one_tick() {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().await;
        let one = wait_in_line(&mutex, 1).await;
        let two = wait_in_line(&mutex, 2).await;
        one.abort();
        drop(guard);
        assert!(one.await.unwrap_err().is_cancelled());
        two.await.unwrap();
        assert_eq!(*mutex.lock().await, [2]);
    }

    async fn lck_5_release_and_cancel_in_one_tick() {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().await;
        let one = wait_in_line(&mutex, 1).await;
        let two = wait_in_line(&mutex, 2).await;
        drop(guard);
        // The first waiter was given the lock already and has not run since.
        one.abort();
        assert!(one.await.unwrap_err().is_cancelled());
        timeout(Duration::from_secs(5), two).await.unwrap().unwrap();
        assert_eq!(*mutex.lock().await, [2]);
    }

    async fn lck_6_nobody_passes_a_waiter_that_was_woken() {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().await;
        let one = wait_in_line(&mutex, 1).await;
        drop(guard);
        assert!(mutex.try_lock().is_err(), "the lock was taken from a woken waiter");
        mutex.lock().await.push(2);
        one.await.unwrap();
        assert_eq!(*mutex.lock().await, [1, 2]);
    }

    async fn lck_6_the_lock_is_free_if_every_waiter_was_cancelled() {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().await;
        let one = wait_in_line(&mutex, 1).await;
        one.abort();
        settle().await;
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    }

    async fn lck_7_a_panic_unlocks() {
        let mutex = Arc::new(Mutex::new(0));
        let theirs = mutex.clone();
        let task = simoom::spawn(async move {
            *theirs.lock().await = 5;
            let _guard = theirs.lock().await;
            panic!("on purpose");
        });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(*mutex.lock().await, 5);
        let guard = mutex.try_lock().unwrap();
        let caught = catch_unwind(AssertUnwindSafe(move || {
            let _guard = guard;
            panic!("on purpose");
        }));
        assert!(caught.is_err());
        assert!(mutex.try_lock().is_ok());
    }

    async fn lck_7_an_abort_unlocks() {
        let mutex = Arc::new(Mutex::new(0));
        let theirs = mutex.clone();
        let task = simoom::spawn(async move {
            let _guard = theirs.lock().await;
            std::future::pending::<()>().await;
        });
        settle().await;
        assert!(mutex.try_lock().is_err());
        task.abort();
        *mutex.lock().await += 1;
        assert_eq!(*mutex.lock().await, 1);
    }

    async fn lck_8_nothing_is_left_after_many_cancelled_waits() {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock().await;
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let mutex = mutex.clone();
                simoom::spawn(async move { drop(mutex.lock().await) })
            })
            .collect();
        settle().await;
        for task in &tasks {
            task.abort();
        }
        join_all(tasks).await;
        assert_eq!(Arc::strong_count(&mutex), 1);
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    }

    async fn a_dropped_future_that_was_never_polled_holds_nothing() {
        let mutex = Arc::new(Mutex::new(()));
        drop(mutex.lock());
        drop(mutex.clone().lock_owned());
        assert!(mutex.try_lock().is_ok());
    }

    async fn a_late_wait_gets_in_line_at_its_first_poll() {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().await;
        let early = mutex.lock();
        let one = wait_in_line(&mutex, 1).await;
        drop(guard);
        early.await.push(2);
        one.await.unwrap();
        assert_eq!(*mutex.lock().await, [1, 2]);
    }

    async fn an_owned_guard_goes_to_another_task() {
        let mutex = Arc::new(Mutex::new(1));
        let mut guard = mutex.clone().lock_owned().await;
        assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &mutex));
        let task = simoom::spawn(async move {
            yield_now().await;
            *guard += 1;
        });
        assert_eq!(*mutex.lock().await, 2);
        task.await.unwrap();
    }

    async fn owned_and_borrowed_waiters_share_one_line() {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let guard = mutex.lock().await;
        let theirs = mutex.clone();
        let one = simoom::spawn(async move { theirs.lock_owned().await.push(1) });
        settle().await;
        let two = wait_in_line(&mutex, 2).await;
        drop(guard);
        one.await.unwrap();
        two.await.unwrap();
        assert_eq!(*mutex.lock().await, [1, 2]);
    }

    async fn guards_of_a_part_hold_the_lock() {
        let mutex = Mutex::new((1, String::from("one")));
        let guard = mutex.lock().await;
        assert!(std::ptr::eq(MutexGuard::mutex(&guard), &mutex));
        let mut text = MutexGuard::map(guard, |pair| &mut pair.1);
        text.push('!');
        assert_eq!(text.to_string(), "one!");
        assert!(mutex.try_lock().is_err());
        let head = MappedMutexGuard::try_map(text, |text| text.get_mut(..1)).unwrap();
        assert_eq!(&*head, "o");
        assert!(mutex.try_lock().is_err());
        drop(head);
        let guard = mutex.lock().await;
        let guard = MutexGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
        assert_eq!(guard.1, "one!");
        let number = MutexGuard::map(guard, |pair| &mut pair.0);
        let number = MappedMutexGuard::map(number, |number| number);
        assert_eq!(format!("{number:?}"), "1");
        drop(number);
        assert!(mutex.try_lock().is_ok());
    }

    async fn owned_guards_of_a_part_hold_the_lock() {
        let mutex = Arc::new(Mutex::new((1, 2)));
        let guard = mutex.clone().lock_owned().await;
        let mut one = OwnedMutexGuard::map(guard, |pair| &mut pair.0);
        *one = 5;
        assert!(mutex.try_lock().is_err());
        let one = OwnedMappedMutexGuard::try_map(one, |_| None::<&mut u8>).unwrap_err();
        let one = OwnedMappedMutexGuard::map(one, |one| one);
        assert_eq!(one.to_string(), "5");
        drop(one);
        let guard = mutex.clone().try_lock_owned().unwrap();
        let two = OwnedMutexGuard::try_map(guard, |pair| Some(&mut pair.1)).unwrap();
        assert_eq!(*two, 2);
        drop(two);
        assert!(mutex.try_lock().is_ok());
    }

    async fn whoever_owns_the_mutex_needs_no_lock() {
        let mut mutex = Mutex::from(1);
        *mutex.get_mut() += 1;
        assert_eq!(mutex.into_inner(), 2);
        assert_eq!(Mutex::<u8>::default().into_inner(), 0);
        // One for each thread: runs of other worlds go on at the same time.
        thread_local! {
            static TOTAL: Mutex<u64> = const { Mutex::const_new(3) };
        }
        TOTAL.with(|total| assert_eq!(*total.try_lock().unwrap(), 3));
    }

    async fn a_guard_prints_as_its_value() {
        let mutex = Mutex::new("text");
        let guard = mutex.lock().await;
        assert_eq!(format!("{guard}, {guard:?}"), "text, \"text\"");
        assert_eq!(format!("{:?}", mutex.lock()), "Lock { .. }");
    }
}
