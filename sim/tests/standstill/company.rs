//! Waits for others to come, to make a value, or to send one to all.

use std::pin::pin;
use std::rc::Rc;

use simoom::asyncio::{Condition, Event, Queue};
use simoom::sync::{Barrier, Mutex, OnceCell, SetOnce, broadcast, watch};
use simoom::task::spawn_local;
use simoom::time::sleep;
use simoom_sim::{Failure, check};

use crate::{MS, assert_futurelock_at, assert_tells, config, line_in};

fn place(marker: &str) -> String {
    let line = line_in(include_str!("company.rs"), marker);
    format!(" at sim/tests/standstill/company.rs:{line}")
}

#[test]
fn a_barrier_to_which_too_few_come_is_told() {
    let report = check(config(), |_| async {
        let barrier = Rc::new(Barrier::new(3));
        let other = spawn_local({
            let barrier = barrier.clone();
            async move { barrier.wait().await.is_leader() }
        });
        barrier.wait().await; // Waits.
        drop(other.await);
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    assert_tells(
        &report,
        &[
            "too few: not as many come to the barrier as it waits for",
            &place("Waits")[4..],
        ],
    );
}

/// Whoever makes the value needs it to do so.
#[test]
fn a_cell_that_needs_itself_is_a_lock_cycle() {
    let report = check(config(), |_| async {
        let cell: Rc<OnceCell<u8>> = Rc::new(OnceCell::new());
        let other = cell.clone();
        let make = async move || *other.get_or_init(async || 1).await;
        cell.get_or_init(make).await; // Makes.
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    let told = format!("this task has the lock, taken{}", place("Makes"));
    assert_tells(&report, &["lock cycle", &told]);
}

#[test]
fn channels_into_which_nobody_sends_are_told() {
    let report = check(config(), |_| async {
        let (_sender, mut receiver) = watch::channel(1);
        let _ = receiver.changed().await;
    });
    assert_tells(&report, &["no message: nobody sends"]);
    let report = check(config(), |_| async {
        let (_sender, mut receiver) = broadcast::channel::<u8>(1);
        let _ = receiver.recv().await;
    });
    assert_tells(&report, &["no message: nobody sends"]);
    let report = check(config(), |_| async {
        let (sender, _receiver) = broadcast::channel::<u8>(1);
        sender.closed().await;
    });
    assert_tells(&report, &["no notification: nobody notifies"]);
    let report = check(config(), |_| async {
        SetOnce::<u8>::new().wait().await;
    });
    assert_tells(&report, &["no notification: nobody notifies"]);
}

#[test]
fn what_nobody_sets_notifies_or_does_is_told() {
    let report = check(config(), |_| async {
        Event::new().wait().await; // Unset.
    });
    assert_tells(
        &report,
        &["no notification: nobody notifies", &place("Unset")[4..]],
    );
    let report = check(config(), |_| async {
        let (lock, condition) = (Mutex::new(()), Condition::new());
        drop(condition.wait(lock.lock().await).await); // Unnotified.
    });
    assert_tells(
        &report,
        &[
            "no notification: nobody notifies",
            &place("Unnotified")[4..],
        ],
    );
    let report = check(config(), |_| async {
        let queue = Queue::new(0);
        queue.put(1).await.unwrap();
        queue.join().await;
    });
    assert_tells(&report, &["no notification: nobody notifies"]);
}

#[test]
fn a_queue_that_is_empty_or_full_is_told() {
    let report = check(config(), |_| async {
        let _ = Queue::<u8>::new(0).get().await; // Gets.
    });
    assert_tells(&report, &["no message: nobody sends", &place("Gets")[4..]]);
    let report = check(config(), |_| async {
        let queue = Queue::new(1);
        queue.put(1).await.unwrap();
        queue.put(2).await.unwrap(); // Puts.
    });
    assert_tells(&report, &["no receiver: ", &place("Puts")[4..]]);
}

/// What the first was promised it does not take, and the second waits for it.
#[test]
fn what_is_promised_to_a_future_that_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let queue = Queue::new(0);
        let mut kept = pin!(queue.get()); // Promised.
        assert!(futures::poll!(kept.as_mut()).is_pending());
        queue.try_put(1).unwrap();
        sleep(MS).await;
        let _ = queue.get().await; // Behind.
    });
    assert_futurelock_at(&report, &place("Behind"), &place("Promised"));
}

#[test]
fn a_notification_of_a_future_that_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let (lock, condition) = (Mutex::new(()), Condition::new());
        let mut kept = pin!(condition.wait(lock.lock().await)); // Chosen.
        assert!(futures::poll!(kept.as_mut()).is_pending());
        condition.notify_one();
        sleep(MS).await;
        drop(condition.wait(lock.lock().await).await); // Unchosen.
    });
    assert_futurelock_at(&report, &place("Unchosen"), &place("Chosen"));
}
