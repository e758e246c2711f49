//! Who sees which value, and is told of it.

use std::cell::Cell;
use std::task::{Context, Poll};

use super::*;
use crate::sync::testing::{Chance, Polled, panics, ready, wake_panics};

#[test]
fn a_receiver_sees_the_last_value_and_is_told_once() {
    let (sender, mut receiver) = channel(1);
    assert!(!receiver.has_changed().unwrap());
    let mut changed = Polled::new(receiver.changed());
    assert!(!changed.is_ready());
    sender.send(2).unwrap();
    sender.send(3).unwrap();
    assert!(changed.is_woken());
    ready(changed.poll()).unwrap();
    drop(changed);
    assert_eq!(*receiver.borrow(), 3);
    assert!(!Polled::new(receiver.changed()).is_ready());
}

#[test]
fn what_was_sent_before_the_end_is_seen_after_it() {
    let (sender, mut receiver) = channel(1);
    let other = sender.clone();
    sender.send(2).unwrap();
    drop(sender);
    assert!(receiver.has_changed().unwrap());
    drop(other);
    assert!(receiver.is_closed());
    assert!(receiver.has_changed().is_err());
    ready(Polled::new(receiver.changed()).poll()).unwrap();
    assert!(ready(Polled::new(receiver.changed()).poll()).is_err());
    assert_eq!(*receiver.borrow(), 2);
}

#[test]
fn the_last_sender_wakes_everybody() {
    let (sender, receiver) = channel(());
    let mut receivers: Vec<_> = (0..40).map(|_| receiver.clone()).collect();
    let mut waiters: Vec<_> = receivers
        .iter_mut()
        .map(|it| Polled::new(it.changed()))
        .collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    drop(sender.clone());
    assert!(!waiters[0].is_woken());
    drop(sender);
    for waiter in &mut waiters {
        assert!(waiter.is_woken());
        assert!(ready(waiter.poll()).is_err());
    }
}

#[test]
fn marks_are_set_and_taken_away() {
    let (sender, mut receiver) = channel(1);
    receiver.mark_changed();
    assert!(receiver.has_changed().unwrap());
    assert!(receiver.borrow().has_changed());
    assert!(receiver.borrow_and_update().has_changed());
    assert!(!receiver.has_changed().unwrap());
    sender.send(2).unwrap();
    let mut late = receiver.clone();
    receiver.mark_unchanged();
    assert!(!Polled::new(receiver.changed()).is_ready());
    assert!(
        Polled::new(late.changed()).is_ready(),
        "a clone has not seen it"
    );
    assert!(!sender.borrow().has_changed());
    assert!(!sender.subscribe().has_changed().unwrap());
}

#[test]
fn the_end_of_the_receivers_is_told_unless_there_is_another() {
    let (sender, receiver) = channel(1);
    let other = receiver.clone();
    let mut closed = Polled::new(sender.closed());
    assert!(!closed.is_ready());
    drop(receiver);
    assert!(!closed.is_woken());
    drop(other);
    assert!(closed.is_woken());
    let again = sender.subscribe();
    assert!(!closed.is_ready(), "there is one again");
    assert!(!closed.is_woken());
    assert_eq!(sender.receiver_count(), 1);
    drop(again);
    assert!(closed.is_woken());
    assert!(closed.is_ready());
    assert!(sender.is_closed());
    assert_eq!(sender.send(5).unwrap_err().0, 5);
    assert_eq!(*sender.borrow(), 1);
    assert_eq!(sender.send_replace(6), 1);
    assert_eq!(*sender.subscribe().borrow(), 6);
}

#[test]
fn changes_in_place_are_told_if_they_are_some() {
    let (sender, mut receiver) = channel(1);
    assert!(!sender.send_if_modified(|value| {
        *value = 2;
        false
    }));
    assert!(!receiver.has_changed().unwrap());
    assert!(sender.send_if_modified(|_| true));
    assert!(receiver.has_changed().unwrap());
    receiver.mark_unchanged();
    assert!(panics(|| sender.send_modify(|value| {
        *value = 3;
        panic!("half way");
    })));
    assert!(!receiver.has_changed().unwrap());
    assert_eq!(*receiver.borrow(), 3);
    sender.send_modify(|value| *value += 1);
    assert_eq!(*receiver.borrow_and_update(), 4);
}

#[test]
fn wait_for_asks_once_for_each_value() {
    let (sender, mut receiver) = channel(1);
    let asked = Cell::new(0);
    let mut found = Polled::new(receiver.wait_for(|value| {
        asked.set(asked.get() + 1);
        *value == 3
    }));
    assert!(!found.is_ready());
    assert!(found.poll_anew().is_pending());
    assert_eq!(asked.get(), 1);
    sender.send(2).unwrap();
    assert!(found.is_woken());
    assert!(!found.is_ready());
    assert_eq!(asked.get(), 2);
    sender.send(3).unwrap();
    assert!(found.is_woken());
    let value = ready(found.poll()).unwrap();
    assert_eq!(*value, 3);
    assert!(value.has_changed());
    drop(value);
    drop(found);
    assert!(!receiver.has_changed().unwrap());
    let value = ready(Polled::new(receiver.wait_for(|value| *value == 3)).poll());
    assert!(!value.unwrap().has_changed(), "it was seen");
    sender.send(4).unwrap();
    drop(sender);
    assert!(ready(Polled::new(receiver.wait_for(|value| *value == 3)).poll()).is_err());
    assert!(ready(Polled::new(receiver.wait_for(|value| *value == 4)).poll()).is_ok());
    assert!(panics(|| {
        let _ = Polled::new(receiver.wait_for(|_| panic!("no"))).poll();
    }));
    assert_eq!(*receiver.borrow(), 4);
}

#[test]
fn ends_are_counted_and_compared() {
    let (sender, receiver) = channel(1);
    assert_eq!(
        (sender.sender_count(), sender.clone().sender_count()),
        (1, 2)
    );
    assert_eq!(
        (
            sender.receiver_count(),
            receiver.clone().same_channel(&receiver)
        ),
        (1, true)
    );
    let (other, another) = channel(1);
    assert!(!sender.same_channel(&other) && !receiver.same_channel(&another));
    assert!(sender.same_channel(&sender.clone()));
    assert_eq!(*Sender::<u8>::default().borrow(), 0);
    let text = format!("{sender:?} {receiver:?} {:?}", sender.borrow());
    assert!(text.contains("value: 1"), "{text}");
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    let (sender, mut receiver) = channel(1);
    let mut other = receiver.clone();
    let mut bad = Box::pin(receiver.changed());
    let waker = wake_panics();
    assert!(
        bad.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut good = Polled::new(other.changed());
    assert!(!good.is_ready());
    assert!(panics(|| sender.send(2).unwrap()));
    assert!(good.is_woken());
    assert!(good.is_ready());
}

/// Values are sent, waited for, and waits given up at random.
#[test]
fn no_schedule_forgets_to_tell_of_a_value() {
    async fn next(mut receiver: Receiver<usize>) -> Receiver<usize> {
        receiver.changed().await.unwrap();
        receiver
    }
    for seed in 0..20_000 {
        let mut chance = Chance::new(seed);
        let (sender, receiver) = channel(0);
        let mut waits: Vec<_> = [receiver.clone(), receiver]
            .map(|it| (Polled::new(next(it)), 0))
            .into();
        let mut sent = 0;
        for _ in 0..20 {
            let index = chance.below(2);
            let (wait, seen) = &mut waits[index];
            match chance.below(8) {
                0 | 1 => {
                    sent += 1;
                    sender.send(sent).unwrap();
                }
                2 => waits[index] = (Polled::new(next(sender.subscribe())), sent),
                _ => match wait.poll() {
                    Poll::Pending => assert_eq!(*seen, sent, "seed {seed}"),
                    Poll::Ready(receiver) => {
                        assert_ne!(*seen, sent, "seed {seed}");
                        waits[index] = (Polled::new(next(receiver)), sent);
                    }
                },
            }
            for (wait, seen) in &waits {
                let may_sleep = wait.waits && !wait.is_woken();
                assert!(!may_sleep || *seen == sent, "seed {seed}: it was not told");
            }
        }
    }
}
