//! Who is notified, and who has the lock.

use super::*;
use crate::sync::Mutex as Lockable;
use crate::sync::testing::{Chance, Polled, panics, ready, wake_panics};

/// A task that has the lock waits.
fn waits<'a>(
    condition: &'a Condition,
    mutex: &'a Lockable<u32>,
) -> Polled<'a, MutexGuard<'a, u32>> {
    let mut waiting = Polled::new(condition.wait(mutex.try_lock().unwrap()));
    assert!(!waiting.is_ready());
    waiting
}

#[test]
fn the_lock_is_given_back_and_taken_again() {
    let (condition, mutex) = (Condition::new(), Lockable::new(0));
    let mut waiting = waits(&condition, &mutex);
    let mut guard = mutex.try_lock().expect("it was given back");
    *guard = 5;
    condition.notify_one();
    assert!(waiting.is_woken());
    assert!(!waiting.is_ready(), "whoever notified has it");
    drop(guard);
    assert!(waiting.is_woken());
    let guard = ready(waiting.poll());
    assert_eq!(*guard, 5);
    assert!(mutex.try_lock().is_err());
}

#[test]
fn so_many_are_notified_in_their_order() {
    let (condition, mutex) = (Condition::new(), Lockable::new(0));
    let mut waiting: Vec<_> = (0..5).map(|_| waits(&condition, &mutex)).collect();
    condition.notify(2);
    condition.notify(0);
    let woken: Vec<_> = waiting.iter().map(Polled::is_woken).collect();
    assert_eq!(woken, [true, true, false, false, false]);
    condition.notify(2048);
    assert!(waiting.iter().all(Polled::is_woken));
    for waiter in &mut waiting {
        drop(ready(waiter.poll()));
    }
    condition.notify_all();
    assert!(!waits(&condition, &mutex).is_ready(), "nothing is kept");
}

#[test]
fn a_notification_goes_to_another_when_one_goes_away() {
    let (condition, mutex) = (Condition::new(), Lockable::new(0));
    let first = waits(&condition, &mutex);
    let mut second = waits(&condition, &mutex);
    let mut third = waits(&condition, &mutex);
    condition.notify_one();
    assert!(first.is_woken());
    drop(first);
    assert!(second.is_woken(), "before it has run");
    let held = mutex.try_lock().unwrap();
    assert!(!second.is_ready());
    drop(second);
    assert!(third.is_woken(), "and while it waits for the lock");
    drop(held);
    drop(ready(third.poll()));
    let never = Polled::new(condition.wait(mutex.try_lock().unwrap()));
    drop(never);
    assert!(
        mutex.try_lock().is_ok(),
        "one that was not polled gives it back"
    );
}

#[test]
fn one_that_was_not_notified_takes_nothing_with_it() {
    let (condition, mutex) = (Condition::new(), Lockable::new(0));
    let first = waits(&condition, &mutex);
    let mut second = waits(&condition, &mutex);
    drop(first);
    assert!(!second.is_woken());
    condition.notify_one();
    assert!(second.is_ready());
}

#[test]
fn wait_for_asks_before_it_waits_and_whenever_it_was_notified() {
    let (condition, mutex) = (Condition::new(), Lockable::new(1));
    let wait_for = |least| {
        let guard = mutex.try_lock().unwrap();
        Polled::new(condition.wait_for(guard, move |value| *value >= least))
    };
    drop(ready(wait_for(1).poll()));
    let mut waiting = wait_for(3);
    assert!(!waiting.is_ready());
    *mutex.try_lock().unwrap() = 2;
    condition.notify_all();
    assert!(waiting.is_woken());
    assert!(!waiting.is_ready());
    *mutex.try_lock().unwrap() = 3;
    condition.notify_all();
    assert!(waiting.is_woken());
    assert_eq!(*ready(waiting.poll()), 3);
}

#[test]
fn conditions_may_share_a_lock() {
    let (one, other, mutex) = (Condition::default(), Condition::new(), Lockable::new(1));
    let mut first = waits(&one, &mutex);
    let mut second = waits(&other, &mutex);
    other.notify_all();
    assert!(!first.is_woken());
    drop(ready(second.poll()));
    one.notify_one();
    assert!(first.is_ready());
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    let (condition, mutex) = (Condition::new(), Lockable::new(0));
    let mut bad = Box::pin(condition.wait(mutex.try_lock().unwrap()));
    let waker = wake_panics();
    let polled = bad.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let mut good = waits(&condition, &mutex);
    assert!(panics(|| condition.notify_all()));
    assert!(good.is_woken());
    assert!(good.is_ready());
}

/// Tasks wait, are notified one by one, run and go away at random: while one waits, a notification
/// that nobody has used up is there for somebody who was woken.
#[test]
fn no_schedule_loses_a_notification() {
    for seed in 0..50_000 {
        let mut chance = Chance::new(seed);
        let (condition, mutex) = (Condition::new(), Lockable::new(0));
        let mut waiting: Vec<Polled<'_, MutexGuard<'_, u32>>> = Vec::new();
        let mut owed = 0;
        for _ in 0..30 {
            match chance.below(5) {
                0 if waiting.len() < 4 => waiting.push(waits(&condition, &mutex)),
                1 => {
                    condition.notify_one();
                    owed = waiting.len().min(owed + 1);
                }
                2 if !waiting.is_empty() => {
                    drop(waiting.remove(chance.below(waiting.len())));
                    owed = waiting.len().min(owed);
                }
                _ if !waiting.is_empty() => {
                    let index = chance.below(waiting.len());
                    if waiting[index].is_ready() {
                        drop(waiting.remove(index));
                        owed -= 1;
                    }
                }
                _ => {}
            }
            let woken = waiting.iter().filter(|waiter| waiter.is_woken());
            assert_eq!(woken.count(), owed, "seed {seed}");
        }
    }
}
