//! A queue of whatever order.
//!
//! Owns who waits for an item, for room, or until all is done. Knows nothing of the order of items.
//!
//! # Invariants
//! 1. Every item is promised to a getter that was popped, or loose: `promised <= items.len()`. While one
//!    is loose, no getter is linked: nobody overtakes.
//! 2. There is room for `held` more items, which are the putters' that were popped. While there is more
//!    room than that, no putter is linked.
//! 3. Once it was shut down no putter is linked, and no getter unless an item may come to it.
//! 4. No item is dropped under the mutex.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::error::{NothingToDo, ShutDown, TryGetError, TryPutError};
use super::shelf::Shelf;
use crate::coop::{News, Op, OpKind, QueuePlace, Resource, observe, proceed, tell, touch};
use crate::shim::{Mutex, MutexGuard, lock};
use crate::sync::crowd::{leave, poll_crowd};
use crate::sync::wait_list::{Queue, Waiter, poll_wait};
use crate::sync::wakers::Wakers;

pub(super) struct RawQueue<S: Shelf> {
    resource: Resource,
    /// How many items there is room for.
    most: usize,
    state: Mutex<State<S>>,
}

struct State<S> {
    items: S,
    promised: usize,
    held: usize,
    /// How many items were put and not said to be done.
    unfinished: usize,
    is_shut: bool,
    /// It was shut down at once: what was promised is gone.
    is_emptied: bool,
    getters: Queue<Granted>,
    putters: Queue<Granted>,
    joiners: Queue<()>,
}

/// Whether one who waits was given what it waits for.
pub(super) type Granted = bool;

/// Those who were popped, to be woken when the mutex is released.
struct Calls<'a> {
    resource: &'a Resource,
    wakers: Wakers,
}

impl Calls<'_> {
    /// The one at `place` was given what it waits for.
    fn grant(&mut self, place: QueuePlace, waker: Option<Waker>) {
        tell(self.resource, News::Granted { place });
        self.wakers.add(waker);
    }
}

impl<S: Shelf> RawQueue<S> {
    /// A queue with room for so many items, or without limit if that is 0.
    pub(super) fn new(most: usize) -> Self {
        Self {
            resource: Resource::new(),
            most: if most == 0 { usize::MAX } else { most },
            state: Mutex::new(State {
                items: S::default(),
                promised: 0,
                held: 0,
                unfinished: 0,
                is_shut: false,
                is_emptied: false,
                getters: Queue::new(),
                putters: Queue::new(),
                joiners: Queue::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        lock(&self.state)
    }

    fn observed(&self) -> MutexGuard<'_, State<S>> {
        observe(&self.resource);
        self.lock()
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn len(&self) -> usize {
        self.observed().items.len()
    }

    pub(super) fn is_shut(&self) -> bool {
        self.observed().is_shut
    }

    pub(super) fn unfinished(&self) -> usize {
        self.observed().unfinished
    }

    /// Tells a world that wants to know how many items wait.
    #[inline]
    fn tell_messages(&self, state: &State<S>, is_more: bool) {
        let messages = state.items.len();
        tell(&self.resource, News::Holds { messages, is_more });
    }

    fn calls(&self) -> Calls<'_> {
        Calls {
            resource: &self.resource,
            wakers: Wakers::new(),
        }
    }

    #[inline]
    fn tell_polled<R>(
        &self,
        polled: &Poll<R>,
        place: QueuePlace,
        has_waited: bool,
        kind: OpKind,
        site: &'static Location<'static>,
    ) {
        if polled.is_pending() {
            tell(&self.resource, News::Waits { place, kind, site });
        } else if has_waited {
            tell(&self.resource, News::Left { place });
        }
    }
}

/// Putting.
impl<S: Shelf> RawQueue<S> {
    pub(super) fn try_put(&self, item: S::Item) -> Result<(), TryPutError<S::Item>> {
        touch(&self.resource);
        let mut state = self.lock();
        if state.is_shut {
            drop(state);
            return Err(TryPutError::ShutDown(item));
        }
        if state.room(self.most) == 0 {
            drop(state);
            return Err(TryPutError::Full(item));
        }
        let mut calls = self.calls();
        state.put(item, &mut calls);
        self.tell_messages(&state, true);
        drop(state);
        calls.wakers.finish();
        Ok(())
    }

    /// Waits for room and puts what `item` holds there. If it was shut down, `item` keeps it.
    pub(super) fn poll_put(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<Granted>>,
        item: &mut Option<S::Item>,
        site: &'static Location<'static>,
    ) -> Poll<Result<(), ShutDown>> {
        let op = Op::write(OpKind::Send, &self.resource, site).contained();
        let progress = ready!(proceed(cx, &op));
        let (place, has_waited) = (waiter.place(), waiter.is_enlisted());
        let mut calls = self.calls();
        let polled = poll_wait(
            &self.state,
            cx,
            waiter,
            false,
            |state| &mut state.putters,
            |state, waiter| {
                if waiter.is_enlisted() {
                    if state.putters.is_linked(&waiter) {
                        return None;
                    }
                    if state.putters.delist(waiter).value {
                        state.held -= 1;
                    }
                }
                if state.is_shut {
                    return Some(Err(ShutDown));
                }
                if state.room(self.most) == 0 {
                    return None;
                }
                if let Some(item) = item.take() {
                    state.put(item, &mut calls);
                }
                self.tell_messages(state, true);
                Some(Ok(()))
            },
            |state, waiter, waker| state.putters.enlist(waiter, Some(waker)),
        );
        self.tell_polled(&polled, place, has_waited, OpKind::Send, site);
        let put = ready!(polled);
        progress.done();
        calls.wakers.finish();
        Poll::Ready(put)
    }

    /// Takes a putter that goes away out of the line, and passes on the room that it has.
    pub(super) fn abandon_put(&self, waiter: Pin<&mut Waiter<Granted>>) {
        if !waiter.is_enlisted() {
            return;
        }
        touch(&self.resource);
        let place = waiter.place();
        tell(&self.resource, News::Left { place });
        let mut state = self.lock();
        let left = state.putters.delist(waiter);
        if left.linked || !left.value {
            return;
        }
        state.held -= 1;
        let mut calls = self.calls();
        state.give_room(&mut calls);
        drop(state);
        calls.wakers.finish();
    }
}

/// Getting.
impl<S: Shelf> RawQueue<S> {
    pub(super) fn try_get(&self) -> Result<S::Item, TryGetError> {
        touch(&self.resource);
        let mut calls = self.calls();
        let mut state = self.lock();
        if state.loose() > 0
            && let Some(item) = state.take(&mut calls)
        {
            self.tell_messages(&state, false);
            drop(state);
            calls.wakers.finish();
            return Ok(item);
        }
        if state.is_shut && state.items.len() == 0 {
            Err(TryGetError::ShutDown)
        } else {
            Err(TryGetError::Empty)
        }
    }

    /// Waits for an item.
    pub(super) fn poll_get(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<Granted>>,
        site: &'static Location<'static>,
    ) -> Poll<Result<S::Item, ShutDown>> {
        let op = Op::write(OpKind::Recv, &self.resource, site).contained();
        let progress = ready!(proceed(cx, &op));
        let (place, has_waited) = (waiter.place(), waiter.is_enlisted());
        let mut calls = self.calls();
        let polled = poll_wait(
            &self.state,
            cx,
            waiter,
            false,
            |state| &mut state.getters,
            |state, waiter| {
                if waiter.is_enlisted() {
                    if state.getters.is_linked(&waiter) {
                        return None;
                    }
                    if state.getters.delist(waiter).value && !state.is_emptied {
                        state.promised -= 1;
                    }
                }
                if state.loose() > 0 {
                    let item = state.take(&mut calls)?;
                    self.tell_messages(state, false);
                    return Some(Ok(item));
                }
                // What is promised may still come to this one, if whom it is promised to goes away.
                (state.is_shut && state.items.len() == 0).then_some(Err(ShutDown))
            },
            |state, waiter, waker| state.getters.enlist(waiter, Some(waker)),
        );
        self.tell_polled(&polled, place, has_waited, OpKind::Recv, site);
        let got = ready!(polled);
        progress.done();
        calls.wakers.finish();
        Poll::Ready(got)
    }

    /// Takes a getter that goes away out of the line, and passes on what it was promised.
    pub(super) fn abandon_get(&self, waiter: Pin<&mut Waiter<Granted>>) {
        if !waiter.is_enlisted() {
            return;
        }
        touch(&self.resource);
        let place = waiter.place();
        tell(&self.resource, News::Left { place });
        let mut state = self.lock();
        let left = state.getters.delist(waiter);
        if left.linked || !left.value || state.is_emptied {
            return;
        }
        state.promised -= 1;
        let mut calls = self.calls();
        state.promise(&mut calls);
        drop(state);
        calls.wakers.finish();
    }
}

/// Ending.
impl<S: Shelf> RawQueue<S> {
    pub(super) fn task_done(&self) -> Result<(), NothingToDo> {
        touch(&self.resource);
        let mut wakers = Wakers::new();
        {
            let mut state = self.lock();
            state.finish(1, &mut wakers)?;
        }
        wakers.finish();
        Ok(())
    }

    /// Waits until all that was put is done.
    pub(super) fn poll_join(
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
            |state| &mut state.joiners,
            |state, is_called| (is_called || state.unfinished == 0).then_some(()),
        ));
        progress.done();
        Poll::Ready(())
    }

    pub(super) fn leave_join(&self, waiter: Pin<&mut Waiter<()>>) {
        leave(&self.state, waiter, |state| &mut state.joiners);
    }

    /// Takes no item any more. With `at_once`, drops those that are there, each of which is done then.
    pub(super) fn shut(&self, at_once: bool) {
        touch(&self.resource);
        let mut wakers = Wakers::new();
        let mut dropped = None;
        {
            let mut state = self.lock();
            state.is_shut = true;
            if at_once && !state.is_emptied {
                state.is_emptied = true;
                state.promised = 0;
                let items = std::mem::take(&mut state.items);
                // Some may have been said to be done before they were got.
                let count = items.len().min(state.unfinished);
                if count > 0 {
                    let _ = state.finish(count, &mut wakers);
                }
                dropped = Some(items);
                self.tell_messages(&state, false);
            }
            if state.items.len() == 0 {
                state.end_getters(&mut wakers);
            }
            while !state.putters.is_empty() {
                wakers.add(state.putters.pop_first(false));
            }
        }
        wakers.finish();
        drop(dropped);
    }
}

impl<S: Shelf> State<S> {
    /// How many items are promised to nobody.
    fn loose(&self) -> usize {
        self.items.len() - self.promised
    }

    /// How many items may be put.
    fn room(&self, most: usize) -> usize {
        most - self.items.len() - self.held
    }

    fn put(&mut self, item: S::Item, calls: &mut Calls<'_>) {
        self.unfinished += 1;
        self.items.put(item);
        self.promise(calls);
    }

    /// Takes an item that is loose, and gives its room to the next who puts one.
    fn take(&mut self, calls: &mut Calls<'_>) -> Option<S::Item> {
        let item = self.items.take()?;
        self.give_room(calls);
        if self.is_shut && self.items.len() == 0 {
            self.end_getters(&mut calls.wakers);
        }
        Some(item)
    }

    /// Promises a loose item to the getter that has waited longest.
    fn promise(&mut self, calls: &mut Calls<'_>) {
        if let Some(place) = self.getters.first_place() {
            self.promised += 1;
            calls.grant(place, self.getters.pop_first(true));
        }
    }

    /// Gives room for an item to the putter that has waited longest.
    fn give_room(&mut self, calls: &mut Calls<'_>) {
        if let Some(place) = self.putters.first_place() {
            self.held += 1;
            calls.grant(place, self.putters.pop_first(true));
        }
    }

    /// No item will come any more.
    fn end_getters(&mut self, wakers: &mut Wakers) {
        while !self.getters.is_empty() {
            wakers.add(self.getters.pop_first(false));
        }
    }

    /// So many items are done.
    fn finish(&mut self, count: usize, wakers: &mut Wakers) -> Result<(), NothingToDo> {
        self.unfinished = self.unfinished.checked_sub(count).ok_or(NothingToDo)?;
        if self.unfinished == 0 {
            wakers.call_all(&mut self.joiners);
        }
        Ok(())
    }
}

impl<S: Shelf> Drop for RawQueue<S> {
    fn drop(&mut self) {
        let messages = self.lock().items.len();
        tell(&self.resource, News::Abandoned { messages });
    }
}
