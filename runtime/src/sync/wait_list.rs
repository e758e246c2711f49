//! The queue in which futures wait for a lock, a notification or a slot.
//!
//! Owns who waits and in which order. Knows nothing of what is waited for, of locks or of when
//! anybody is woken: a primitive keeps its [`Queue`] behind its own mutex, and wakes after it has
//! released that mutex.
//!
//! This file holds `unsafe`: a doubly linked list whose nodes live inside the waiting futures.
//!
//! ```text
//!             enlist              pop_first, pop_last
//!   [outside] ------> [linked] ------------------------> [popped]
//!       ^                |                                   |
//!       '---- delist ----'------------- delist --------------'
//! ```
//!
//! # Invariants
//! 1. A [`Waiter`] that is not outside is pinned, and stays in memory until it is delisted: its
//!    destructor ends the process rather than leave a list with a dangling link.
//! 2. The node of a waiter that is not outside is touched only by whoever borrows the queue it was
//!    enlisted in. `Waiter::queue` names that queue by a number no other queue ever has, and every
//!    access compares the two.
//! 3. The node of a waiter that is outside is touched only by whoever borrows the waiter mutably.
//! 4. A queue's list holds exactly its linked waiters, oldest first, each link in both directions.
//!    A waiter that is not linked has no links, so it is neither the head nor has a previous one.
//! 5. No foreign code runs in this file: wakers are moved in and out, never cloned, woken or dropped.

#![expect(unsafe_code, reason = "an intrusive list")]

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use super::wakers::discard;
use crate::coop::QueuePlace;
use crate::shim::{Mutex, UnsafeCell, lock};

/// The waiters of one primitive, oldest first. Kept behind that primitive's mutex.
pub(super) struct Queue<V> {
    /// A number that no other queue has, or 0 before the first waiter.
    id: u64,
    head: Link<V>,
    tail: Link<V>,
}

/// A place in a [`Queue`], and what the primitive has to say to whoever takes it.
///
/// Lives inside a future, which must [`delist`](Queue::delist) it before it is dropped.
pub(super) struct Waiter<V> {
    /// The id of the queue that this waiter is linked in or was popped from; 0 if it is outside.
    queue: Cell<u64>,
    node: UnsafeCell<Node<V>>,
    _pinned: PhantomPinned,
}

struct Node<V> {
    next: Link<V>,
    previous: Link<V>,
    waker: Option<Waker>,
    value: V,
}

type Link<V> = Option<NonNull<Waiter<V>>>;

// SAFETY: the queue gives access to the nodes of its waiters, whose wakers are `Send`, and to them
// alone (invariant 2).
unsafe impl<V: Send> Send for Queue<V> {}

// SAFETY: a waiter is only moved while it is outside, and then nobody else knows it (invariant 3).
unsafe impl<V: Send> Send for Waiter<V> {}

// SAFETY: through a shared waiter its `queue` can only be read, and its node only by whoever borrows
// the queue mutably (invariant 2).
unsafe impl<V: Send> Sync for Waiter<V> {}

impl<V: Copy> Queue<V> {
    pub(super) const fn new() -> Self {
        Self {
            id: 0,
            head: None,
            tail: None,
        }
    }

    /// Whether nobody is linked.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// How many are linked. Goes through all of them.
    pub(super) fn len(&mut self) -> usize {
        let (mut count, mut next) = (0, self.head);
        while let Some(pointer) = next {
            count += 1;
            next = self.with(pointer, |node| node.next);
        }
        count
    }

    /// Links an outside `waiter` behind all others and returns the waker it held before.
    #[must_use = "foreign code must not run under the primitive's mutex"]
    pub(super) fn enlist(
        &mut self,
        waiter: Pin<&mut Waiter<V>>,
        waker: Option<Waker>,
    ) -> Option<Waker> {
        let waiter = waiter.into_ref().get_ref();
        assert_eq!(waiter.queue.get(), 0, "a waiter waits in one place");
        if self.id == 0 {
            self.id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        }
        waiter.queue.set(self.id);
        let previous = self.tail;
        let old = waiter.node.with_mut(|node| {
            // SAFETY: the waiter was outside and is mutably borrowed (invariant 3).
            let node = unsafe { &mut *node };
            debug_assert!(node.next.is_none(), "a waiter outside is in no list");
            node.previous = previous;
            std::mem::replace(&mut node.waker, waker)
        });
        let link = Some(NonNull::from(waiter));
        self.tail = link;
        match previous {
            None => self.head = link,
            Some(previous) => self.with(previous, |node| node.next = link),
        }
        old
    }

    /// Takes `waiter` out of the queue, wherever it is, and returns its value and whether it was
    /// still linked.
    pub(super) fn delist(&mut self, waiter: Pin<&mut Waiter<V>>) -> Delisted<V> {
        let pointer = self.own(&waiter);
        let linked = self.is_linked(&waiter);
        if linked {
            self.unlink(pointer);
        }
        waiter.into_ref().get_ref().queue.set(0);
        Delisted {
            linked,
            value: self.with(pointer, |node| node.value),
        }
    }

    /// Whether `waiter` is still linked: false once it was popped.
    pub(super) fn is_linked(&mut self, waiter: &Waiter<V>) -> bool {
        let pointer = self.own(waiter);
        self.head == Some(pointer) || self.with(pointer, |node| node.previous.is_some())
    }

    /// Whether waking `waiter` would wake the task of `waker`.
    fn wakes(&mut self, waiter: &Waiter<V>, waker: &Waker) -> bool {
        let pointer = self.own(waiter);
        self.with(pointer, |node| {
            node.waker.as_ref().is_some_and(|own| own.will_wake(waker))
        })
    }

    /// Gives `waiter` another waker and returns the one it had.
    #[must_use = "foreign code must not run under the primitive's mutex"]
    fn replace_waker(&mut self, waiter: &Waiter<V>, waker: Option<Waker>) -> Option<Waker> {
        let pointer = self.own(waiter);
        self.with(pointer, |node| std::mem::replace(&mut node.waker, waker))
    }

    /// The place of the oldest waiter.
    pub(super) fn first_place(&self) -> Option<QueuePlace> {
        let head = self.head?;
        Some(QueuePlace::at(head.as_ptr().cast_const()))
    }

    /// The place of the youngest waiter.
    pub(super) fn last_place(&self) -> Option<QueuePlace> {
        let tail = self.tail?;
        Some(QueuePlace::at(tail.as_ptr().cast_const()))
    }

    /// The value of the oldest waiter.
    pub(super) fn first(&mut self) -> Option<V> {
        self.head
            .map(|pointer| self.with(pointer, |node| node.value))
    }

    /// Sets the value of the oldest waiter, if there is one.
    pub(super) fn set_first(&mut self, value: V) {
        if let Some(pointer) = self.head {
            self.with(pointer, |node| node.value = value);
        }
    }

    /// Unlinks the oldest waiter, leaves it `value` and returns its waker, if it had one.
    pub(super) fn pop_first(&mut self, value: V) -> Option<Waker> {
        self.pop(self.head, value)
    }

    /// Unlinks the youngest waiter, leaves it `value` and returns its waker, if it had one.
    pub(super) fn pop_last(&mut self, value: V) -> Option<Waker> {
        self.pop(self.tail, value)
    }

    fn pop(&mut self, link: Link<V>, value: V) -> Option<Waker> {
        let pointer = link?;
        self.unlink(pointer);
        self.with(pointer, |node| {
            node.value = value;
            node.waker.take()
        })
    }

    fn unlink(&mut self, pointer: NonNull<Waiter<V>>) {
        let (previous, next) = self.with(pointer, |node| (node.previous.take(), node.next.take()));
        match previous {
            None => self.head = next,
            Some(previous) => self.with(previous, |node| node.next = next),
        }
        match next {
            None => self.tail = previous,
            Some(next) => self.with(next, |node| node.previous = previous),
        }
    }

    /// The way to `waiter`'s node, which must belong to this queue.
    fn own(&self, waiter: &Waiter<V>) -> NonNull<Waiter<V>> {
        let id = waiter.queue.get();
        assert_ne!(id, 0, "the waiter is in a queue");
        assert_eq!(id, self.id, "the waiter is in this queue");
        NonNull::from(waiter)
    }

    /// Runs `f` on the node of a waiter of this queue.
    ///
    /// Private: the callers pass links of this queue's list, or what `own` or `enlist` let through.
    fn with<R>(&mut self, pointer: NonNull<Waiter<V>>, f: impl FnOnce(&mut Node<V>) -> R) -> R {
        // SAFETY: the waiter is in this queue, so it is still in memory (invariants 1 and 4).
        let waiter = unsafe { pointer.as_ref() };
        waiter.node.with_mut(|node| {
            // SAFETY: this queue is mutably borrowed (invariant 2), and no `f` of this file calls
            // back into it (invariant 5).
            f(unsafe { &mut *node })
        })
    }
}

/// What became of a waiter that was taken out of its queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delisted<V> {
    /// Whether it was still waiting.
    pub(super) linked: bool,
    /// What was left for it.
    pub(super) value: V,
}

impl<V> Waiter<V> {
    /// Where it waits, as worlds know it.
    pub(super) fn place(&self) -> QueuePlace {
        QueuePlace::of(self)
    }

    /// A waiter outside of every queue.
    #[inline]
    pub(super) fn new(value: V) -> Self {
        Self {
            queue: Cell::new(0),
            node: UnsafeCell::new(Node {
                next: None,
                previous: None,
                waker: None,
                value,
            }),
            _pinned: PhantomPinned,
        }
    }

    /// Whether it has to be taken out of a queue: it is linked in one or was popped from one.
    pub(super) fn is_enlisted(&self) -> bool {
        self.queue.get() != 0
    }
}

impl<V> Drop for Waiter<V> {
    fn drop(&mut self) {
        if self.queue.get() != 0 {
            // Freeing a linked node would leave a dangling link, and unwinding would free it.
            std::process::abort();
        }
    }
}

impl<V> fmt::Debug for Waiter<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").finish_non_exhaustive()
    }
}

/// Polls a wait: `attempt` ends it if it can, else the task of `cx` waits in a queue of `state`.
///
/// Both closures run under the mutex, so they call no foreign code. `attempt` runs once or twice
/// and leaves `state` as it was when it returns `None`. `enlist` links an outside waiter.
/// `contended` says that the first attempt is not expected to succeed.
pub(super) fn poll_wait<S, V: Copy, R>(
    state: &Mutex<S>,
    cx: &mut Context<'_>,
    mut waiter: Pin<&mut Waiter<V>>,
    contended: bool,
    queue: impl Fn(&mut S) -> &mut Queue<V>,
    mut attempt: impl FnMut(&mut S, Pin<&mut Waiter<V>>) -> Option<R>,
    enlist: impl FnOnce(&mut S, Pin<&mut Waiter<V>>, Waker) -> Option<Waker>,
) -> Poll<R> {
    let mut spare = None;
    if contended && !waiter.is_enlisted() {
        spare = Some(cx.waker().clone());
    }
    let old = loop {
        let mut state = lock(state);
        if let Some(output) = attempt(&mut state, waiter.as_mut()) {
            drop(state);
            discard(spare);
            return Poll::Ready(output);
        }
        let enlisted = waiter.is_enlisted();
        match spare.take() {
            Some(waker) if enlisted => {
                break queue(&mut state).replace_waker(&waiter, Some(waker));
            }
            Some(waker) => break enlist(&mut state, waiter.as_mut(), waker),
            None if enlisted && queue(&mut state).wakes(&waiter, cx.waker()) => {
                return Poll::Pending;
            }
            None => {
                // Cloning a waker is foreign code.
                drop(state);
                spare = Some(cx.waker().clone());
            }
        }
    };
    discard(old);
    Poll::Pending
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

#[cfg(all(test, not(loom)))]
mod tests;
