//! Who goes on when a flag is set.

use super::*;
use crate::sync::testing::{Chance, Polled, panics, wake_panics};

#[test]
fn setting_wakes_those_who_wait_and_those_alone() {
    let event = Event::new();
    let mut waiters: Vec<_> = (0..40).map(|_| Polled::new(event.wait())).collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    drop(waiters.remove(20));
    event.set();
    event.set();
    assert!(Polled::new(event.wait()).is_ready());
    event.clear();
    let mut late = Polled::new(event.wait());
    assert!(!late.is_ready());
    for waiter in &mut waiters {
        assert!(waiter.is_woken());
        assert!(waiter.is_ready(), "it was set while this one waited");
    }
    assert!(!late.is_woken());
    assert!(!event.is_set());
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    let event = Event::default();
    let mut bad = Box::pin(event.wait());
    let waker = wake_panics();
    let polled = bad.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let mut good = Polled::new(event.wait());
    assert!(!good.is_ready());
    assert!(panics(|| event.set()));
    assert!(good.is_woken());
    assert!(good.is_ready());
}

/// The flag is set and cleared, tasks wait and go away at random.
#[test]
fn no_schedule_keeps_one_who_waited_when_it_was_set() {
    for seed in 0..20_000 {
        let mut chance = Chance::new(seed);
        let event = Event::new();
        let mut is_set = false;
        // Each with whether it was set since it first waited.
        let mut waiters = Vec::new();
        for _ in 0..30 {
            match chance.below(6) {
                0 => {
                    event.set();
                    is_set = true;
                    for (waiter, was_set) in &mut waiters {
                        let waiter: &mut Polled<'_, ()> = waiter;
                        *was_set |= waiter.waits;
                    }
                }
                1 => {
                    event.clear();
                    is_set = false;
                }
                2 if waiters.len() < 4 => waiters.push((Polled::new(event.wait()), false)),
                3 if !waiters.is_empty() => {
                    drop(waiters.swap_remove(chance.below(waiters.len())));
                }
                _ if !waiters.is_empty() => {
                    let index = chance.below(waiters.len());
                    let (waiter, was_set) = &mut waiters[index];
                    let may = *was_set || is_set;
                    assert_eq!(waiter.is_ready(), may, "seed {seed}");
                    if may {
                        drop(waiters.swap_remove(index));
                    }
                }
                _ => {}
            }
            for (waiter, was_set) in &waiters {
                assert_eq!(waiter.is_woken(), *was_set, "seed {seed}");
            }
        }
    }
}
