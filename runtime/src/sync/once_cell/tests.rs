//! Who makes the value.

use std::cell::Cell;
use std::future::{pending, ready as at_once};
use std::rc::Rc;

use super::*;
use crate::sync::testing::{Chance, Counted, Polled, panics, ready};

#[test]
fn the_first_makes_the_value_and_the_others_get_it() {
    let cell = OnceCell::new();
    let told = Cell::new(None);
    let mut first =
        Polled::new(cell.get_or_init(|| {
            std::future::poll_fn(|_| told.take().map_or(Poll::Pending, Poll::Ready))
        }));
    assert!(!first.is_ready());
    let mut second = Polled::new(cell.get_or_init(|| at_once(2)));
    assert!(!second.is_ready());
    assert_eq!(cell.set(3), Err(SetError::InitializingError(3)));
    told.set(Some(1));
    assert_eq!(ready(first.poll()), &1);
    assert!(second.is_woken());
    assert_eq!(ready(second.poll()), &1);
    assert_eq!(cell.set(3), Err(SetError::AlreadyInitializedError(3)));
    assert_eq!(ready(Polled::new(cell.get_or_init(pending)).poll()), &1);
}

#[test]
fn the_next_tries_when_one_fails_panics_or_goes_away() {
    let cell: OnceCell<u8> = OnceCell::new();
    let fails = Cell::new(false);
    let mut first = Polled::new(cell.get_or_try_init(|| {
        std::future::poll_fn(|_| match fails.get() {
            true => Poll::Ready(Err("failed")),
            false => Poll::Pending,
        })
    }));
    assert!(!first.is_ready());
    let mut second = Polled::new(
        cell.get_or_init(|| std::future::poll_fn(|_| -> Poll<u8> { panic!("it cannot be made") })),
    );
    assert!(!second.is_ready());
    let mut third = Polled::new(cell.get_or_init(pending));
    assert!(!third.is_ready());
    let mut fourth = Polled::new(cell.get_or_init(|| at_once(4)));
    assert!(!fourth.is_ready());
    fails.set(true);
    assert_eq!(ready(first.poll()), Err("failed"));
    assert!(second.is_woken());
    assert!(panics(|| {
        let _ = second.poll();
    }));
    assert!(third.is_woken());
    assert!(!third.is_ready());
    assert!(!fourth.is_woken());
    drop(third);
    assert!(fourth.is_woken());
    assert_eq!(ready(fourth.poll()), &4);
}

#[test]
fn a_value_is_dropped_once() {
    let alive = Rc::new(Cell::new(0));
    let mut cell = OnceCell::from(Counted::new(1, &alive));
    assert_eq!(cell.get_mut().unwrap().number, 1);
    assert!(cell.set(Counted::new(2, &alive)).is_err());
    assert_eq!(alive.get(), 1);
    drop(cell.take());
    assert_eq!(alive.get(), 0);
    assert!(cell.set(Counted::new(3, &alive)).is_ok());
    assert_eq!(cell.get().unwrap().number, 3);
    drop(OnceCell::const_new_with(Counted::new(4, &alive)).into_inner());
    assert_eq!(alive.get(), 1);
    drop(cell);
    assert_eq!(alive.get(), 0);
}

#[test]
fn cells_are_compared_and_cloned_with_their_values() {
    let cell = OnceCell::new_with(Some(1));
    assert_eq!(cell.clone(), cell);
    assert_ne!(cell, OnceCell::default());
    assert_eq!(format!("{cell:?}"), "OnceCell { value: Some(1) }");
}

/// However tasks come, fail and go away: one value is made, and everybody who waits gets it.
#[test]
fn no_schedule_makes_two_values_or_forgets_one_who_waits() {
    for seed in 0..20_000 {
        let mut chance = Chance::new(seed);
        let cell: OnceCell<usize> = OnceCell::new();
        let (makers, made) = (Cell::new(0), Cell::new(0));
        let make = |number: usize, fails: bool| {
            let (makers, made) = (&makers, &made);
            let mut begun = false;
            std::future::poll_fn(move |cx| {
                if !begun {
                    begun = true;
                    makers.set(makers.get() + 1);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if fails {
                    return Poll::Ready(Err(()));
                }
                made.set(made.get() + 1);
                Poll::Ready(Ok(number))
            })
        };
        let mut tasks = Vec::new();
        for number in 0..24 {
            match chance.below(3) {
                0 => {
                    let fails = chance.one_in(3);
                    tasks.push(Polled::new(
                        cell.get_or_try_init(move || make(number, fails)),
                    ));
                }
                1 if !tasks.is_empty() => drop(tasks.remove(chance.below(tasks.len()))),
                _ if !tasks.is_empty() => {
                    let index = chance.below(tasks.len());
                    if tasks[index].is_ready() {
                        drop(tasks.remove(index));
                    }
                }
                _ => {}
            }
        }
        // One that was woken is polled, until nobody is.
        let mut left = 0;
        while let Some(index) = tasks.iter().position(|task| !task.waits || task.is_woken()) {
            if tasks[index].is_ready() {
                drop(tasks.remove(index));
                left += 1;
            }
        }
        assert!(
            tasks.is_empty(),
            "seed {seed}: {} wait for ever",
            tasks.len()
        );
        assert_eq!(made.get(), usize::from(cell.initialized()), "seed {seed}");
        assert!(makers.get() > 0 || left == 0, "seed {seed}");
    }
}
