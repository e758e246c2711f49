//! Who gets which values, and what becomes of those that nobody gets.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Context;

use super::error::{RecvError, TryRecvError};
use super::*;
use crate::sync::testing::{Chance, Counted, Polled, panics, ready, wake_panics};

#[test]
fn every_receiver_gets_every_value() {
    let (sender, mut first) = channel(16);
    let mut second = sender.subscribe();
    assert_eq!(sender.send(1).unwrap(), 2);
    let mut third = sender.subscribe();
    assert_eq!(sender.send(2).unwrap(), 3);
    for receiver in [&mut first, &mut second] {
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }
    assert_eq!(third.len(), 1);
    assert_eq!(third.try_recv(), Ok(2));
    assert!(third.is_empty());
}

#[test]
fn a_value_wakes_everybody_who_waits() {
    let (sender, receiver) = channel(2);
    let mut receivers: Vec<_> = (0..40).map(|_| receiver.resubscribe()).collect();
    let mut waiters: Vec<_> = receivers
        .iter_mut()
        .map(|it| Polled::new(it.recv()))
        .collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    sender.send(1).unwrap();
    for waiter in &mut waiters {
        assert!(waiter.is_woken());
        assert_eq!(ready(waiter.poll()), Ok(1));
    }
}

#[test]
fn one_that_is_behind_learns_how_much_it_has_missed() {
    let (sender, mut receiver) = channel(3);
    for number in 0..6 {
        sender.send(number).unwrap();
    }
    // A power of two is kept.
    assert_eq!((sender.len(), receiver.len()), (4, 6));
    assert_eq!(
        ready(Polled::new(receiver.recv()).poll()),
        Err(RecvError::Lagged(2))
    );
    assert_eq!(receiver.try_recv(), Ok(2));
    sender.send(6).unwrap();
    sender.send(7).unwrap();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
    drop(sender);
    assert!(receiver.is_closed());
    for number in 4..8 {
        assert_eq!(receiver.try_recv(), Ok(number));
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(receiver.resubscribe().try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn the_last_sender_wakes_everybody() {
    let (sender, mut receiver) = channel::<u8>(1);
    let mut other = receiver.resubscribe();
    let mut waits = [Polled::new(receiver.recv()), Polled::new(other.recv())];
    for wait in &mut waits {
        assert!(!wait.is_ready());
    }
    let weak = sender.downgrade();
    let again = weak.upgrade().unwrap();
    assert_eq!((sender.strong_count(), weak.clone().weak_count()), (2, 2));
    drop(sender);
    assert!(!waits[0].is_woken());
    drop(again);
    assert!(weak.upgrade().is_none());
    for wait in &mut waits {
        assert!(wait.is_woken());
        assert_eq!(ready(wait.poll()), Err(RecvError::Closed));
    }
}

#[test]
fn the_end_of_the_receivers_is_told_unless_there_is_another() {
    let sender = Sender::new(1);
    assert!(Polled::new(sender.closed()).is_ready());
    assert_eq!(sender.send(1).unwrap_err().0, 1);
    let receiver = sender.subscribe();
    sender.send(2).unwrap();
    let mut closed = Polled::new(sender.closed());
    assert!(!closed.is_ready());
    drop(receiver);
    assert!(closed.is_woken());
    assert!(sender.is_empty());
    let again = sender.subscribe();
    assert!(!closed.is_ready(), "there is one again");
    drop(again);
    assert!(closed.is_ready());
}

#[test]
fn values_that_all_have_got_or_nobody_will_are_dropped() {
    let alive = Rc::new(Cell::new(0));
    let value = || Rc::new(Counted::new(0, &alive));
    let (sender, mut first) = channel(2);
    let mut second = sender.subscribe();
    sender.send(value()).unwrap();
    sender.send(value()).unwrap();
    drop(first.try_recv());
    assert_eq!((alive.get(), sender.len()), (2, 2));
    drop(second.try_recv());
    assert_eq!((alive.get(), sender.len()), (1, 1));
    sender.send(value()).unwrap();
    sender.send(value()).unwrap();
    assert_eq!(
        (alive.get(), sender.len()),
        (2, 2),
        "a newer one took its place"
    );
    drop(first);
    assert_eq!(alive.get(), 2);
    drop(second);
    assert_eq!((alive.get(), sender.len()), (0, 0));
}

#[test]
fn a_value_that_cannot_be_cloned_is_missed() {
    #[derive(Debug, PartialEq)]
    struct Value(u8);
    impl Clone for Value {
        fn clone(&self) -> Self {
            assert_ne!(self.0, 0, "a clone panics");
            Self(self.0)
        }
    }
    let (sender, mut receiver) = channel(2);
    sender.send(Value(0)).unwrap();
    sender.send(Value(1)).unwrap();
    assert!(panics(|| drop(receiver.try_recv())));
    assert_eq!(receiver.try_recv(), Ok(Value(1)));
}

/// Neither waking nor dropping a waker, nor dropping a value, happens under the lock.
#[test]
fn foreign_code_may_use_the_channel() {
    struct Sends(Sender<()>);
    impl Drop for Sends {
        fn drop(&mut self) {
            assert!(self.0.len() <= 2);
            let _ = self.0.send(());
        }
    }
    impl std::task::Wake for Sends {
        fn wake(self: std::sync::Arc<Self>) {
            let _ = self.0.send(());
        }
    }
    let (sender, mut receiver) = channel(2);
    let waker = std::task::Waker::from(std::sync::Arc::new(Sends(sender.clone())));
    let mut wait = Box::pin(receiver.recv());
    assert!(
        wait.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(
        wait.as_mut().poll(&mut cx).is_pending(),
        "its old waker was dropped after it looked"
    );
    assert!(wait.as_mut().poll(&mut cx).is_ready());
    let waker = std::task::Waker::from(std::sync::Arc::new(Sends(sender.clone())));
    drop(wait);
    let mut wait = Box::pin(receiver.recv());
    assert!(
        wait.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    sender.send(()).unwrap();
    assert!(wait.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    let (sender, mut receiver) = channel(1);
    let mut other = receiver.resubscribe();
    let mut bad = Box::pin(receiver.recv());
    let waker = wake_panics();
    assert!(
        bad.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut good = Polled::new(other.recv());
    assert!(!good.is_ready());
    assert!(panics(|| drop(sender.send(2))));
    assert!(good.is_woken());
    assert_eq!(ready(good.poll()), Ok(2));
}

#[test]
fn a_channel_keeps_at_least_one_value_and_not_too_many() {
    assert!(panics(|| drop(channel::<u8>(0))));
    assert!(panics(|| drop(channel::<u8>(1 + (usize::MAX >> 1)))));
    let (sender, receiver) = channel::<u8>(1);
    let (other, another) = channel::<u8>(1);
    assert!(sender.same_channel(&sender.clone()) && !sender.same_channel(&other));
    assert!(receiver.same_channel(&receiver.resubscribe()) && !receiver.same_channel(&another));
    assert_eq!(
        (receiver.sender_strong_count(), receiver.sender_weak_count()),
        (1, 0)
    );
}

/// Values are sent and received at random, receivers come and go, against a model.
#[test]
fn no_schedule_loses_a_value_or_gives_one_twice() {
    for seed in 0..50_000 {
        run_schedule(seed);
    }
}

fn run_schedule(seed: u64) {
    let mut chance = Chance::new(seed);
    let capacity = 1 << chance.below(3);
    let sender = Sender::new(capacity);
    // Each receiver with what it has not got, and how much of it was missed.
    let mut receivers: Vec<(Receiver<usize>, VecDeque<usize>, u64)> = Vec::new();
    for number in 0..30 {
        match chance.below(6) {
            0 if receivers.len() < 3 => {
                receivers.push((sender.subscribe(), VecDeque::new(), 0));
            }
            1 if !receivers.is_empty() && chance.one_in(3) => {
                drop(receivers.swap_remove(chance.below(receivers.len())));
            }
            2 | 3 => {
                let sent = sender.send(number);
                assert_eq!(sent.is_ok(), !receivers.is_empty(), "seed {seed}");
                for (_, waiting, missed) in &mut receivers {
                    waiting.push_back(number);
                    if waiting.len() > capacity {
                        waiting.pop_front();
                        *missed += 1;
                    }
                }
            }
            _ if !receivers.is_empty() => {
                let index = chance.below(receivers.len());
                let (receiver, waiting, missed) = &mut receivers[index];
                let expected = match std::mem::take(missed) {
                    0 => waiting.pop_front().ok_or(TryRecvError::Empty),
                    missed => Err(TryRecvError::Lagged(missed)),
                };
                assert_eq!(receiver.try_recv(), expected, "seed {seed}");
            }
            _ => {}
        }
        let lens = receivers.iter().map(|(_, waiting, _)| waiting.len());
        assert_eq!(sender.len(), lens.max().unwrap_or(0), "seed {seed}");
        for (receiver, waiting, missed) in &receivers {
            assert_eq!(
                receiver.len() as u64,
                waiting.len() as u64 + missed,
                "seed {seed}"
            );
        }
    }
}
