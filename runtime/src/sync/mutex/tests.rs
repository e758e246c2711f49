//! Who gets the lock, and in which order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::sync::testing::{
    Calls, Chance, Polled, clone_panics, drop_panics, panics, ready, wake_panics,
};

#[test]
fn waiters_get_the_lock_in_the_order_in_which_they_came() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut waiters: Vec<_> = (0..4).map(|_| Polled::new(mutex.lock())).collect();
    // The order of the first polls counts, not that of the calls.
    for index in [2, 0, 3, 1] {
        assert!(!waiters[index].is_ready());
    }
    drop(held);
    for index in [2, 0, 3, 1] {
        let woken: Vec<_> = (0..4).filter(|&other| waiters[other].is_woken()).collect();
        assert_eq!(woken, [index]);
        assert!(mutex.try_lock().is_err(), "the lock is promised");
        drop(ready(waiters[index].poll()));
    }
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_newcomer_does_not_overtake_a_waiter_that_was_given_the_lock() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut first = Polled::new(mutex.lock());
    assert!(!first.is_ready());
    drop(held);
    let mut newcomer = Polled::new(mutex.lock());
    assert!(!newcomer.is_ready());
    let guard = ready(first.poll());
    assert!(!newcomer.is_woken());
    drop(guard);
    assert!(newcomer.is_ready());
}

#[test]
fn dropping_a_queued_waiter_leaves_the_lock_as_it_is() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Polled::new(mutex.lock())).collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    drop(waiters.remove(1));
    assert!(mutex.try_lock().is_err());
    drop(held);
    for mut waiter in waiters {
        assert!(waiter.is_woken());
        drop(ready(waiter.poll()));
    }
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn dropping_the_last_queued_waiter_leaves_no_trace() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut waiter = Polled::new(mutex.lock());
    assert!(!waiter.is_ready());
    drop(waiter);
    drop(held);
    assert!(mutex.try_lock().is_ok());
}

/// A waiter is cancelled and the lock released, in either order.
#[test]
fn a_waiter_that_was_given_the_lock_and_is_dropped_passes_it_on() {
    for release_first in [true, false] {
        let mutex = Mutex::new(());
        let held = mutex.try_lock().unwrap();
        let mut first = Polled::new(mutex.lock());
        let mut second = Polled::new(mutex.lock());
        assert!(!first.is_ready());
        assert!(!second.is_ready());
        if release_first {
            drop(held);
            drop(first);
        } else {
            drop(first);
            drop(held);
        }
        assert!(second.is_woken());
        drop(ready(second.poll()));
        assert!(mutex.try_lock().is_ok());
    }
}

#[test]
fn the_lock_passes_through_a_row_of_dropped_waiters() {
    let mutex = Arc::new(Mutex::new(()));
    let held = mutex.clone().try_lock_owned().unwrap();
    let mut waiters: Vec<_> = (0..8)
        .map(|_| Polled::new(mutex.clone().lock_owned()))
        .collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    drop(held);
    let mut last = waiters.pop().unwrap();
    for waiter in waiters {
        assert!(waiter.is_woken());
        drop(waiter);
    }
    drop(ready(last.poll()));
    assert!(mutex.try_lock().is_ok());
    drop(last);
    assert_eq!(Arc::strong_count(&mutex), 1);
}

#[test]
fn only_the_last_waker_of_a_waiter_is_kept() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut waiter = Polled::new(mutex.lock());
    assert!(!waiter.is_ready());
    assert!(!waiter.is_ready());
    assert_eq!(waiter.wakers(), 1);
    assert!(waiter.poll_anew().is_pending());
    assert_eq!(waiter.wakers(), 1);
    drop(held);
    assert!(waiter.is_woken());
    assert_eq!(waiter.wakers(), 0);
}

#[test]
fn a_panic_under_the_lock_unlocks_it() {
    let mutex = Mutex::new(1);
    assert!(panics(|| {
        let _guard = mutex.try_lock().unwrap();
        panic!("under the lock");
    }));
    assert_eq!(*mutex.try_lock().unwrap(), 1);
}

#[test]
fn a_waker_that_panics_does_not_keep_the_lock() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let waker = wake_panics();
    let mut waiter = Box::pin(mutex.lock());
    assert!(
        waiter
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert!(panics(|| drop(held)));
    drop(waiter);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_waker_that_panics_while_panicking_does_not_end_the_process() {
    let mutex = Mutex::new(());
    let waker = wake_panics();
    let mut waiter = None;
    assert!(panics(|| {
        let _held = mutex.try_lock().unwrap();
        let waiter = waiter.insert(Box::pin(mutex.lock()));
        assert!(
            waiter
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        panic!("under the lock");
    }));
    drop(waiter);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_waker_whose_clone_panics_leaves_the_waiter_outside() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let waker = clone_panics();
    let mut waiter = Box::pin(mutex.lock());
    assert!(panics(|| {
        let _ = waiter.as_mut().poll(&mut Context::from_waker(&waker));
    }));
    drop(held);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_waker_whose_destructor_panics_does_not_keep_the_lock() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let waker = std::mem::ManuallyDrop::new(drop_panics());
    let mut waiter = Box::pin(mutex.lock());
    assert!(
        waiter
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    // Replacing the waker drops it.
    assert!(
        waiter
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    drop(held);
    drop(waiter);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_waker_can_use_the_mutex() {
    let mutex = Arc::new(Mutex::new(0));
    let held = mutex.clone().try_lock_owned().unwrap();
    let mut waiter = Box::pin(mutex.clone().lock_owned());
    let waker = Waker::from(Arc::new(Calls({
        let mutex = mutex.clone();
        move || {
            let _ = mutex.try_lock();
            drop(Polled::new(mutex.lock()).poll());
        }
    })));
    assert!(
        waiter
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    drop(held);
    drop(waiter);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn values_can_be_of_any_size_or_none() {
    let unsized_value: Arc<Mutex<[u8]>> = Arc::new(Mutex::new([1, 2, 3]));
    unsized_value.try_lock().unwrap()[1] = 7;
    assert_eq!(*unsized_value.try_lock().unwrap(), [1, 7, 3]);
    let nothing = Mutex::new(());
    assert!(nothing.try_lock().is_ok());
    let huge = Mutex::new(vec![[0_u8; 1 << 16]; 4]);
    huge.try_lock().unwrap()[3][9] = 1;
    assert_eq!(huge.into_inner()[3][9], 1);
}

#[test]
fn a_mapped_guard_holds_the_lock() {
    let mutex = Arc::new(Mutex::new((1, 2)));
    let guard = MutexGuard::map(mutex.try_lock().unwrap(), |pair| &mut pair.1);
    let mut guard = MappedMutexGuard::map(guard, |number| number);
    *guard += 1;
    assert!(mutex.try_lock().is_err());
    drop(guard);
    let guard = OwnedMutexGuard::map(mutex.clone().try_lock_owned().unwrap(), |pair| &mut pair.0);
    let mut guard = OwnedMappedMutexGuard::map(guard, |number| number);
    *guard += 1;
    assert!(mutex.try_lock().is_err());
    drop(guard);
    assert_eq!(*mutex.try_lock().unwrap(), (2, 3));
    let Err(guard) = MutexGuard::try_map(mutex.try_lock().unwrap(), |_| None::<&mut i32>) else {
        panic!("there is no such part")
    };
    assert!(mutex.try_lock().is_err());
    drop(guard);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_part_that_panics_unlocks() {
    let mutex = Mutex::new(1);
    assert!(panics(|| {
        let _ = MutexGuard::map(mutex.try_lock().unwrap(), |_| -> &mut i32 {
            panic!("no part")
        });
    }));
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn debug_shows_the_value_or_that_it_is_locked() {
    let mutex = Mutex::new("value");
    assert_eq!(format!("{mutex:?}"), r#"Mutex { data: "value" }"#);
    let guard = mutex.try_lock().unwrap();
    assert_eq!(format!("{guard:?} {guard}"), r#""value" value"#);
    assert_eq!(format!("{mutex:?}"), "Mutex { data: <locked> }");
}

/// Tasks come, wait, are polled at random and dropped at random, against a model of the queue.
#[test]
fn no_schedule_loses_the_lock_or_gives_it_out_of_turn() {
    for seed in 0..100_000 {
        run_schedule(seed);
    }
}

fn run_schedule(seed: u64) {
    let mut chance = Chance::new(seed);
    let mutex = Mutex::new(());
    let mut next = 0;
    let mut waiters = Vec::new();
    let mut queue = VecDeque::new();
    let mut guard = None;
    for _ in 0..24 {
        match chance.below(6) {
            0 if waiters.len() < 4 => {
                waiters.push((next, Polled::new(mutex.lock())));
                next += 1;
            }
            1 => guard = None,
            2 if !waiters.is_empty() => {
                let (name, waiter) = waiters.swap_remove(chance.below(waiters.len()));
                drop(waiter);
                queue.retain(|&other| other != name);
            }
            3 => {
                let free = guard.is_none() && queue.is_empty();
                let taken = mutex.try_lock().ok();
                assert_eq!(taken.is_some(), free, "seed {seed}");
                guard = guard.or(taken);
            }
            _ if !waiters.is_empty() => {
                let index = chance.below(waiters.len());
                let (name, waiter) = &mut waiters[index];
                if !queue.contains(name) {
                    queue.push_back(*name);
                }
                let turn = guard.is_none() && queue[0] == *name;
                match waiter.poll() {
                    Poll::Pending => assert!(!turn, "seed {seed}: it was its turn"),
                    Poll::Ready(given) => {
                        assert!(turn, "seed {seed}: it was not its turn");
                        queue.pop_front();
                        guard = Some(given);
                        waiters.swap_remove(index);
                    }
                }
            }
            _ => {}
        }
        if guard.is_none()
            && let Some(first) = queue.front()
        {
            let (_, waiter) = waiters.iter().find(|(name, _)| name == first).unwrap();
            assert!(
                waiter.is_woken(),
                "seed {seed}: nobody woke the first in line"
            );
        }
    }
    drop(guard);
    drop(waiters);
    assert!(mutex.try_lock().is_ok(), "seed {seed}: the lock was lost");
}
