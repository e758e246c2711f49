//! What the ends of a channel share.
//!
//! Owns the values, and the life of either end. Knows nothing of the handles: where a receiver is,
//! it says itself.
//!
//! # Invariants
//! 1. `values` are the last ones sent, the youngest of which has the number `next - 1`.
//! 2. A value's `unseen` is how many receivers there are that have not got it and are not past it.
//!    A receiver that was there when a value was sent was there, or is gone, for those after it: the
//!    values that all have got are the oldest ones, and are dropped at once.
//! 3. No value is cloned or dropped under the mutex.

use std::collections::VecDeque;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::error::{RecvError, TryRecvError};
use crate::coop::{Op, OpKind, Resource, observe, proceed, touch};
use crate::shim::{Arc, AtomicUsize, Mutex, MutexGuard, Ordering, lock};
use crate::sync::crowd::{leave, poll_crowd};
use crate::sync::wait_list::{Queue, Waiter};
use crate::sync::wakers::Wakers;

pub(super) struct Chan<T> {
    /// How many values are kept.
    capacity: usize,
    resource: Resource,
    senders: AtomicUsize,
    weak_senders: AtomicUsize,
    state: Mutex<State<T>>,
}

struct State<T> {
    values: VecDeque<Entry<T>>,
    /// The number of the value that is sent next.
    next: u64,
    receivers: usize,
    senders_gone: bool,
    /// Receivers that have got all values.
    receiving: Queue<()>,
    /// Senders that wait until no receiver is left.
    closing: Queue<()>,
}

struct Entry<T> {
    value: Shared<T>,
    unseen: usize,
}

/// A value that several receivers clone, one at a time.
pub(super) type Shared<T> = Arc<Mutex<T>>;

impl<T> Chan<T> {
    /// A channel with one sender and so many receivers, for at least so many values.
    #[track_caller]
    pub(super) fn new(capacity: usize, receivers: usize) -> Self {
        assert!(capacity > 0, "broadcast channel capacity cannot be zero");
        assert!(
            capacity <= usize::MAX >> 1,
            "broadcast channel capacity exceeded `usize::MAX / 2`"
        );
        Self {
            capacity: capacity.next_power_of_two(),
            resource: Resource::new(),
            senders: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
            state: Mutex::new(State {
                values: VecDeque::new(),
                next: 0,
                receivers,
                senders_gone: false,
                receiving: Queue::new(),
                closing: Queue::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }

    fn observed(&self) -> MutexGuard<'_, State<T>> {
        observe(&self.resource);
        self.lock()
    }

    /// How many values not all receivers have got.
    pub(super) fn len(&self) -> usize {
        self.observed().values.len()
    }

    /// The number of the value that is sent next.
    pub(super) fn next(&self) -> u64 {
        self.observed().next
    }

    pub(super) fn receivers(&self) -> usize {
        self.observed().receivers
    }

    /// Whether all senders are gone.
    pub(super) fn is_ended(&self) -> bool {
        self.observed().senders_gone
    }
}

/// The life of the ends.
impl<T> Chan<T> {
    pub(super) fn senders(&self) -> usize {
        observe(&self.resource);
        self.senders.load(Ordering::Acquire)
    }

    pub(super) fn weak_senders(&self) -> usize {
        self.weak_senders.load(Ordering::Acquire)
    }

    pub(super) fn add_sender(&self) {
        touch(&self.resource);
        let before = self.senders.fetch_add(1, Ordering::Relaxed);
        assert!(before < usize::MAX >> 3, "too many senders of one channel");
    }

    /// Adds a sender unless none is left.
    pub(super) fn upgrade(&self) -> bool {
        touch(&self.resource);
        let mut senders = self.senders.load(Ordering::Acquire);
        while senders != 0 {
            match self.senders.compare_exchange(
                senders,
                senders + 1,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(now) => senders = now,
            }
        }
        false
    }

    pub(super) fn drop_sender(&self) {
        touch(&self.resource);
        if self.senders.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let mut wakers = Wakers::new();
        {
            let mut state = self.lock();
            state.senders_gone = true;
            wakers.call_all(&mut state.receiving);
        }
        wakers.finish();
    }

    pub(super) fn add_weak_sender(&self) {
        self.weak_senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_weak_sender(&self) {
        self.weak_senders.fetch_sub(1, Ordering::AcqRel);
    }

    /// Adds a receiver, and returns the number of the first value that it gets.
    pub(super) fn add_receiver(&self) -> u64 {
        touch(&self.resource);
        let mut state = self.lock();
        assert!(
            state.receivers < usize::MAX >> 3,
            "too many receivers of one channel"
        );
        state.receivers += 1;
        state.next
    }

    /// Takes away a receiver that has got all values before that number.
    pub(super) fn drop_receiver(&self, next: u64) {
        touch(&self.resource);
        let mut wakers = Wakers::new();
        let mut seen = Vec::new();
        {
            let mut state = self.lock();
            state.receivers -= 1;
            let got = next.saturating_sub(state.first());
            let got = usize::try_from(got).map_or(state.values.len(), |got| got);
            for entry in state.values.iter_mut().skip(got) {
                entry.unseen -= 1;
            }
            while state.values.front().is_some_and(|entry| entry.unseen == 0) {
                seen.extend(state.values.pop_front());
            }
            if state.receivers == 0 {
                wakers.call_all(&mut state.closing);
            }
        }
        wakers.finish();
        drop(seen);
    }

    pub(super) fn poll_closed(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<()>>,
        site: &'static Location<'static>,
    ) -> Poll<()> {
        let op = Op::read(OpKind::Notified, &self.resource, site).contained();
        let progress = ready!(proceed(cx, &op));
        ready!(poll_crowd(
            &self.state,
            cx,
            waiter,
            |state| &mut state.closing,
            |state, _| (state.receivers == 0).then_some(()),
        ));
        progress.done();
        Poll::Ready(())
    }

    pub(super) fn leave_closed(&self, waiter: Pin<&mut Waiter<()>>) {
        leave(&self.state, waiter, |state| &mut state.closing);
    }
}

/// Sending and receiving.
impl<T> Chan<T> {
    /// Sends `value` to all receivers and returns how many there are, or gives it back.
    pub(super) fn send(&self, value: T) -> Result<usize, T> {
        touch(&self.resource);
        let mut wakers = Wakers::new();
        let (receivers, missed) = {
            let mut state = self.lock();
            let receivers = state.receivers;
            if receivers == 0 {
                drop(state);
                return Err(value);
            }
            let missed = match state.values.len() == self.capacity {
                true => state.values.pop_front(),
                false => None,
            };
            state.values.push_back(Entry {
                value: Arc::new(Mutex::new(value)),
                unseen: receivers,
            });
            state.next += 1;
            wakers.call_all(&mut state.receiving);
            (receivers, missed)
        };
        wakers.finish();
        drop(missed);
        Ok(receivers)
    }

    pub(super) fn try_recv(&self, next: &mut u64) -> Result<Shared<T>, TryRecvError> {
        touch(&self.resource);
        match self.lock().take(next) {
            Some(taken) => Ok(taken?),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Waits for the value with the number `next`, or for one that took its place.
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<()>>,
        next: &mut u64,
        site: &'static Location<'static>,
    ) -> Poll<Result<Shared<T>, RecvError>> {
        let op = Op::write(OpKind::Recv, &self.resource, site).contained();
        let progress = ready!(proceed(cx, &op));
        let taken = ready!(poll_crowd(
            &self.state,
            cx,
            waiter,
            |state| &mut state.receiving,
            |state, _| state.take(next),
        ));
        progress.done();
        Poll::Ready(taken)
    }

    pub(super) fn leave_recv(&self, waiter: Pin<&mut Waiter<()>>) {
        leave(&self.state, waiter, |state| &mut state.receiving);
    }
}

impl<T> State<T> {
    /// The number of the oldest value.
    fn first(&self) -> u64 {
        self.next - self.values.len() as u64
    }

    /// The value with the number `next`, which goes on to the one after it; that it is gone, and `next`
    /// goes on to the oldest; that none will come; or none of these.
    fn take(&mut self, next: &mut u64) -> Option<Result<Shared<T>, RecvError>> {
        if *next == self.next {
            return self.senders_gone.then_some(Err(RecvError::Closed));
        }
        let first = self.first();
        if *next < first {
            let missed = first - std::mem::replace(next, first);
            return Some(Err(RecvError::Lagged(missed)));
        }
        let index = usize::try_from(*next - first).ok()?;
        let entry = self.values.get_mut(index)?;
        *next += 1;
        entry.unseen -= 1;
        let (value, is_last) = (entry.value.clone(), entry.unseen == 0);
        if is_last {
            // By invariant 2 it is the oldest, and `value` keeps it for now.
            self.values.pop_front();
        }
        Some(Ok(value))
    }
}
