//! A lock without a value.
//!
//! Owns who holds the lock and who gets it next. Knows nothing of what it protects.
//!
//! # Invariants
//! 1. `HELD` is set exactly while somebody holds the lock or it was handed to a popped waiter.
//! 2. While a waiter is linked, `WAITED` is set, and so is `HELD`: nobody overtakes it.
//! 3. Once `WAITED` is set, the word changes only under the queue's mutex.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::context::is_told_of_changes;
use crate::coop::{News, Op, OpKind, Resource, proceed, release, tell, touch};
use crate::shim::{AtomicUsize, Mutex, Ordering, lock};
use crate::sync::wait_list::{Queue, Waiter, poll_wait};
use crate::sync::wakers::wake;

/// The lock is held.
const HELD: usize = 1;
/// Unlocking must look at the queue.
const WAITED: usize = 1 << 1;

pub(super) struct RawMutex {
    word: AtomicUsize,
    resource: Resource,
    queue: Mutex<Queue<()>>,
}

impl RawMutex {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            resource: Resource::new(),
            queue: Mutex::new(Queue::new()),
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            resource: Resource::new(),
            queue: Mutex::new(Queue::new()),
        }
    }

    /// Takes the lock if nobody holds it.
    #[inline]
    #[track_caller]
    pub(super) fn try_lock(&self) -> bool {
        touch(&self.resource);
        let acquired = self.acquire();
        if acquired {
            let site = Location::caller();
            let (kind, amount, is_awaited) = (OpKind::Lock, 1, false);
            let taken = News::Taken {
                kind,
                amount,
                is_awaited,
                site,
            };
            tell(&self.resource, taken);
        }
        acquired
    }

    #[inline]
    fn acquire(&self) -> bool {
        self.word
            .compare_exchange(0, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Gives the lock to the waiter that has waited longest, or to nobody.
    #[inline]
    pub(super) fn unlock(&self) {
        release(&self.resource);
        if self
            .word
            .compare_exchange(HELD, 0, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            self.unlock_waited();
        }
    }

    #[cold]
    fn unlock_waited(&self) {
        let mut queue = lock(&self.queue);
        if queue.is_empty() {
            self.word.store(0, Ordering::Release);
            return;
        }
        let place = queue.first_place();
        let waker = queue.pop_first(());
        self.settle(&queue);
        drop(queue);
        if let Some(place) = place {
            tell(&self.resource, News::Granted { place });
        }
        wake(waker);
    }

    /// Clears `WAITED` if nobody waits any more. The lock is held, by the caller or another.
    fn settle(&self, queue: &Queue<()>) {
        if queue.is_empty() {
            // By invariant 3 nobody else changes the word: the store loses nothing.
            self.word.store(HELD, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn poll_lock(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<()>>,
        location: &'static Location<'static>,
    ) -> Poll<()> {
        let op = Op::write(OpKind::Lock, &self.resource, location).contained();
        let progress = match proceed(cx, &op) {
            Poll::Ready(progress) => progress,
            Poll::Pending => return self.stand_in_line(cx, waiter, location),
        };
        if waiter.is_enlisted() || !self.acquire() {
            ready!(self.poll_wait(cx, waiter, location));
        }
        progress.done();
        Poll::Ready(())
    }

    /// The task has used its budget: it is polled once more before it may have the lock, but those
    /// who come meanwhile are behind it.
    ///
    /// Not where a world explores who comes first: to it this task has not come yet.
    #[cold]
    fn stand_in_line(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<()>>,
        site: &'static Location<'static>,
    ) -> Poll<()> {
        let is_held = self.word.load(Ordering::Relaxed) & HELD != 0;
        if !is_held || waiter.is_enlisted() || is_told_of_changes() {
            return Poll::Pending;
        }
        self.poll_wait(cx, waiter, site)
    }

    #[cold]
    fn poll_wait(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<()>>,
        site: &'static Location<'static>,
    ) -> Poll<()> {
        let place = waiter.place();
        let polled = poll_wait(
            &self.queue,
            cx,
            waiter,
            true,
            |queue| queue,
            |queue, waiter| self.attempt(queue, waiter).then_some(()),
            |queue, waiter, waker| queue.enlist(waiter, Some(waker)),
        );
        let kind = OpKind::Lock;
        let news = match polled {
            Poll::Pending => News::Waits { place, kind, site },
            Poll::Ready(()) => News::Left { place },
        };
        tell(&self.resource, news);
        polled
    }

    /// Whether the lock is now the waiter's. If not, `WAITED` is set.
    fn attempt(&self, queue: &mut Queue<()>, waiter: Pin<&mut Waiter<()>>) -> bool {
        if waiter.is_enlisted() {
            let popped = !queue.is_linked(&waiter);
            if popped {
                queue.delist(waiter);
            }
            return popped;
        }
        let before = self.word.fetch_or(HELD | WAITED, Ordering::Acquire);
        if before & HELD != 0 {
            return false;
        }
        self.settle(queue);
        true
    }

    /// Takes a waiter that goes away out of the queue, and passes on the lock if it had got it.
    #[inline]
    pub(super) fn abandon(&self, waiter: Pin<&mut Waiter<()>>) {
        if waiter.is_enlisted() {
            self.abandon_enlisted(waiter);
        }
    }

    #[cold]
    fn abandon_enlisted(&self, waiter: Pin<&mut Waiter<()>>) {
        touch(&self.resource);
        let place = waiter.place();
        tell(&self.resource, News::Left { place });
        let mut queue = lock(&self.queue);
        if queue.delist(waiter).linked {
            self.settle(&queue);
        } else {
            drop(queue);
            self.unlock();
        }
    }
}
