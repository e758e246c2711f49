//! Who gets permits, and in which order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::*;
use crate::sync::testing::{Chance, Polled, panics, ready, wake_panics};

#[test]
fn one_that_wants_many_is_not_overtaken() {
    let semaphore = Semaphore::new(1);
    let mut many = Polled::new(semaphore.acquire_many(3));
    assert!(!many.is_ready());
    assert_eq!(semaphore.available_permits(), 0, "it has the free one");
    let mut one = Polled::new(semaphore.acquire());
    assert!(!one.is_ready());
    assert_eq!(semaphore.statistics().waiting, 2);
    semaphore.add_permits(1);
    assert!(!many.is_woken());
    assert!(!one.is_woken());
    semaphore.add_permits(2);
    assert!(many.is_woken());
    assert!(one.is_woken());
    assert_eq!(ready(many.poll()).unwrap().num_permits(), 3);
    assert!(one.is_ready());
}

#[test]
fn one_that_goes_away_passes_on_what_it_had() {
    let semaphore = Semaphore::new(2);
    let mut many = Polled::new(semaphore.acquire_many(3));
    let mut others = [(); 2].map(|()| Polled::new(semaphore.acquire()));
    assert!(!many.is_ready());
    for other in &mut others {
        assert!(!other.is_ready());
    }
    drop(many);
    for mut other in others {
        assert!(other.is_woken());
        assert!(other.is_ready());
    }
}

#[test]
fn one_that_was_given_permits_and_goes_away_passes_them_on() {
    let semaphore = Semaphore::new(0);
    let mut first = Polled::new(semaphore.acquire_many(2));
    let mut second = Polled::new(semaphore.acquire());
    assert!(!first.is_ready());
    assert!(!second.is_ready());
    semaphore.add_permits(2);
    assert!(first.is_woken());
    assert!(!second.is_woken());
    drop(first);
    assert!(second.is_woken());
    assert_eq!(semaphore.available_permits(), 1);
    ready(second.poll()).unwrap().forget();
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn nobody_overtakes_whoever_was_given_a_permit() {
    let semaphore = Semaphore::new(0);
    let mut waiter = Polled::new(semaphore.acquire());
    assert!(!waiter.is_ready());
    semaphore.add_permits(1);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    let mut newcomer = Polled::new(semaphore.acquire());
    assert!(!newcomer.is_ready());
    assert!(waiter.is_ready());
}

#[test]
fn closing_tells_those_who_wait_and_those_who_come() {
    let semaphore = Arc::new(Semaphore::new(1));
    let held = semaphore.clone().try_acquire_owned().unwrap();
    let mut waiters: Vec<_> = (0..40).map(|_| Polled::new(semaphore.acquire())).collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    let mut owned = Polled::new(semaphore.clone().acquire_many_owned(2));
    assert!(!owned.is_ready());
    semaphore.close();
    assert!(semaphore.is_closed());
    for waiter in &mut waiters {
        assert!(waiter.is_woken());
        assert!(ready(waiter.poll()).is_err());
    }
    assert!(ready(owned.poll()).is_err());
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
    assert!(ready(Polled::new(semaphore.acquire_many(0)).poll()).is_err());
    drop(held);
    assert_eq!(semaphore.available_permits(), 1, "a permit comes back");
}

#[test]
fn what_one_had_when_it_was_closed_comes_back() {
    let semaphore = Semaphore::new(2);
    let mut many = Polled::new(semaphore.acquire_many(3));
    assert!(!many.is_ready());
    let mut other = Polled::new(semaphore.acquire_many(9));
    assert!(!other.is_ready());
    semaphore.close();
    assert!(ready(many.poll()).is_err());
    assert_eq!(semaphore.available_permits(), 2);
    drop(other);
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn permits_are_parted_and_put_together() {
    let (semaphore, other) = (Arc::new(Semaphore::new(5)), Semaphore::new(1));
    let mut permits = semaphore.try_acquire_many(4).unwrap();
    assert!(permits.split(5).is_none());
    let two = permits.split(2).unwrap();
    assert_eq!((permits.num_permits(), two.num_permits()), (2, 2));
    permits.merge(two);
    assert_eq!(permits.num_permits(), 4);
    assert!(panics(|| permits.merge(other.try_acquire().unwrap())));
    assert_eq!(other.available_permits(), 1);
    drop(permits);
    assert_eq!(semaphore.available_permits(), 5);
    let mut owned = semaphore.clone().try_acquire_many_owned(3).unwrap();
    let one = owned.split(1).unwrap();
    assert!(owned.split(3).is_none());
    owned.merge(one);
    assert!(Arc::ptr_eq(owned.semaphore(), &semaphore));
    let other = Arc::new(Semaphore::new(1));
    assert!(panics(|| owned.merge(other.try_acquire_owned().unwrap())));
    semaphore.clone().try_acquire_owned().unwrap().forget();
    drop(owned);
    assert_eq!(semaphore.available_permits(), 4);
}

#[test]
fn there_are_no_more_permits_than_there_can_be() {
    assert!(panics(|| drop(Semaphore::new(Semaphore::MAX_PERMITS + 1))));
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    assert!(panics(|| semaphore.add_permits(1)));
    assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
    assert_eq!(semaphore.forget_permits(usize::MAX), Semaphore::MAX_PERMITS);
    assert_eq!(semaphore.forget_permits(1), 0);
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    let semaphore = Semaphore::new(0);
    let mut bad = Box::pin(semaphore.acquire());
    let waker = wake_panics();
    assert!(
        bad.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut good = Polled::new(semaphore.acquire());
    assert!(!good.is_ready());
    assert!(panics(|| semaphore.add_permits(2)));
    assert!(good.is_woken());
    assert!(good.is_ready());
    drop(bad);
    assert_eq!(semaphore.available_permits(), 2);
}

/// Tasks come for some permits, wait, are polled and dropped at random, against a model.
#[test]
fn no_schedule_loses_permits_or_gives_them_out_of_turn() {
    for seed in 0..100_000 {
        run_schedule(seed);
    }
}

fn run_schedule(seed: u64) {
    let mut chance = Chance::new(seed);
    let mut total = chance.below(4);
    let semaphore = Semaphore::new(total);
    let mut next = 0;
    let mut waiters = Vec::new();
    // Who has been polled and has no permits, in that order, with what it wants.
    let mut queue: VecDeque<(usize, usize)> = VecDeque::new();
    let mut held: Vec<SemaphorePermit<'_>> = Vec::new();
    for _ in 0..24 {
        match chance.below(7) {
            0 if waiters.len() < 4 => {
                let wanted = chance.below(4);
                let permits = semaphore.acquire_many(u32::try_from(wanted).unwrap());
                waiters.push((next, wanted, Polled::new(permits)));
                next += 1;
            }
            1 if !held.is_empty() => drop(held.swap_remove(chance.below(held.len()))),
            2 if !waiters.is_empty() => {
                let (name, _, waiter) = waiters.swap_remove(chance.below(waiters.len()));
                drop(waiter);
                queue.retain(|&(other, _)| other != name);
            }
            3 => {
                let given: usize = held.iter().map(SemaphorePermit::num_permits).sum();
                let free = total - given;
                let wanted = chance.below(3);
                let may = wanted <= free_for_newcomers(free, &queue);
                let taken = semaphore.try_acquire_many(u32::try_from(wanted).unwrap());
                assert_eq!(taken.is_ok(), may, "seed {seed}");
                held.extend(taken);
            }
            4 => {
                semaphore.add_permits(1);
                total += 1;
            }
            _ if !waiters.is_empty() => {
                let index = chance.below(waiters.len());
                let (name, wanted, waiter) = &mut waiters[index];
                let given: usize = held.iter().map(SemaphorePermit::num_permits).sum();
                let free = total - given;
                let turn = match queue.iter().position(|(other, _)| other == name) {
                    Some(place) => free >= queue.iter().take(place + 1).map(|it| it.1).sum(),
                    None => *wanted <= free_for_newcomers(free, &queue),
                };
                match waiter.poll() {
                    Poll::Pending => {
                        assert!(!turn, "seed {seed}: it was its turn");
                        if !queue.iter().any(|(other, _)| other == name) {
                            queue.push_back((*name, *wanted));
                        }
                    }
                    Poll::Ready(given) => {
                        assert!(turn, "seed {seed}: it was not its turn");
                        queue.retain(|(other, _)| other != name);
                        held.push(given.unwrap());
                        waiters.swap_remove(index);
                    }
                }
            }
            _ => {}
        }
        let given: usize = held.iter().map(SemaphorePermit::num_permits).sum();
        let mut free = total - given;
        for (name, wanted) in &queue {
            match free.checked_sub(*wanted) {
                None => break,
                Some(left) => free = left,
            }
            let (_, _, waiter) = waiters.iter().find(|(other, ..)| other == name).unwrap();
            assert!(
                waiter.is_woken(),
                "seed {seed}: nobody woke one who has all"
            );
        }
    }
    drop(held);
    drop(waiters);
    assert_eq!(semaphore.available_permits(), total, "seed {seed}");
    assert_eq!(semaphore.statistics().waiting, 0);
}

/// What one who comes may take: what those who wait leave, if all of them have what they want.
fn free_for_newcomers(free: usize, queue: &VecDeque<(usize, usize)>) -> usize {
    let wanted: usize = queue.iter().map(|it| it.1).sum();
    free.saturating_sub(wanted)
}
