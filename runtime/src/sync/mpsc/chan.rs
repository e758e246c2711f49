//! What the two ends of a channel share.
//!
//! Owns the values that wait, the slots, and the life of either end. Knows nothing of the handles.
//! An unbounded channel is one with more slots than memory can fill.
//!
//! # Invariants
//! 1. Every slot is free, or held by a waiter or a permit, or filled by a waiting value:
//!    `free + held + values.len() == capacity`, but for slots in the hands of a running `release`.
//! 2. While the channel is open, a slot is free only if no sender is linked: nobody overtakes.
//! 3. Only the first linked sender holds some of the slots it wants; a popped one holds them all,
//!    or was popped because the channel closed.
//! 4. `receiver` is woken, and so empty, whenever a value comes or the channel ends.

use std::collections::VecDeque;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::error::{TryRecvError, TrySendError};
use crate::coop::{News, Op, OpKind, QueuePlace, Resource, observe, proceed, tell, touch};
use crate::shim::{AtomicUsize, Mutex, MutexGuard, Ordering, lock};
use crate::sync::wait_list::{Queue, Waiter, poll_wait};
use crate::sync::wakers::{Wakers, discard, wake};

/// How many slots a channel can have.
pub(super) const CAPACITY_MAX: usize = usize::MAX >> 3;

pub(super) struct Chan<T> {
    capacity: usize,
    resource: Resource,
    senders: AtomicUsize,
    weak_senders: AtomicUsize,
    state: Mutex<State<T>>,
}

struct State<T> {
    values: VecDeque<T>,
    free: usize,
    /// No slot is given away any more.
    closed: bool,
    receiver_gone: bool,
    senders_gone: bool,
    receiver: Option<Waker>,
    /// Senders that wait for slots.
    senders: Queue<Slots>,
    /// Tasks that wait for `closed`.
    closing: Queue<()>,
}

/// The slots of a waiting sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    wanted: usize,
    held: usize,
}

/// A sender that has all the slots it waited for.
pub(super) struct Granted {
    place: QueuePlace,
    waker: Option<Waker>,
}

impl Slots {
    pub(super) fn wanted(wanted: usize) -> Self {
        Self { wanted, held: 0 }
    }
}

impl<T> Chan<T> {
    /// A channel with one sender and one receiver.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            resource: Resource::new(),
            senders: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
            state: Mutex::new(State {
                values: VecDeque::new(),
                free: capacity,
                closed: false,
                receiver_gone: false,
                senders_gone: false,
                receiver: None,
                senders: Queue::new(),
                closing: Queue::new(),
            }),
        }
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }

    pub(super) fn capacity_max(&self) -> usize {
        self.capacity
    }

    pub(super) fn free(&self) -> usize {
        observe(&self.resource);
        self.lock().free
    }

    pub(super) fn len(&self) -> usize {
        observe(&self.resource);
        self.lock().values.len()
    }

    /// Whether the receiver was closed or is gone.
    pub(super) fn is_closed(&self) -> bool {
        observe(&self.resource);
        self.lock().closed
    }

    /// Whether the receiver was closed, or no sender is left.
    pub(super) fn is_ended(&self) -> bool {
        observe(&self.resource);
        self.senders.load(Ordering::Acquire) == 0 || self.is_closed()
    }
}

/// The life of the two ends.
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
        assert!(before < CAPACITY_MAX, "too many senders of one channel");
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
        // Which of them is the last depends on the order.
        touch(&self.resource);
        if self.senders.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let mut state = self.lock();
        state.senders_gone = true;
        let receiver = state.receiver.take();
        drop(state);
        wake(receiver);
    }

    pub(super) fn add_weak_sender(&self) {
        self.weak_senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_weak_sender(&self) {
        self.weak_senders.fetch_sub(1, Ordering::AcqRel);
    }

    /// Gives no slot away any more, and tells everybody who waits for one or for this.
    pub(super) fn close(&self) {
        touch(&self.resource);
        let mut state = self.lock();
        state.closed = true;
        let mut wakers = Wakers::new();
        loop {
            if let Some(slots) = state.senders.first() {
                wakers.push(state.senders.pop_first(slots));
            } else if !state.closing.is_empty() {
                wakers.push(state.closing.pop_first(()));
            } else {
                break;
            }
            if wakers.is_full() {
                drop(state);
                wakers.wake();
                state = self.lock();
            }
        }
        drop(state);
        wakers.finish();
    }

    pub(super) fn drop_receiver(&self) {
        touch(&self.resource);
        let mut state = self.lock();
        state.closed = true;
        state.receiver_gone = true;
        let receiver = state.receiver.take();
        let values = std::mem::take(&mut state.values);
        let messages = values.len();
        tell(&self.resource, News::Abandoned { messages });
        state.free += messages;
        drop(state);
        discard(receiver);
        self.close();
        drop(values);
    }
}

/// Sending.
impl<T> Chan<T> {
    /// Takes `wanted` slots if they are free.
    #[track_caller]
    pub(super) fn try_reserve(&self, wanted: usize) -> Result<(), TrySendError<()>> {
        touch(&self.resource);
        let mut state = self.lock();
        if state.closed {
            return Err(TrySendError::Closed(()));
        }
        if state.free < wanted {
            return Err(TrySendError::Full(()));
        }
        state.free -= wanted;
        drop(state);
        self.tell_taken(wanted, false, Location::caller());
        Ok(())
    }

    /// Tells a world that wants to know that the running task holds slots.
    fn tell_taken(&self, amount: usize, is_awaited: bool, site: &'static Location<'static>) {
        let kind = OpKind::Send;
        let taken = News::Taken {
            kind,
            amount,
            is_awaited,
            site,
        };
        tell(&self.resource, taken);
    }

    /// Sends `value` if a slot is free.
    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        touch(&self.resource);
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return Err(TrySendError::Closed(value));
        }
        if state.free == 0 {
            drop(state);
            return Err(TrySendError::Full(value));
        }
        state.free -= 1;
        let receiver = state.push(value);
        self.tell_sent(&state, receiver.is_some());
        drop(state);
        wake(receiver);
        Ok(())
    }

    /// Sends `value` in a slot that the caller holds.
    pub(super) fn send_held(&self, value: T) {
        touch(&self.resource);
        tell(&self.resource, News::Released { amount: 1 });
        let mut state = self.lock();
        if state.receiver_gone {
            state.free += 1;
            drop(state);
            drop(value);
            return;
        }
        let receiver = state.push(value);
        self.tell_sent(&state, receiver.is_some());
        drop(state);
        wake(receiver);
    }

    /// Gives back slots that a permit held.
    pub(super) fn give_back(&self, slots: usize) {
        if slots > 0 {
            tell(&self.resource, News::Released { amount: slots });
            self.release(slots);
        }
    }

    /// Frees slots, or passes them on.
    fn release(&self, mut slots: usize) {
        if slots == 0 {
            return;
        }
        touch(&self.resource);
        let mut state = self.lock();
        let mut wakers = Wakers::new();
        loop {
            match state.grant(&mut slots) {
                Some(Granted { place, waker }) => {
                    tell(&self.resource, News::Granted { place });
                    wakers.push(waker);
                }
                None => break,
            }
            if wakers.is_full() {
                drop(state);
                wakers.wake();
                state = self.lock();
            }
        }
        let receiver = state.free_up(slots, self.capacity);
        drop(state);
        wakers.push(receiver);
        wakers.finish();
    }

    /// Takes as many slots as `waiter` wants, waiting for them in line.
    ///
    /// `Ok` means that the caller holds them, `Err` that the channel was closed.
    pub(super) fn poll_reserve(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<Slots>>,
        wanted: usize,
        location: &'static Location<'static>,
    ) -> Poll<Result<(), ()>> {
        let op = Op::write(OpKind::Send, &self.resource, location).contained();
        let progress = ready!(proceed(cx, &op));
        let outcome = ready!(self.poll_slots(cx, waiter, wanted, location, |_| ()));
        if outcome.is_ok() {
            self.tell_taken(wanted, true, location);
        }
        progress.done();
        Poll::Ready(outcome)
    }

    /// Sends what `value` holds, waiting in line for a slot. `Err` means that it was closed.
    #[inline]
    pub(super) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<Slots>>,
        value: &mut Option<T>,
        location: &'static Location<'static>,
    ) -> Poll<Result<(), ()>> {
        let op = Op::write(OpKind::Send, &self.resource, location).contained();
        let progress = ready!(proceed(cx, &op));
        let outcome = ready!(self.poll_slots(cx, waiter, 1, location, |state| {
            let receiver = value.take().and_then(|value| state.push(value));
            self.tell_sent(state, receiver.is_some());
            receiver
        }));
        progress.done();
        Poll::Ready(outcome.map(wake))
    }

    /// Waits for slots, and does `then` with them under the same lock.
    #[inline]
    fn poll_slots<R>(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<Slots>>,
        wanted: usize,
        site: &'static Location<'static>,
        mut then: impl FnMut(&mut State<T>) -> R,
    ) -> Poll<Result<R, ()>> {
        let (place, has_waited) = (waiter.place(), waiter.is_enlisted());
        let polled = poll_wait(
            &self.state,
            cx,
            waiter,
            false,
            |state| &mut state.senders,
            |state, waiter| match state.attempt(waiter, wanted)? {
                Ok(()) => Some(Ok(then(state))),
                Err(held) => Some(Err(state.free_up(held, self.capacity))),
            },
            |state, waiter, waker| {
                let old = state.senders.enlist(waiter, Some(waker));
                // If some slots are free, but not enough, the queue was empty (invariant 2).
                let held = std::mem::take(&mut state.free);
                if held > 0 {
                    state.senders.set_first(Slots { wanted, held });
                }
                old
            },
        );
        if polled.is_pending() {
            let kind = OpKind::Send;
            tell(&self.resource, News::Waits { place, kind, site });
        } else if has_waited {
            tell(&self.resource, News::Left { place });
        }
        polled.map(|outcome| outcome.map_err(wake))
    }

    /// Takes a sender that goes away out of the line, and passes on the slots it holds.
    #[inline]
    pub(super) fn abandon(&self, waiter: Pin<&mut Waiter<Slots>>) {
        if waiter.is_enlisted() {
            let place = waiter.place();
            touch(&self.resource);
            tell(&self.resource, News::Left { place });
            let left = self.lock().senders.delist(waiter);
            self.release(left.value.held);
        }
    }

    pub(super) fn poll_closed(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<()>>,
        location: &'static Location<'static>,
    ) -> Poll<()> {
        let op = Op::read(OpKind::Notified, &self.resource, location).contained();
        let progress = ready!(proceed(cx, &op));
        ready!(poll_wait(
            &self.state,
            cx,
            waiter,
            false,
            |state| &mut state.closing,
            |state, waiter| {
                if state.closed && waiter.is_enlisted() {
                    state.closing.delist(waiter);
                }
                state.closed.then_some(())
            },
            |state, waiter, waker| state.closing.enlist(waiter, Some(waker)),
        ));
        progress.done();
        Poll::Ready(())
    }

    pub(super) fn abandon_closed(&self, waiter: Pin<&mut Waiter<()>>) {
        if waiter.is_enlisted() {
            touch(&self.resource);
            self.lock().closing.delist(waiter);
        }
    }
}

/// Receiving.
impl<T> Chan<T> {
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        touch(&self.resource);
        let mut state = self.lock();
        if let Some((value, granted)) = state.pop(self.capacity) {
            self.tell_messages(&state, false);
            drop(state);
            self.wake_granted(granted);
            return Ok(value);
        }
        if state.is_over(self.capacity) {
            Err(TryRecvError::Disconnected)
        } else {
            Err(TryRecvError::Empty)
        }
    }

    #[inline]
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        location: &'static Location<'static>,
        is_future: bool,
    ) -> Poll<Option<T>> {
        let op = Op::write(OpKind::Recv, &self.resource, location).contained();
        let progress = ready!(proceed(cx, &op));
        let received = self.poll_values(cx, |state| {
            let popped = state.pop(self.capacity)?;
            self.tell_messages(state, false);
            Some(popped)
        });
        if is_future && received.is_pending() {
            self.wait_as_receiver(location);
        }
        let received = ready!(received);
        progress.done();
        Poll::Ready(received.map(|(value, granted)| {
            self.wake_granted(granted);
            value
        }))
    }

    /// Tells a world that wants to know that the future of the receiver waits, and is to be polled
    /// when it is woken. There is one at a time: it borrows the receiver.
    #[inline]
    fn wait_as_receiver(&self, site: &'static Location<'static>) {
        let (place, kind) = (QueuePlace::of(self), OpKind::Recv);
        tell(&self.resource, News::Waits { place, kind, site });
    }

    /// The same, that the future of the receiver has ended or is dropped.
    #[inline]
    pub(super) fn leave_as_receiver(&self) {
        let place = QueuePlace::of(self);
        tell(&self.resource, News::Left { place });
    }

    /// The same, that a message was sent, and whether the receiver is woken for it.
    #[inline]
    fn tell_sent(&self, state: &State<T>, is_woken: bool) {
        self.tell_messages(state, true);
        if is_woken {
            let place = QueuePlace::of(self);
            tell(&self.resource, News::Granted { place });
        }
    }

    /// Tells a world that wants to know how many messages wait to be received.
    #[inline]
    fn tell_messages(&self, state: &State<T>, is_more: bool) {
        let messages = state.values.len();
        tell(&self.resource, News::Holds { messages, is_more });
    }

    #[inline]
    fn wake_granted(&self, granted: Option<Granted>) {
        if let Some(Granted { place, waker }) = granted {
            tell(&self.resource, News::Granted { place });
            wake(waker);
        }
    }

    /// Moves at most `limit` values into `buffer`, waiting for the first.
    pub(super) fn poll_recv_many(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
        location: &'static Location<'static>,
        is_future: bool,
    ) -> Poll<usize> {
        let op = Op::write(OpKind::Recv, &self.resource, location).contained();
        let progress = ready!(proceed(cx, &op));
        if limit == 0 {
            progress.done();
            return Poll::Ready(0);
        }
        let received = self.poll_values(cx, |state| {
            let count = state.values.len().min(limit);
            buffer.extend(state.values.drain(..count));
            self.tell_messages(state, false);
            (count > 0).then_some(count)
        });
        if is_future && received.is_pending() {
            self.wait_as_receiver(location);
        }
        let received = ready!(received);
        progress.done();
        let count = received.unwrap_or(0);
        self.release(count);
        Poll::Ready(count)
    }

    /// What `attempt` finds, or `None` if nothing can come any more.
    #[inline]
    fn poll_values<R>(
        &self,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut State<T>) -> Option<R>,
    ) -> Poll<Option<R>> {
        let mut spare = None;
        loop {
            let mut state = self.lock();
            let found = attempt(&mut state);
            if found.is_some() || state.is_over(self.capacity) {
                drop(state);
                discard(spare);
                return Poll::Ready(found);
            }
            let slot = &mut state.receiver;
            if slot.as_ref().is_some_and(|own| own.will_wake(cx.waker())) {
                drop(state);
                discard(spare);
                return Poll::Pending;
            }
            if spare.is_some() {
                let old = std::mem::replace(slot, spare);
                drop(state);
                discard(old);
                return Poll::Pending;
            }
            // Cloning a waker is foreign code.
            drop(state);
            spare = Some(cx.waker().clone());
        }
    }
}

impl<T> State<T> {
    /// Adds a value in a slot that its sender held; returns the receiver to be woken.
    #[inline]
    fn push(&mut self, value: T) -> Option<Waker> {
        self.values.push_back(value);
        self.receiver.take()
    }

    /// Takes the oldest value, and passes its slot on to the sender to be woken.
    #[inline]
    fn pop(&mut self, capacity: usize) -> Option<(T, Option<Granted>)> {
        let value = self.values.pop_front()?;
        let mut slots = 1;
        let granted = self.grant(&mut slots);
        // The receiver is here: it need not be woken.
        self.free += slots;
        debug_assert!(self.free <= capacity, "a slot was freed twice");
        Some((value, granted))
    }

    /// Gives `slots` to the first sender. If it now has all it wants, it is unlinked and returned
    /// to be woken; else no slot is left or nobody waits.
    fn grant(&mut self, slots: &mut usize) -> Option<Granted> {
        if *slots == 0 || self.closed {
            return None;
        }
        let Slots { wanted, held } = self.senders.first()?;
        let given = (wanted - held).min(*slots);
        *slots -= given;
        let now = Slots {
            wanted,
            held: held + given,
        };
        if now.held < wanted {
            self.senders.set_first(now);
            return None;
        }
        let place = self.senders.first_place()?;
        Some(Granted {
            place,
            waker: self.senders.pop_first(now),
        })
    }

    /// Frees slots that nobody waits for; returns the receiver if that was the end of a closed
    /// channel.
    fn free_up(&mut self, slots: usize, capacity: usize) -> Option<Waker> {
        self.free += slots;
        debug_assert!(self.free <= capacity, "a slot was freed twice");
        if slots > 0 && self.is_over(capacity) {
            self.receiver.take()
        } else {
            None
        }
    }

    /// Whether no value waits and none can come.
    fn is_over(&self, capacity: usize) -> bool {
        self.values.is_empty() && (self.senders_gone || (self.closed && self.free == capacity))
    }

    /// Whether `waiter` now has the slots it wants, or the channel is closed (with the slots it
    /// held), or neither.
    fn attempt(
        &mut self,
        waiter: Pin<&mut Waiter<Slots>>,
        wanted: usize,
    ) -> Option<Result<(), usize>> {
        if waiter.is_enlisted() {
            if !self.closed && self.senders.is_linked(&waiter) {
                return None;
            }
            let held = self.senders.delist(waiter).value.held;
            return Some(if self.closed { Err(held) } else { Ok(()) });
        }
        if self.closed {
            return Some(Err(0));
        }
        if self.free < wanted {
            return None;
        }
        self.free -= wanted;
        Some(Ok(()))
    }
}
