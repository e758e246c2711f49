//! Who is woken by the value, and by the end of the other side.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::sync::testing::{Chance, Counted, Polled, panics, ready, wake_panics};

#[test]
fn a_value_wakes_the_receiver() {
    let (sender, receiver) = channel();
    let mut receiver = Polled::new(receiver);
    assert!(!receiver.is_ready());
    sender.send(1).unwrap();
    assert!(receiver.is_woken());
    assert_eq!(ready(receiver.poll()), Ok(1));
}

#[test]
fn a_sender_that_is_dropped_wakes_the_receiver() {
    let (sender, receiver) = channel::<u8>();
    let mut receiver = Polled::new(receiver);
    assert!(!receiver.is_ready());
    drop(sender);
    assert!(receiver.is_woken());
    assert!(ready(receiver.poll()).is_err());
}

#[test]
fn closing_wakes_the_sender_and_keeps_what_was_sent() {
    let (mut sender, mut receiver) = channel();
    {
        let mut closed = Polled::new(sender.closed());
        assert!(!closed.is_ready());
        receiver.close();
        assert!(closed.is_woken());
        assert!(closed.is_ready());
    }
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));

    let (sender, mut receiver) = channel();
    sender.send(2).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn wakers_go_with_the_end_that_they_would_have_woken() {
    let (sender, receiver) = channel::<u8>();
    let mut polled = Polled::new(receiver);
    assert!(!polled.is_ready());
    assert_eq!(polled.wakers(), 1);
    assert!(polled.poll_anew().is_pending());
    assert_eq!(polled.wakers(), 1);
    drop(sender);
    assert_eq!(polled.wakers(), 0);

    let (sender, mut receiver) = channel::<u8>();
    let wakes = std::sync::Arc::new(crate::sync::testing::Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut receiver).poll(&mut cx).is_pending());
    receiver.close();
    assert!(Pin::new(&mut receiver).poll(&mut cx).is_ready());
    assert_eq!(
        std::sync::Arc::strong_count(&wakes),
        2,
        "the receiver needs no waking any more"
    );
    drop(sender);
}

#[test]
#[should_panic = "polled again"]
fn polling_after_the_end_panics() {
    let (sender, mut receiver) = channel::<u8>();
    drop(sender);
    assert!(receiver.try_recv().is_err());
    let _ = Polled::new(receiver).poll();
}

#[test]
fn a_waker_that_panics_does_not_lose_the_value() {
    let (sender, mut receiver) = channel();
    let waker = wake_panics();
    assert!(
        Pin::new(&mut receiver)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert!(panics(|| sender.send(7).unwrap()));
    assert_eq!(receiver.try_recv(), Ok(7));
}

/// A value that uses its own channel's other end when it is dropped.
#[test]
fn a_value_can_hold_the_sender_of_its_answer() {
    struct Question(#[expect(dead_code, reason = "dropped with the value")] Sender<u8>);
    let (question, asked) = channel();
    let (answer, mut answered) = channel();
    assert!(question.send(Question(answer)).is_ok());
    drop(asked);
    assert_eq!(answered.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn values_can_be_of_any_size_or_none() {
    let (sender, mut receiver) = channel();
    sender.send(()).unwrap();
    assert_eq!(receiver.try_recv(), Ok(()));
    let (sender, mut receiver) = channel();
    sender.send([3_u8; 1 << 16]).unwrap();
    assert_eq!(receiver.try_recv().unwrap()[9], 3);
}

#[test]
fn no_schedule_loses_or_doubles_the_value() {
    for seed in 0..100_000 {
        run_schedule(seed);
    }
}

fn run_schedule(seed: u64) {
    let mut chance = Chance::new(seed);
    let alive = Rc::new(Cell::new(0));
    let (sender, receiver) = channel();
    let mut sender = Some(sender);
    let mut receiver = Some(Polled::new(receiver));
    let (mut sent, mut received, mut gone) = (false, false, false);
    let watch = std::sync::Arc::new(crate::sync::testing::Wakes::default());
    let waker = Waker::from(watch.clone());
    let mut watching = false;
    for _ in 0..8 {
        match chance.below(5) {
            0 if chance.one_in(2) => {
                if let Some(sender) = sender.take() {
                    match sender.send(Counted::new(1, &alive)) {
                        Ok(()) => {
                            assert!(!gone, "seed {seed}: sent to nobody");
                            sent = true;
                        }
                        Err(value) => assert!(gone, "seed {seed}: {} came back", value.number),
                    }
                }
            }
            1 if chance.one_in(3) => sender = None,
            2 if chance.one_in(3) => {
                receiver = None;
                gone = true;
            }
            3 => {
                if let Some(sender) = &mut sender {
                    let closed = sender
                        .poll_closed(&mut Context::from_waker(&waker))
                        .is_ready();
                    assert_eq!(closed, gone, "seed {seed}");
                    assert_eq!(sender.is_closed(), gone, "seed {seed}");
                    watching = !closed;
                }
            }
            _ => {
                if let Some(polled) = &mut receiver {
                    let expected = sender.is_none();
                    if expected && polled.waits {
                        assert!(polled.is_woken(), "seed {seed}: nobody woke the receiver");
                    }
                    if let Poll::Ready(outcome) = polled.poll() {
                        assert!(expected, "seed {seed}: ready too early");
                        assert_eq!(outcome.is_ok(), sent && !received, "seed {seed}");
                        received = outcome.is_ok();
                        receiver = None;
                        gone = true;
                    } else {
                        assert!(!expected, "seed {seed}: waits for nobody");
                    }
                }
            }
        }
        if watching && gone && sender.is_some() {
            assert!(watch.count() > 0, "seed {seed}: nobody woke the sender");
        }
    }
    drop(sender);
    drop(receiver);
    assert_eq!(alive.get(), 0, "seed {seed}: a value was leaked");
    drop(waker);
    assert_eq!(
        std::sync::Arc::strong_count(&watch),
        1,
        "seed {seed}: a waker was leaked"
    );
}
