//! Locks and channels, polled by hand outside of any world, against small models.
//!
//! Owns the models: who waits, in which order, and who has been given what he waits for. Nothing
//! runs at the same time, so that each answer is known.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use simoom::sync::mpsc::error::{TryRecvError, TrySendError};
use simoom::sync::{Mutex, Notify, mpsc, oneshot};

use super::{Bytes, Seen};

pub(super) fn sync(bytes: &[u8]) -> Seen {
    let mut bytes = Bytes::new(bytes);
    match bytes.below(4) {
        0 => lock(&mut bytes),
        1 => channel(&mut bytes),
        2 => notify(&mut bytes),
        _ => one_value(&mut bytes),
    }
    Seen::default()
}

type Waiting<T> = Pin<Box<dyn Future<Output = T>>>;

fn poll<T>(future: &mut Waiting<T>) -> Option<T> {
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// So many of something, and those who wait for one, the first first.
struct Permits {
    free: usize,
    queue: VecDeque<usize>,
    /// Those who have been given one and do not know yet.
    given: Vec<usize>,
}

impl Permits {
    fn new(free: usize) -> Self {
        Self {
            free,
            queue: VecDeque::new(),
            given: Vec::new(),
        }
    }

    fn take(&mut self) -> bool {
        let is_free = self.free > 0;
        self.free -= usize::from(is_free);
        is_free
    }

    fn give_back(&mut self) {
        match self.queue.pop_front() {
            Some(next) => self.given.push(next),
            None => self.free += 1,
        }
    }

    /// Whether the waiter `number` has one when it is polled; it waits else.
    fn poll(&mut self, number: usize) -> bool {
        if let Some(place) = self.given.iter().position(|&it| it == number) {
            self.given.remove(place);
            return true;
        }
        if self.queue.contains(&number) {
            return false;
        }
        let has = self.take();
        if !has {
            self.queue.push_back(number);
        }
        has
    }

    fn leave(&mut self, number: usize) {
        self.queue.retain(|&it| it != number);
        if let Some(place) = self.given.iter().position(|&it| it == number) {
            self.given.remove(place);
            self.give_back();
        }
    }
}

/// A `Mutex`: whoever waits longest is next, and nobody overtakes him.
fn lock(bytes: &mut Bytes<'_>) {
    let mutex = Arc::new(Mutex::new(0));
    let mut model = Permits::new(1);
    let mut waiting: Vec<(usize, Waiting<_>)> = Vec::new();
    let mut held = None;
    let mut count = 0;
    while !bytes.is_empty() {
        match bytes.below(5) {
            0 => {
                let mut future: Waiting<_> = Box::pin(mutex.clone().lock_owned());
                let is_polled = bytes.below(2) == 0;
                let guard = is_polled.then(|| poll(&mut future)).flatten();
                let has = is_polled && model.poll(count);
                assert_eq!(guard.is_some(), has, "a new one");
                match guard {
                    Some(guard) => held = Some(guard),
                    None => waiting.push((count, future)),
                }
                count += 1;
            }
            1 if !waiting.is_empty() => {
                let place = bytes.below(waiting.len());
                let (number, future) = &mut waiting[place];
                let guard = poll(future);
                assert_eq!(guard.is_some(), model.poll(*number), "one that waits");
                if let Some(guard) = guard {
                    held = Some(guard);
                    drop(waiting.remove(place));
                }
            }
            2 if !waiting.is_empty() => {
                let (number, future) = waiting.remove(bytes.below(waiting.len()));
                drop(future);
                model.leave(number);
            }
            3 => {
                if let Some(mut guard) = held.take() {
                    *guard += 1;
                    drop(guard);
                    model.give_back();
                }
            }
            _ => {
                let guard = mutex.clone().try_lock_owned();
                assert_eq!(guard.is_ok(), model.take(), "at once");
                if let Ok(guard) = guard {
                    assert!(held.replace(guard).is_none(), "two hold it");
                }
            }
        }
    }
}

/// A channel of a few slots: what is sent arrives once, in order.
fn channel(bytes: &mut Bytes<'_>) {
    let slots = 1 + bytes.below(3);
    let (sender, mut receiver) = mpsc::channel(slots);
    let sender = Arc::new(sender);
    let mut model = Permits::new(slots);
    let mut values = VecDeque::new();
    let mut waiting: Vec<(usize, Waiting<bool>)> = Vec::new();
    let (mut count, mut is_closed) = (0, false);
    while !bytes.is_empty() {
        match bytes.below(7) {
            0 => {
                let answer = sender.try_send(count);
                let expected = match () {
                    () if is_closed => Err(TrySendError::Closed(count)),
                    () if model.take() => Ok(()),
                    () => Err(TrySendError::Full(count)),
                };
                assert_eq!(answer, expected);
                if answer.is_ok() {
                    values.push_back(count);
                }
                count += 1;
            }
            1 => {
                let (sender, value) = (sender.clone(), count);
                let future = async move { sender.send(value).await.is_ok() };
                waiting.push((value, Box::pin(future)));
                count += 1;
            }
            2 if !waiting.is_empty() => {
                let place = bytes.below(waiting.len());
                let (number, future) = &mut waiting[place];
                let sent = poll(future);
                if !is_closed {
                    assert_eq!(sent, model.poll(*number).then_some(true), "a sender");
                } else {
                    // One that had been given a slot before may use it.
                    assert!(sent.is_some(), "nobody waits for a closed channel");
                }
                if let Some(is_sent) = sent {
                    if is_sent {
                        values.push_back(*number);
                    }
                    drop(waiting.remove(place));
                }
            }
            3 if !waiting.is_empty() => {
                let (number, future) = waiting.remove(bytes.below(waiting.len()));
                drop(future);
                model.leave(number);
            }
            4 => {
                let expected = values.pop_front();
                match receiver.try_recv() {
                    Ok(value) => assert_eq!(Some(value), expected),
                    Err(TryRecvError::Empty) => assert_eq!(expected, None),
                    Err(TryRecvError::Disconnected) => {
                        assert!(is_closed && expected.is_none(), "it was not closed");
                    }
                }
                if expected.is_some() {
                    model.give_back();
                }
            }
            5 => {
                let expected = values.pop_front();
                let polled = receiver.poll_recv(&mut Context::from_waker(Waker::noop()));
                match polled {
                    Poll::Ready(value) => {
                        assert_eq!(value, expected);
                        assert!(value.is_some() || is_closed, "it was not closed");
                    }
                    Poll::Pending => assert_eq!(expected, None),
                }
                if expected.is_some() {
                    model.give_back();
                }
            }
            _ if bytes.below(8) == 0 => {
                receiver.close();
                is_closed = true;
            }
            _ => {}
        }
        assert_eq!(receiver.len(), values.len());
        if !is_closed {
            assert_eq!(sender.capacity(), model.free);
        }
    }
}

/// What a waiter of a `Notify` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notified {
    /// Made before so many calls of `notify_waiters`, and not polled yet.
    Made(usize),
    Waits,
    ByOne,
    ByAll,
}

/// A `Notify`: one permit is kept, and one that is not used goes to the next.
fn notify(bytes: &mut Bytes<'_>) {
    let notify = Arc::new(Notify::new());
    let mut has_permit = false;
    let mut rounds = 0;
    // In the order in which they began to wait.
    let mut queue: Vec<usize> = Vec::new();
    let mut waiting: Vec<(usize, Notified, Waiting<()>)> = Vec::new();
    let mut count = 0;
    fn notify_one(
        queue: &mut Vec<usize>,
        waiting: &mut [(usize, Notified, Waiting<()>)],
        has_permit: &mut bool,
    ) {
        if queue.is_empty() {
            *has_permit = true;
            return;
        }
        let first = queue.remove(0);
        for (number, state, _) in waiting {
            if *number == first {
                *state = Notified::ByOne;
            }
        }
    }
    while !bytes.is_empty() {
        match bytes.below(6) {
            0 => {
                let future = Box::pin(notify.clone().notified_owned());
                waiting.push((count, Notified::Made(rounds), future));
                count += 1;
            }
            1 | 2 if !waiting.is_empty() => {
                let place = bytes.below(waiting.len());
                let (number, state, future) = &mut waiting[place];
                let is_done = poll(future).is_some();
                let expected = match *state {
                    Notified::ByOne | Notified::ByAll => true,
                    Notified::Waits => false,
                    Notified::Made(round) if round < rounds => true,
                    Notified::Made(_) => std::mem::take(&mut has_permit),
                };
                assert_eq!(is_done, expected);
                if is_done {
                    drop(waiting.remove(place));
                } else if *state != Notified::Waits {
                    *state = Notified::Waits;
                    queue.push(*number);
                }
            }
            3 if !waiting.is_empty() => {
                let (number, state, future) = waiting.remove(bytes.below(waiting.len()));
                drop(future);
                queue.retain(|&it| it != number);
                if state == Notified::ByOne {
                    notify_one(&mut queue, &mut waiting, &mut has_permit);
                }
            }
            4 => {
                notify.notify_one();
                notify_one(&mut queue, &mut waiting, &mut has_permit);
            }
            _ => {
                notify.notify_waiters();
                rounds += 1;
                for (number, state, _) in &mut waiting {
                    if queue.contains(number) {
                        *state = Notified::ByAll;
                    }
                }
                queue.clear();
            }
        }
    }
}

/// A `oneshot`: one value or the news that none comes.
fn one_value(bytes: &mut Bytes<'_>) {
    let (sender, mut receiver) = oneshot::channel();
    let mut sender = Some(sender);
    let (mut is_sent, mut is_taken, mut is_closed) = (false, false, false);
    while !bytes.is_empty() {
        match bytes.below(5) {
            0 => {
                if let Some(sender) = sender.take() {
                    assert_eq!(sender.is_closed(), is_closed);
                    is_sent = !is_closed;
                    assert_eq!(sender.send(7), if is_closed { Err(7) } else { Ok(()) });
                }
            }
            1 => drop(sender.take()),
            2 => {
                receiver.close();
                is_closed = true;
            }
            3 => match receiver.try_recv() {
                Ok(value) => {
                    assert!(value == 7 && is_sent && !is_taken, "it was sent once");
                    is_taken = true;
                }
                Err(oneshot::error::TryRecvError::Empty) => {
                    assert!(
                        !is_sent && sender.is_some() && !is_closed,
                        "something is there"
                    );
                }
                Err(oneshot::error::TryRecvError::Closed) => {
                    assert!(!is_sent || is_taken, "a value is lost");
                    assert!(is_taken || sender.is_none() || is_closed, "one may come");
                    // A receiver that has ended is not asked again.
                    return;
                }
            },
            _ if !is_taken && (is_sent || sender.is_none() || is_closed) => {
                let polled = Pin::new(&mut receiver).poll(&mut Context::from_waker(Waker::noop()));
                assert_eq!(polled.map(|it| it.ok()), Poll::Ready(is_sent.then_some(7)));
                return;
            }
            _ if !is_taken => {
                let polled = Pin::new(&mut receiver).poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_pending(), "nothing has come");
            }
            _ => {}
        }
    }
}
