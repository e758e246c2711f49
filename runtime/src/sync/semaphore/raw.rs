//! Permits without guards.
//!
//! Owns how many permits are free and who gets the next ones. Knows nothing of what they permit.
//!
//! # Invariants
//! 1. A permit is free only if nobody is linked: nobody overtakes. (But for those in the hands of a
//!    running `release`, which goes on with the queue before anybody else.)
//! 2. Only the first linked waiter holds some of the permits it wants; a popped one holds them all, or
//!    was popped because the semaphore closed.
//! 3. Once it is closed, nobody is linked.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::error::TryAcquireError;
use crate::context::is_told_of_changes;
use crate::coop::{News, Op, OpKind, QueuePlace, Resource, observe, proceed, tell, touch};
use crate::shim::{Mutex, MutexGuard, lock};
use crate::sync::wait_list::{Queue, Waiter, poll_wait};
use crate::sync::wakers::Wakers;

/// How many permits there can be.
pub(crate) const PERMITS_MAX: usize = usize::MAX >> 3;

pub(crate) struct RawSemaphore {
    /// What taking permits is called.
    kind: OpKind,
    resource: Resource,
    state: Mutex<State>,
}

struct State {
    free: usize,
    closed: bool,
    waiters: Queue<Share>,
}

/// What a waiter wants, and has of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    wanted: usize,
    held: usize,
}

impl Share {
    pub(crate) fn of(wanted: usize) -> Self {
        Self { wanted, held: 0 }
    }
}

/// The semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl RawSemaphore {
    #[cfg(not(loom))]
    pub(crate) const fn new(permits: usize, kind: OpKind) -> Self {
        Self {
            kind,
            resource: Resource::new(),
            state: Mutex::new(State::new(permits)),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new(permits: usize, kind: OpKind) -> Self {
        Self {
            kind,
            resource: Resource::new(),
            state: Mutex::new(State::new(permits)),
        }
    }

    pub(crate) fn free(&self) -> usize {
        observe(&self.resource);
        self.lock().free
    }

    pub(crate) fn is_closed(&self) -> bool {
        observe(&self.resource);
        self.lock().closed
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        observe(&self.resource);
        self.lock().waiters.len()
    }

    /// Takes permits if they are free.
    #[track_caller]
    pub(crate) fn try_acquire(&self, wanted: usize) -> Result<(), TryAcquireError> {
        touch(&self.resource);
        {
            let mut state = self.lock();
            if state.closed {
                return Err(TryAcquireError::Closed);
            }
            match state.free.checked_sub(wanted) {
                Some(left) => state.free = left,
                None => return Err(TryAcquireError::NoPermits),
            }
        }
        self.tell_taken(wanted, false, Location::caller());
        Ok(())
    }

    /// How much so many permits are of what this is: of a lock, one for each who has it.
    fn amount_of(&self, permits: usize) -> usize {
        match self.kind {
            OpKind::Lock => permits.min(1),
            _ => permits,
        }
    }

    /// Tells a world that wants to know that the running task has permits.
    #[inline]
    fn tell_taken(&self, permits: usize, is_awaited: bool, site: &'static Location<'static>) {
        let (kind, amount) = (self.kind, self.amount_of(permits));
        let taken = News::Taken {
            kind,
            amount,
            is_awaited,
            site,
        };
        tell(&self.resource, taken);
    }

    /// Takes free permits for good, at most so many. Returns how many.
    pub(crate) fn forget(&self, most: usize) -> usize {
        touch(&self.resource);
        let mut state = self.lock();
        let count = state.free.min(most);
        state.free -= count;
        count
    }

    /// As [`release`](Self::release), of what a guard held.
    #[inline]
    pub(crate) fn give_back(&self, permits: usize) {
        if permits > 0 {
            let amount = self.amount_of(permits);
            tell(&self.resource, News::Released { amount });
            self.release(permits);
        }
    }

    /// A guard's permits are never given back.
    #[inline]
    pub(crate) fn never_give_back(&self, permits: usize) {
        if permits > 0 {
            tell(&self.resource, News::Released { amount: permits });
        }
    }

    /// Gives permits to those who wait, in their order, and frees the rest.
    pub(crate) fn release(&self, mut permits: usize) {
        if permits == 0 {
            return;
        }
        touch(&self.resource);
        let mut state = self.lock();
        if state.waiters.is_empty() && state.free_more(permits) {
            return;
        }
        let mut wakers = Wakers::new();
        while let Some((place, waker)) = state.grant(&mut permits) {
            tell(&self.resource, News::Granted { place });
            wakers.push(waker);
            if wakers.is_full() {
                drop(state);
                wakers.wake();
                state = self.lock();
            }
        }
        let is_room = state.free_more(permits);
        drop(state);
        wakers.finish();
        assert!(
            is_room,
            "a semaphore was given more than {PERMITS_MAX} permits"
        );
    }

    /// Gives no permit away any more, and tells those who wait.
    pub(crate) fn close(&self) {
        touch(&self.resource);
        let mut state = self.lock();
        state.closed = true;
        let mut wakers = Wakers::new();
        while let Some(share) = state.waiters.first() {
            wakers.push(state.waiters.pop_first(share));
            if wakers.is_full() {
                drop(state);
                wakers.wake();
                state = self.lock();
            }
        }
        drop(state);
        wakers.finish();
    }

    /// Waits for the permits that `waiter` was made for: `wanted`.
    #[inline]
    pub(crate) fn poll_acquire(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<Share>>,
        wanted: usize,
        site: &'static Location<'static>,
    ) -> Poll<Result<(), Closed>> {
        let op = Op::write(self.kind, &self.resource, site).contained();
        let progress = match proceed(cx, &op) {
            Poll::Ready(progress) => progress,
            Poll::Pending => return self.stand_in_line(cx, waiter, wanted),
        };
        let (place, has_waited) = (waiter.place(), waiter.is_enlisted());
        let polled = self.poll_wait(cx, waiter, wanted);
        if polled.is_pending() {
            let kind = self.kind;
            tell(&self.resource, News::Waits { place, kind, site });
        } else if has_waited {
            tell(&self.resource, News::Left { place });
        }
        let acquired = ready!(polled);
        // That a lock was taken is told by the operation itself.
        if acquired.is_ok() && self.kind != OpKind::Lock {
            self.tell_taken(wanted, true, site);
        }
        progress.done();
        Poll::Ready(acquired)
    }

    /// The task has used its budget: it is polled once more before it may have its permits, but those
    /// who come meanwhile are behind it.
    ///
    /// Not where a world explores who comes first: to it this task has not come yet.
    #[cold]
    fn stand_in_line(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<Share>>,
        wanted: usize,
    ) -> Poll<Result<(), Closed>> {
        let may_go_on = |state: &State| state.closed || state.free >= wanted;
        if waiter.is_enlisted() || is_told_of_changes() || may_go_on(&self.lock()) {
            return Poll::Pending;
        }
        self.poll_wait(cx, waiter, wanted)
    }

    #[inline]
    fn poll_wait(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<Share>>,
        wanted: usize,
    ) -> Poll<Result<(), Closed>> {
        poll_wait(
            &self.state,
            cx,
            waiter,
            false,
            |state| &mut state.waiters,
            |state, waiter| state.attempt(waiter, wanted),
            |state, waiter, waker| state.enlist(waiter, waker, wanted),
        )
    }

    /// Takes a waiter that goes away out of the queue, and passes on the permits it has.
    #[inline]
    pub(crate) fn abandon(&self, waiter: Pin<&mut Waiter<Share>>) {
        if waiter.is_enlisted() {
            touch(&self.resource);
            let place = waiter.place();
            tell(&self.resource, News::Left { place });
            let left = self.lock().waiters.delist(waiter);
            self.release(left.value.held);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    const fn new(free: usize) -> Self {
        Self {
            free,
            closed: false,
            waiters: Queue::new(),
        }
    }

    /// Frees permits, unless there would be too many.
    fn free_more(&mut self, permits: usize) -> bool {
        let total = self.free.checked_add(permits);
        let total = total.filter(|&total| total <= PERMITS_MAX);
        self.free = total.unwrap_or(self.free);
        total.is_some()
    }

    /// Gives permits to the first waiter. If it now has all it wants, it is unlinked, and its place and
    /// waker returned; else no permit is left or nobody waits.
    fn grant(&mut self, permits: &mut usize) -> Option<(QueuePlace, Option<Waker>)> {
        if *permits == 0 {
            return None;
        }
        let Share { wanted, held } = self.waiters.first()?;
        let given = (wanted - held).min(*permits);
        *permits -= given;
        let now = Share {
            wanted,
            held: held + given,
        };
        if now.held < wanted {
            self.waiters.set_first(now);
            return None;
        }
        let place = self.waiters.first_place()?;
        Some((place, self.waiters.pop_first(now)))
    }

    /// Whether `waiter` now has the permits it wants, or the semaphore is closed, or neither.
    fn attempt(
        &mut self,
        waiter: Pin<&mut Waiter<Share>>,
        wanted: usize,
    ) -> Option<Result<(), Closed>> {
        if waiter.is_enlisted() {
            if !self.closed && self.waiters.is_linked(&waiter) {
                return None;
            }
            let held = self.waiters.delist(waiter).value.held;
            if self.closed {
                // Nobody waits for them any more.
                self.free += held;
                return Some(Err(Closed));
            }
            return Some(Ok(()));
        }
        if self.closed {
            return Some(Err(Closed));
        }
        self.free = self.free.checked_sub(wanted)?;
        Some(Ok(()))
    }

    fn enlist(
        &mut self,
        waiter: Pin<&mut Waiter<Share>>,
        waker: Waker,
        wanted: usize,
    ) -> Option<Waker> {
        let old = self.waiters.enlist(waiter, Some(waker));
        // If some permits are free, but not enough, the queue was empty (invariant 1).
        let held = std::mem::take(&mut self.free);
        if held > 0 {
            self.waiters.set_first(Share { wanted, held });
        }
        old
    }
}
