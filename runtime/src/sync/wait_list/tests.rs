//! Who leaves the queue, and from where.

use std::pin::pin;
use std::task::Waker;

use super::*;

fn order(queue: &mut Queue<u8>) -> Vec<u8> {
    let mut values = Vec::new();
    while let Some(value) = queue.first() {
        values.push(value);
        queue.pop_first(value);
    }
    values
}

#[test]
fn waiters_leave_from_either_end_and_from_the_middle() {
    let mut queue = Queue::new();
    let mut one = pin!(Waiter::new(1));
    let mut two = pin!(Waiter::new(2));
    let mut three = pin!(Waiter::new(3));
    let mut four = pin!(Waiter::new(4));
    for waiter in [&mut one, &mut two, &mut three, &mut four] {
        assert!(
            queue
                .enlist(waiter.as_mut(), Some(Waker::noop().clone()))
                .is_none()
        );
        assert!(queue.is_linked(waiter));
    }
    let left = queue.delist(two.as_mut());
    assert!(left.linked);
    assert_eq!(left.value, 2);
    assert!(queue.pop_last(40).is_some());
    assert_eq!(order(&mut queue), [1, 3]);
    assert!(queue.is_empty());
    let left = queue.delist(four.as_mut());
    assert!(!left.linked);
    assert_eq!(left.value, 40);
    for waiter in [&mut one, &mut three] {
        assert!(!queue.delist(waiter.as_mut()).linked);
        assert!(!waiter.is_enlisted());
    }
}

#[test]
fn a_waiter_can_come_again() {
    let mut queue = Queue::new();
    let mut one = pin!(Waiter::new(1));
    let mut two = pin!(Waiter::new(2));
    assert!(queue.enlist(one.as_mut(), None).is_none());
    assert!(queue.enlist(two.as_mut(), None).is_none());
    queue.delist(one.as_mut());
    assert!(queue.enlist(one.as_mut(), None).is_none());
    assert_eq!(order(&mut queue), [2, 1]);
    queue.delist(one.as_mut());
    queue.delist(two.as_mut());
}

#[test]
#[should_panic = "a waiter waits in one place"]
fn a_waiter_waits_in_one_queue_only() {
    let mut queue = Queue::new();
    let mut waiter = pin!(Waiter::new(()));
    let _ = queue.enlist(waiter.as_mut(), None);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = Queue::new().enlist(waiter.as_mut(), None);
    }));
    queue.delist(waiter.as_mut());
    std::panic::resume_unwind(outcome.unwrap_err());
}

#[test]
fn another_queue_cannot_touch_a_waiter() {
    let mut queue = Queue::new();
    let mut other = Queue::new();
    let mut waiter = pin!(Waiter::new(()));
    let mut stranger = pin!(Waiter::new(()));
    let _ = queue.enlist(waiter.as_mut(), None);
    let _ = other.enlist(stranger.as_mut(), None);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        other.delist(waiter.as_mut());
    }));
    assert!(outcome.is_err());
    queue.delist(waiter.as_mut());
    other.delist(stranger.as_mut());
}
