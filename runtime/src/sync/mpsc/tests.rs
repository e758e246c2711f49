//! Slots: who gets them, and in which order.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::error::{TryRecvError, TrySendError};
use super::*;
use crate::sync::testing::{
    Calls, Chance, Counted, Polled, clone_panics, drop_panics, panics, ready, wake_panics,
};
use crate::sync::wakers::BATCH;

#[test]
#[should_panic = "at least one slot"]
fn a_channel_without_slots_panics() {
    let _ = channel::<u8>(0);
}

#[test]
#[should_panic = "at most"]
fn a_channel_with_too_many_slots_panics() {
    let _ = channel::<u8>((usize::MAX >> 3) + 1);
}

#[test]
fn senders_get_slots_in_the_order_in_which_they_came() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    let mut sends: Vec<_> = (1..4)
        .map(|number| Polled::new(sender.send(number)))
        .collect();
    for send in &mut sends {
        assert!(!send.is_ready());
    }
    for (number, next) in sends.iter_mut().enumerate() {
        assert_eq!(receiver.try_recv(), Ok(number));
        assert!(
            matches!(sender.try_send(9), Err(TrySendError::Full(9))),
            "the slot is promised"
        );
        assert!(next.is_woken());
        assert_eq!(ready(next.poll()), Ok(()));
    }
    assert_eq!(receiver.try_recv(), Ok(3));
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn a_sender_that_was_given_a_slot_and_is_dropped_passes_it_on() {
    for receive_first in [true, false] {
        let (sender, mut receiver) = channel(1);
        sender.try_send(0).unwrap();
        let mut first = Polled::new(sender.send(1));
        let mut second = Polled::new(sender.reserve());
        assert!(!first.is_ready());
        assert!(!second.is_ready());
        if receive_first {
            assert_eq!(receiver.try_recv(), Ok(0));
            drop(first);
        } else {
            drop(first);
            assert_eq!(receiver.try_recv(), Ok(0));
        }
        assert!(second.is_woken());
        ready(second.poll()).unwrap().send(2);
        assert_eq!(
            receiver.try_recv(),
            Ok(2),
            "what was not sent does not arrive"
        );
        assert_eq!(sender.capacity(), 1);
    }
}

#[test]
fn a_receiver_that_is_dropped_while_it_waits_takes_nothing() {
    let (sender, mut receiver) = channel(2);
    let mut recv = Polled::new(receiver.recv());
    assert!(!recv.is_ready());
    sender.try_send(1).unwrap();
    drop(recv);
    sender.try_send(2).unwrap();
    assert_eq!(ready(Polled::new(receiver.recv()).poll()), Some(1));
    assert_eq!(ready(Polled::new(receiver.recv()).poll()), Some(2));
}

#[test]
fn the_first_in_line_gathers_slots_and_nobody_passes_it() {
    let (sender, mut receiver) = channel(3);
    let mut permits = sender.try_reserve_many(3).unwrap();
    let mut many = Polled::new(sender.reserve_many(2));
    let mut one = Polled::new(sender.reserve());
    assert!(!many.is_ready());
    assert!(!one.is_ready());
    drop(permits.next());
    assert!(!many.is_woken());
    assert!(!one.is_woken());
    assert_eq!(sender.capacity(), 0);
    drop(permits.next());
    assert!(many.is_woken());
    assert!(!one.is_woken());
    drop(permits);
    assert!(one.is_woken());
    for (number, permit) in ready(many.poll()).unwrap().enumerate() {
        permit.send(number);
    }
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!(receiver.try_recv(), Ok(1));
    drop(one);
    assert_eq!(sender.capacity(), 3);
}

/// The first in line holds some slots and goes away: the next must get them.
#[test]
fn slots_of_a_dropped_gatherer_go_to_the_next() {
    let (sender, _receiver) = channel::<u8>(2);
    let held = sender.try_reserve().unwrap();
    let mut many = Polled::new(sender.reserve_many(2));
    let mut one = Polled::new(sender.reserve());
    assert!(!many.is_ready());
    assert!(!one.is_ready());
    drop(many);
    assert!(one.is_woken());
    drop(ready(one.poll()).unwrap());
    drop(held);
    assert_eq!(sender.capacity(), 2);
}

#[test]
fn a_released_iterator_wakes_more_senders_than_one_batch() {
    let count = 2 * BATCH + 1;
    let (sender, _receiver) = channel::<u8>(count);
    let permits = sender.try_reserve_many(count).unwrap();
    let mut waiting: Vec<_> = (0..count).map(|_| Polled::new(sender.reserve())).collect();
    for reserve in &mut waiting {
        assert!(!reserve.is_ready());
    }
    drop(permits);
    for mut reserve in waiting {
        assert!(reserve.is_woken());
        assert!(ready(reserve.poll()).is_ok());
    }
    assert_eq!(sender.capacity(), count);
}

#[test]
fn closing_wakes_every_sender_and_every_watcher() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    let mut sends: Vec<_> = (0..BATCH + 2)
        .map(|number| Polled::new(sender.send(number)))
        .collect();
    let mut watchers: Vec<_> = (0..BATCH + 2)
        .map(|_| Polled::new(sender.closed()))
        .collect();
    for send in &mut sends {
        assert!(!send.is_ready());
    }
    for watcher in &mut watchers {
        assert!(!watcher.is_ready());
    }
    drop(watchers.remove(3));
    receiver.close();
    for (number, send) in sends.iter_mut().enumerate() {
        assert!(send.is_woken());
        assert_eq!(ready(send.poll()).unwrap_err().0, number);
    }
    for watcher in &mut watchers {
        assert!(watcher.is_woken());
        assert!(watcher.is_ready());
    }
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_closed_channel_ends_when_its_last_permit_does() {
    let (sender, mut receiver) = channel(2);
    let permit = sender.try_reserve().unwrap();
    let other = sender.clone().try_reserve_owned().unwrap();
    receiver.close();
    {
        let mut recv = Polled::new(receiver.recv());
        assert!(!recv.is_ready());
        permit.send(5);
        assert!(recv.is_woken());
        assert_eq!(ready(recv.poll()), Some(5));
    }
    let mut recv = Polled::new(receiver.recv());
    assert!(!recv.is_ready());
    drop(other);
    assert!(recv.is_woken());
    assert_eq!(ready(recv.poll()), None);
}

#[test]
fn a_permit_of_a_dropped_receiver_drops_its_value() {
    let alive = Rc::new(Cell::new(0));
    let (sender, receiver) = channel(1);
    let permit = sender.try_reserve().unwrap();
    drop(receiver);
    permit.send(Counted::new(1, &alive));
    assert_eq!(alive.get(), 0);
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn dropping_the_receiver_drops_what_waits_and_wakes_who_waits() {
    let alive = Rc::new(Cell::new(0));
    let (sender, mut receiver) = channel(2);
    sender.try_send(Counted::new(0, &alive)).ok().unwrap();
    sender.try_send(Counted::new(1, &alive)).ok().unwrap();
    let mut send = Polled::new(sender.send(Counted::new(2, &alive)));
    assert!(!send.is_ready());
    {
        let mut recv = Polled::new(receiver.recv());
        assert_eq!(ready(recv.poll()).unwrap().number, 0);
    }
    drop(receiver);
    assert!(send.is_woken());
    assert!(ready(send.poll()).is_err());
    assert_eq!(alive.get(), 0);
}

#[test]
fn the_last_sender_wakes_the_receiver_and_a_weak_one_does_not_count() {
    let (sender, mut receiver) = unbounded_channel::<u8>();
    let weak = sender.downgrade();
    let other = weak.upgrade().unwrap();
    let mut recv = Polled::new(receiver.recv());
    assert!(!recv.is_ready());
    drop(sender);
    assert!(!recv.is_woken());
    drop(other);
    assert!(recv.is_woken());
    assert_eq!(ready(recv.poll()), None);
    assert!(weak.upgrade().is_none());
}

#[test]
fn recv_many_takes_what_waits_and_frees_the_slots() {
    let (sender, mut receiver) = channel(3);
    for number in 0..3 {
        sender.try_send(number).unwrap();
    }
    let mut sends: Vec<_> = (3..5)
        .map(|number| Polled::new(sender.send(number)))
        .collect();
    for send in &mut sends {
        assert!(!send.is_ready());
    }
    let mut buffer = vec![9];
    assert_eq!(
        ready(Polled::new(receiver.recv_many(&mut buffer, 2)).poll()),
        2
    );
    assert_eq!(buffer, [9, 0, 1]);
    for send in &mut sends {
        assert!(send.is_woken());
        assert!(send.is_ready());
    }
    assert_eq!(
        ready(Polled::new(receiver.recv_many(&mut buffer, 9)).poll()),
        3
    );
    assert_eq!(buffer, [9, 0, 1, 2, 3, 4]);
    assert_eq!(
        ready(Polled::new(receiver.recv_many(&mut buffer, 0)).poll()),
        0
    );
    drop(sends);
    assert_eq!(sender.capacity(), 3);
}

#[test]
fn a_value_can_hold_a_sender_of_its_own_channel() {
    struct Cycle(#[expect(dead_code, reason = "dropped with the value")] Sender<Cycle>);
    let (sender, receiver) = channel(2);
    assert!(sender.try_send(Cycle(sender.clone())).is_ok());
    assert!(sender.try_send(Cycle(sender.clone())).is_ok());
    drop(receiver);
    assert_eq!(sender.strong_count(), 1);
}

#[test]
fn values_that_panic_when_dropped_are_all_dropped() {
    struct Panics(Rc<Cell<usize>>, bool);
    impl Drop for Panics {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            assert!(!self.1, "a value panicked");
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let (sender, receiver) = channel(3);
    for first in [true, false, false] {
        assert!(sender.try_send(Panics(dropped.clone(), first)).is_ok());
    }
    let mut watcher = Polled::new(sender.closed());
    assert!(!watcher.is_ready());
    assert!(panics(|| drop(receiver)));
    assert_eq!(dropped.get(), 3);
    assert!(watcher.is_ready());
}

#[test]
fn wakers_that_panic_lose_no_value_and_no_slot() {
    let (sender, mut receiver) = channel(1);
    let waker = wake_panics();
    let mut cx = Context::from_waker(&waker);
    assert!(receiver.poll_recv(&mut cx).is_pending());
    assert!(panics(|| sender.try_send(1).unwrap()));
    assert_eq!(receiver.len(), 1);
    let mut first = Box::pin(sender.reserve());
    assert!(first.as_mut().poll(&mut cx).is_pending());
    let mut second = Polled::new(sender.reserve());
    assert!(!second.is_ready());
    // The value is gone with the panic of the sender's waker, its slot is not.
    assert!(panics(|| assert_eq!(receiver.try_recv(), Ok(1))));
    assert!(!second.is_woken());
    drop(first);
    assert!(second.is_woken());
    drop(ready(second.poll()).unwrap());
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn wakers_that_panic_in_clone_or_drop_lose_nothing() {
    let (sender, mut receiver) = channel(1);
    let waker = clone_panics();
    assert!(panics(|| {
        let _ = receiver.poll_recv(&mut Context::from_waker(&waker));
    }));
    sender.try_send(1).unwrap();
    let mut reserve = Box::pin(sender.reserve_many(1));
    assert!(panics(|| {
        let _ = reserve.as_mut().poll(&mut Context::from_waker(&waker));
    }));
    drop(reserve);
    assert_eq!(receiver.try_recv(), Ok(1));
    let waker = std::mem::ManuallyDrop::new(drop_panics());
    assert!(
        receiver
            .poll_recv(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert!(
        receiver
            .poll_recv(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    sender.try_send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn a_waker_can_use_the_channel() {
    let (sender, mut receiver) = channel(1);
    let weak = sender.downgrade();
    let waker = Waker::from(Arc::new(Calls(move || {
        if let Some(sender) = weak.upgrade() {
            let _ = sender.try_send(7);
            let _ = Polled::new(sender.send(8)).poll();
            let _ = sender.capacity();
        }
    })));
    let mut cx = Context::from_waker(&waker);
    assert!(receiver.poll_recv(&mut cx).is_pending());
    sender.try_send(1).unwrap();
    let mut send = Box::pin(sender.send(2));
    assert!(send.as_mut().poll(&mut cx).is_pending());
    drop(waker);
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(
        send.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );
    assert_eq!(receiver.try_recv(), Ok(2));
    drop(receiver);
}

#[test]
fn values_can_be_of_any_size_or_none() {
    let (sender, mut receiver) = unbounded_channel();
    for _ in 0..100 {
        sender.send(()).unwrap();
    }
    assert_eq!(receiver.len(), 100);
    receiver.close();
    for _ in 0..100 {
        assert_eq!(receiver.try_recv(), Ok(()));
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    let (sender, mut receiver) = channel(2);
    sender.try_send([5_u8; 1 << 16]).unwrap();
    assert_eq!(receiver.try_recv().unwrap()[99], 5);
}

/// What a hand-polled sender is doing.
enum Doing<'a> {
    Send(usize, Polled<'a, Result<(), error::SendError<Counted>>>),
    Reserve(
        Polled<'a, Result<PermitIterator<'a, Counted>, error::SendError<()>>>,
        usize,
    ),
    Hold(PermitIterator<'a, Counted>),
}

#[test]
fn no_schedule_loses_or_doubles_a_value_or_a_slot() {
    for seed in 0..100_000 {
        run_schedule(seed);
    }
}

/// Senders come, wait, are polled at random and dropped at random, against a model of the line.
fn run_schedule(seed: u64) {
    let mut chance = Chance::new(seed);
    let alive = Rc::new(Cell::new(0));
    let capacity = 1 + chance.below(3);
    let (sender, receiver) = channel(capacity);
    let mut receiver = Some(receiver);
    let mut tasks: Vec<(usize, Doing<'_>)> = Vec::new();
    let mut line: VecDeque<usize> = VecDeque::new();
    let mut next = 0;
    let mut sent: VecDeque<usize> = VecDeque::new();
    let mut closed = false;
    for _ in 0..32 {
        match chance.below(8) {
            0 if tasks.len() < 5 => {
                let doing = if chance.one_in(2) {
                    let value = Counted::new(next, &alive);
                    Doing::Send(next, Polled::new(sender.send(value)))
                } else {
                    let count = 1 + chance.below(capacity);
                    Doing::Reserve(Polled::new(sender.reserve_many(count)), count)
                };
                tasks.push((next, doing));
                next += 1;
            }
            1 if chance.one_in(2) => {
                let free = sender.capacity() > 0;
                match sender.try_send(Counted::new(next, &alive)) {
                    Ok(()) => {
                        assert!(free && !closed, "seed {seed}");
                        sent.push_back(next);
                    }
                    Err(TrySendError::Full(_)) => assert!(!free && !closed, "seed {seed}"),
                    Err(TrySendError::Closed(_)) => assert!(closed, "seed {seed}"),
                }
                next += 1;
            }
            2 if !tasks.is_empty() => {
                let (name, doing) = tasks.swap_remove(chance.below(tasks.len()));
                line.retain(|&other| other != name);
                drop(doing);
            }
            3 | 4 => {
                if let Some(receiver) = &mut receiver {
                    let expected = sent.pop_front();
                    let value = receiver.try_recv();
                    assert_eq!(
                        value.ok().map(|value| value.number),
                        expected,
                        "seed {seed}"
                    );
                }
            }
            5 if chance.one_in(16) => {
                closed = true;
                line.clear();
                match &mut receiver {
                    Some(receiver) if chance.one_in(2) => receiver.close(),
                    _ => {
                        receiver = None;
                        sent.clear();
                    }
                }
            }
            _ if !tasks.is_empty() => {
                let index = chance.below(tasks.len());
                let all_served = tasks
                    .iter()
                    .all(|(name, doing)| !line.contains(name) || is_woken(doing));
                let (name, doing) = &mut tasks[index];
                let name = *name;
                let waits = line.contains(&name);
                let in_turn = if waits { is_woken(doing) } else { all_served };
                match doing {
                    Doing::Send(number, send) => match send.poll() {
                        Poll::Pending => {
                            if !waits {
                                line.push_back(name);
                            }
                            continue;
                        }
                        Poll::Ready(Ok(())) => {
                            assert!(in_turn, "seed {seed}: overtook the line");
                            sent.push_back(*number);
                        }
                        Poll::Ready(Err(error)) => {
                            assert!(closed, "seed {seed}");
                            assert_eq!(error.0.number, *number, "seed {seed}");
                        }
                    },
                    Doing::Reserve(reserve, count) => match reserve.poll() {
                        Poll::Pending => {
                            if !waits {
                                line.push_back(name);
                            }
                            continue;
                        }
                        Poll::Ready(Ok(permits)) => {
                            assert!(in_turn, "seed {seed}: overtook the line");
                            assert_eq!(permits.len(), *count, "seed {seed}");
                            line.retain(|&other| other != name);
                            tasks[index].1 = Doing::Hold(permits);
                            continue;
                        }
                        Poll::Ready(Err(_)) => assert!(closed, "seed {seed}"),
                    },
                    Doing::Hold(permits) => match permits.next() {
                        Some(permit) if chance.one_in(3) => drop(permit),
                        Some(permit) => {
                            permit.send(Counted::new(next, &alive));
                            if receiver.is_some() {
                                sent.push_back(next);
                            }
                            next += 1;
                            continue;
                        }
                        None => {}
                    },
                }
                line.retain(|&other| other != name);
                tasks.swap_remove(index);
            }
            _ => {}
        }
        check_line(seed, &tasks, &line, closed, sender.capacity());
    }
    drop(tasks);
    let waiting = receiver.as_ref().map_or(0, Receiver::len);
    assert_eq!(waiting, sent.len(), "seed {seed}");
    assert_eq!(
        sender.capacity() + waiting,
        capacity,
        "seed {seed}: a slot was lost"
    );
    if let Some(receiver) = &mut receiver {
        while let Ok(value) = receiver.try_recv() {
            assert_eq!(Some(value.number), sent.pop_front(), "seed {seed}");
        }
    }
    assert_eq!(sender.capacity(), capacity, "seed {seed}");
    drop(receiver);
    assert_eq!(alive.get(), 0, "seed {seed}: a value was leaked");
}

fn is_woken(doing: &Doing<'_>) -> bool {
    match doing {
        Doing::Send(_, send) => send.is_woken(),
        Doing::Reserve(reserve, _) => reserve.is_woken(),
        Doing::Hold(_) => false,
    }
}

/// Those who were woken are a prefix of the line, and nobody waits while a slot is free.
fn check_line(
    seed: u64,
    tasks: &[(usize, Doing<'_>)],
    line: &VecDeque<usize>,
    closed: bool,
    free: usize,
) {
    let woken: Vec<_> = line
        .iter()
        .map(|name| {
            let (_, doing) = tasks.iter().find(|(other, _)| other == name).unwrap();
            is_woken(doing)
        })
        .collect();
    assert!(
        woken.is_sorted_by(|one, two| one >= two),
        "seed {seed}: woken out of turn"
    );
    if !closed && woken.last() == Some(&false) {
        assert_eq!(free, 0, "seed {seed}: waits for a free slot");
    }
}

/// One receiver that is polled when it was woken, and senders that are: nothing gets stuck.
#[test]
fn whoever_is_woken_and_only_they_must_be_polled() {
    for seed in 0..20_000 {
        let mut chance = Chance::new(seed);
        let (sender, mut receiver) = channel(1 + chance.below(3));
        let count = 1 + chance.below(4);
        let mut sends: Vec<_> = (0..count)
            .map(|_| {
                let sender = sender.clone();
                Polled::new(async move {
                    for number in 0..3 {
                        sender.send(number).await.unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        let mut total = Polled::new(async move {
            let mut total = 0;
            while receiver.recv().await.is_some() {
                total += 1;
            }
            total
        });
        let mut outcome = None;
        for _ in 0..1000 {
            let index = chance.below(sends.len() + 1);
            if index == sends.len() {
                if (!total.waits || total.is_woken())
                    && let Poll::Ready(total) = total.poll()
                {
                    outcome = Some(total);
                    break;
                }
            } else if !sends[index].waits || sends[index].is_woken() {
                let done = sends[index].is_ready();
                if done {
                    drop(sends.swap_remove(index));
                }
            }
        }
        assert_eq!(outcome, Some(3 * count), "seed {seed}");
    }
}

/// As far as threads go, handles and futures can do what tokio's can.
#[test]
fn handles_and_futures_are_send_and_sync_where_their_values_allow() {
    fn both<T: std::marker::Send + Sync>(_: &T) {}
    fn send<T: std::marker::Send>(_: &T) {}
    let (sender, mut receiver) = channel::<Cell<u8>>(4);
    both(&sender);
    both(&receiver);
    both(&sender.reserve());
    both(&sender.reserve_many(2));
    both(&sender.clone().reserve_owned());
    both(&sender.closed());
    both(&sender.try_reserve().unwrap());
    both(&sender.downgrade());
    send(&sender.send(Cell::new(1)));
    both(&receiver.recv());
    let (sender, _receiver) = channel::<u8>(1);
    both(&sender.send(1));
}
