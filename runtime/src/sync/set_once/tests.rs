//! Who is told of the value.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::sync::testing::{Counted, Polled, panics, ready, wake_panics};

#[test]
fn everybody_who_waits_is_told() {
    let cell = SetOnce::new();
    let mut waiters: Vec<_> = (0..40).map(|_| Polled::new(cell.wait())).collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    drop(waiters.remove(20));
    assert_eq!(cell.get(), None);
    assert_eq!(cell.set(1), Ok(()));
    assert_eq!(cell.set(2), Err(SetOnceError(2)));
    for waiter in &mut waiters {
        assert!(waiter.is_woken());
        assert_eq!(ready(waiter.poll()), &1);
    }
    assert_eq!(ready(Polled::new(cell.wait()).poll()), &1);
}

#[test]
fn one_that_is_polled_with_another_waker_wakes_that_one() {
    let cell = SetOnce::new();
    let mut waiter = Polled::new(cell.wait());
    assert!(!waiter.is_ready());
    assert!(waiter.poll_anew().is_pending());
    assert_eq!(waiter.wakers(), 1);
    cell.set(()).unwrap();
    assert!(waiter.is_woken());
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    let cell = SetOnce::new();
    let mut bad = Box::pin(cell.wait());
    let waker = wake_panics();
    let polled = bad.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let mut good = Polled::new(cell.wait());
    assert!(!good.is_ready());
    assert!(panics(|| cell.set(1).unwrap()));
    assert!(good.is_woken());
    assert_eq!(ready(good.poll()), &1);
}

#[test]
fn a_value_is_dropped_once() {
    let alive = Rc::new(Cell::new(0));
    let cell = SetOnce::const_new_with(Counted::new(1, &alive));
    assert!(cell.set(Counted::new(2, &alive)).is_err());
    assert_eq!(alive.get(), 1);
    assert_eq!(cell.into_inner().unwrap().number, 1);
    assert_eq!(alive.get(), 0);
    let cell = SetOnce::new_with(Some(Counted::new(3, &alive)));
    assert!(cell.initialized());
    drop(cell);
    assert_eq!(alive.get(), 0);
}

#[test]
fn cells_are_compared_and_cloned_with_their_values() {
    let cell = SetOnce::from(1);
    assert_eq!(cell.clone(), cell);
    assert_ne!(cell, SetOnce::default());
    assert_eq!(format!("{cell:?}"), "SetOnce { value: Some(1) }");
}
