//! Who passes a barrier, and with which number.

use std::collections::BTreeSet;
use std::task::{Context, Poll};

use super::breakable::{Barrier as Breakable, BarrierState, BrokenBarrier};
use super::*;
use crate::sync::testing::{Chance, Polled, panics, ready, wake_panics};

#[test]
fn a_barrier_for_none_or_one_lets_everybody_through() {
    for parties in [0, 1] {
        let barrier = Barrier::new(parties);
        for _ in 0..3 {
            let passed = ready(Polled::new(barrier.wait()).poll());
            assert!(passed.is_leader());
            assert_eq!(passed.index(), 0);
        }
    }
    assert!(panics(|| drop(Breakable::new(0))));
}

#[test]
fn the_last_wakes_the_others_and_leads() {
    let barrier = Barrier::new(40);
    let mut first: Vec<_> = (0..39).map(|_| Polled::new(barrier.wait())).collect();
    for waiter in &mut first {
        assert!(!waiter.is_ready());
    }
    assert!(ready(Polled::new(barrier.wait()).poll()).is_leader());
    for (index, waiter) in first.iter_mut().enumerate() {
        assert!(waiter.is_woken());
        let passed = ready(waiter.poll());
        assert!(!passed.is_leader());
        assert_eq!(passed.index(), index);
    }
}

#[test]
fn a_group_may_form_before_the_last_one_has_gone() {
    let barrier = Barrier::new(2);
    let mut late = Polled::new(barrier.wait());
    assert!(!late.is_ready());
    assert!(Polled::new(barrier.wait()).is_ready());
    let mut next = Polled::new(barrier.wait());
    assert!(!next.is_ready());
    assert!(Polled::new(barrier.wait()).is_ready());
    assert!(late.is_ready());
    assert!(next.is_ready());
}

#[test]
fn one_that_goes_away_has_not_come_and_takes_no_number() {
    let barrier = Barrier::new(3);
    let mut gone = Polled::new(barrier.wait());
    assert!(!gone.is_ready());
    let mut one = Polled::new(barrier.wait());
    assert!(!one.is_ready());
    drop(gone);
    let mut two = Polled::new(barrier.wait());
    assert!(!two.is_ready());
    let three = ready(Polled::new(barrier.wait()).poll());
    let numbers = [ready(one.poll()), ready(two.poll()), three].map(|passed| passed.index());
    assert_eq!(numbers, [0, 1, 2]);
}

#[test]
fn who_comes_while_a_group_leaves_waits_for_it() {
    let barrier = Breakable::new(2);
    let mut late = Polled::new(barrier.wait());
    assert!(!late.is_ready());
    assert_eq!(barrier.waiting(), 1);
    assert!(Polled::new(barrier.wait()).is_ready());
    assert_eq!(barrier.state(), BarrierState::Draining);
    let mut next = [(); 2].map(|()| Polled::new(barrier.wait()));
    for waiter in &mut next {
        assert!(!waiter.is_ready());
    }
    assert_eq!(barrier.waiting(), 0);
    assert!(!next[0].is_woken());
    assert_eq!(ready(late.poll()).unwrap().index(), 0);
    assert_eq!(
        barrier.state(),
        BarrierState::Draining,
        "the next ones leave"
    );
    for (index, waiter) in next.iter_mut().enumerate() {
        assert!(waiter.is_woken());
        assert_eq!(ready(waiter.poll()).unwrap().index(), index);
    }
    assert_eq!(barrier.state(), BarrierState::Filling);
}

#[test]
fn one_that_was_let_through_and_goes_away_has_left() {
    let barrier = Breakable::new(2);
    let mut late = Polled::new(barrier.wait());
    assert!(!late.is_ready());
    assert!(Polled::new(barrier.wait()).is_ready());
    let mut next = Polled::new(barrier.wait());
    assert!(!next.is_ready());
    drop(late);
    assert_eq!(
        (barrier.state(), barrier.waiting()),
        (BarrierState::Filling, 1)
    );
    assert!(Polled::new(barrier.wait()).is_ready());
    assert!(next.is_ready());
}

#[test]
fn reset_tells_those_who_wait_and_no_others() {
    let barrier = Breakable::new(3);
    let mut waiting = [(); 2].map(|()| Polled::new(barrier.wait()));
    for waiter in &mut waiting {
        assert!(!waiter.is_ready());
    }
    barrier.reset();
    assert_eq!(
        (barrier.state(), barrier.waiting()),
        (BarrierState::Resetting, 0)
    );
    let mut next = [(); 3].map(|()| Polled::new(barrier.wait()));
    for waiter in &mut next {
        assert!(!waiter.is_ready(), "the others have not left");
    }
    barrier.reset();
    for waiter in &mut waiting {
        assert!(waiter.is_woken());
        assert!(matches!(ready(waiter.poll()), Err(BrokenBarrier)));
    }
    for waiter in &mut next {
        assert!(ready(waiter.poll()).is_ok());
    }
    assert_eq!(barrier.state(), BarrierState::Filling);
    barrier.reset();
    assert_eq!(barrier.state(), BarrierState::Filling);
}

#[test]
fn reset_leaves_those_alone_who_were_let_through() {
    let barrier = Breakable::new(2);
    let mut late = Polled::new(barrier.wait());
    assert!(!late.is_ready());
    assert!(Polled::new(barrier.wait()).is_ready());
    let mut next = Polled::new(barrier.wait());
    assert!(!next.is_ready());
    barrier.reset();
    assert!(ready(late.poll()).is_ok());
    assert!(!next.is_woken());
    assert!(Polled::new(barrier.wait()).is_ready());
    assert!(ready(next.poll()).is_ok());
}

#[test]
fn a_broken_barrier_stays_so_until_it_is_reset() {
    let barrier = Breakable::new(2);
    let mut waiting = Polled::new(barrier.wait());
    assert!(!waiting.is_ready());
    barrier.abort();
    assert!(barrier.is_broken());
    assert!(waiting.is_woken());
    assert!(ready(Polled::new(barrier.wait()).poll()).is_err());
    barrier.reset();
    assert_eq!(barrier.state(), BarrierState::Resetting);
    assert!(ready(waiting.poll()).is_err());
    assert_eq!(barrier.state(), BarrierState::Filling);
    let mut one = Polled::new(barrier.wait());
    assert!(!one.is_ready());
    assert!(ready(Polled::new(barrier.wait()).poll()).is_ok());
    assert!(ready(one.poll()).is_ok());
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    let barrier = Barrier::new(3);
    let mut bad = Box::pin(barrier.wait());
    let waker = wake_panics();
    let polled = bad.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let mut good = Polled::new(barrier.wait());
    assert!(!good.is_ready());
    assert!(panics(|| {
        let _ = Polled::new(barrier.wait()).poll();
    }));
    assert!(good.is_woken());
    assert!(good.is_ready());
}

/// Tasks come, are polled and go away at random, and somebody breaks and resets now and then.
#[test]
fn no_schedule_lets_through_too_few_or_gives_a_number_twice() {
    for seed in 0..20_000 {
        run_schedule(seed);
    }
}

/// One who waits, and what the model says that it will be told: the group that it passes with, or
/// that it is broken.
struct Guest<'a> {
    waiter: Polled<'a, Result<BarrierWaitResult, BrokenBarrier>>,
    told: Option<Result<u32, ()>>,
}

fn run_schedule(seed: u64) {
    let mut chance = Chance::new(seed);
    let parties = 1 + chance.below(3);
    let barrier = Breakable::new(parties);
    let mut guests: Vec<Guest<'_>> = Vec::new();
    let mut group = 0;
    let mut broken = false;
    let mut passed: Vec<(u32, usize)> = Vec::new();
    for _ in 0..40 {
        let leaving = guests.iter().any(|guest| guest.told.is_some());
        match chance.below(8) {
            0 if !broken && !leaving => {
                barrier.reset();
                for guest in &mut guests {
                    guest.told = Some(Err(()));
                }
            }
            1 if chance.one_in(3) => {
                barrier.abort();
                for guest in guests.iter_mut().filter(|guest| guest.told.is_none()) {
                    guest.told = Some(Err(()));
                }
                broken = true;
            }
            2 if broken => {
                barrier.reset();
                broken = false;
            }
            3 if !guests.is_empty() => drop(guests.remove(chance.below(guests.len()))),
            4 if !guests.is_empty() => {
                let index = chance.below(guests.len());
                let told = guests[index].told;
                match (guests[index].waiter.poll(), told) {
                    (Poll::Pending, None) => {}
                    (Poll::Ready(Err(BrokenBarrier)), Some(Err(()))) => {
                        guests.remove(index);
                    }
                    (Poll::Ready(Ok(result)), Some(Ok(group))) => {
                        passed.push((group, result.index()));
                        guests.remove(index);
                    }
                    (polled, told) => panic!("seed {seed}: {polled:?}, not {told:?}"),
                }
            }
            _ => {
                let waiting = guests.iter().filter(|guest| guest.told.is_none()).count();
                let mut waiter = Polled::new(barrier.wait());
                let may = !broken && !leaving && waiting + 1 == parties;
                match waiter.poll() {
                    Poll::Ready(Err(BrokenBarrier)) => assert!(broken, "seed {seed}"),
                    Poll::Ready(Ok(result)) => {
                        assert!(may, "seed {seed}: it was let through");
                        assert!(result.is_leader(), "seed {seed}");
                        passed.push((group, result.index()));
                        for guest in &mut guests {
                            guest.told = Some(Ok(group));
                        }
                        group += 1;
                    }
                    Poll::Pending => {
                        assert!(!may && !broken, "seed {seed}: it was kept");
                        let told = None;
                        guests.push(Guest { waiter, told });
                    }
                }
            }
        }
        // When the last of a group has left, a complete group of those who came since is let through.
        let leaving = guests.iter().any(|guest| guest.told.is_some());
        if !leaving && !broken && guests.len() >= parties {
            for guest in guests.iter_mut().take(parties) {
                guest.told = Some(Ok(group));
            }
            group += 1;
        }
        for guest in &guests {
            let told = guest.told.is_some();
            assert_eq!(guest.waiter.is_woken(), told, "seed {seed}");
        }
        assert_eq!(barrier.is_broken(), broken, "seed {seed}");
    }
    let numbers: BTreeSet<_> = passed.iter().collect();
    assert_eq!(numbers.len(), passed.len(), "seed {seed}: {passed:?}");
    assert!(passed.iter().all(|(_, index)| *index < parties));
}
