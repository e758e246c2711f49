//! What the two ends of a channel share.
//!
//! Owns the value, its version, and the life of either end. Knows nothing of what a receiver has seen.
//!
//! # Invariants
//! 1. The version changes only while the value is locked for writing.
//! 2. Whoever changes the version, or ends either side, does so before it calls those who wait, and
//!    those who wait look at it under the mutex of the crowds: nobody misses it.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, ready};

use super::error::RecvError;
use crate::coop::{Op, OpKind, Resource, observe, proceed, touch};
use crate::shim::{AtomicBool, AtomicUsize, Mutex, Ordering, RwLock, RwLockReadGuard, lock};
use crate::sync::crowd::{Place, leave, poll_crowd};
use crate::sync::wait_list::{Queue, Waiter};
use crate::sync::wakers::Wakers;

pub(super) struct Shared<T> {
    resource: Resource,
    value: RwLock<T>,
    version: AtomicUsize,
    senders_gone: AtomicBool,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    crowds: Mutex<Crowds>,
}

struct Crowds {
    /// Receivers that wait for another version.
    changed: Queue<()>,
    /// Senders that wait until no receiver is left.
    closed: Queue<()>,
}

impl<T> Shared<T> {
    /// A value with one sender and so many receivers, which have seen it.
    pub(super) fn new(value: T, receivers: usize) -> Self {
        Self {
            resource: Resource::new(),
            value: RwLock::new(value),
            version: AtomicUsize::new(0),
            senders_gone: AtomicBool::new(false),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(receivers),
            crowds: Mutex::new(Crowds {
                changed: Queue::new(),
                closed: Queue::new(),
            }),
        }
    }

    /// The version, and whether another may come.
    pub(super) fn version(&self) -> usize {
        observe(&self.resource);
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn is_closed(&self) -> bool {
        observe(&self.resource);
        self.senders_gone.load(Ordering::Acquire)
    }

    pub(super) fn senders(&self) -> usize {
        observe(&self.resource);
        self.senders.load(Ordering::Acquire)
    }

    pub(super) fn receivers(&self) -> usize {
        observe(&self.resource);
        self.receivers.load(Ordering::Acquire)
    }

    /// The value for one that has seen that version, and the value's version. Without a version
    /// nothing is said to have changed.
    pub(super) fn borrow(&self, seen: Option<usize>) -> (Ref<'_, T>, usize) {
        observe(&self.resource);
        let value = self.value.read().unwrap_or_else(PoisonError::into_inner);
        let version = self.version.load(Ordering::Acquire);
        let has_changed = seen.is_some_and(|seen| seen != version);
        (Ref { value, has_changed }, version)
    }

    /// Changes the value, and tells the receivers if `modify` says so. Returns what it says.
    pub(super) fn modify(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        touch(&self.resource);
        {
            let mut value = self.value.write().unwrap_or_else(PoisonError::into_inner);
            if !modify(&mut value) {
                return false;
            }
            self.version.fetch_add(1, Ordering::AcqRel);
        }
        self.call(|crowds| &mut crowds.changed);
        true
    }

    fn call(&self, crowd: Place<Crowds>) {
        let mut wakers = Wakers::new();
        wakers.call_all(crowd(&mut lock(&self.crowds)));
        wakers.finish();
    }

    pub(super) fn add_sender(&self) {
        touch(&self.resource);
        add(&self.senders);
    }

    pub(super) fn drop_sender(&self) {
        touch(&self.resource);
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.senders_gone.store(true, Ordering::Release);
            self.call(|crowds| &mut crowds.changed);
        }
    }

    pub(super) fn add_receiver(&self) {
        touch(&self.resource);
        add(&self.receivers);
    }

    pub(super) fn drop_receiver(&self) {
        touch(&self.resource);
        if self.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.call(|crowds| &mut crowds.closed);
        }
    }

    /// Another version than `seen`, or that none will come, or neither.
    fn news(&self, seen: usize) -> Option<Result<usize, RecvError>> {
        // What the last sender sent before it went is seen when its going is.
        let is_closed = self.senders_gone.load(Ordering::Acquire);
        let version = self.version.load(Ordering::Acquire);
        if version != seen {
            Some(Ok(version))
        } else {
            is_closed.then_some(Err(RecvError(())))
        }
    }

    /// Waits for another version than `seen`.
    pub(super) fn poll_changed(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<()>>,
        seen: usize,
        site: &'static Location<'static>,
    ) -> Poll<Result<usize, RecvError>> {
        let op = Op::read(OpKind::Recv, &self.resource, site).contained();
        let progress = ready!(proceed(cx, &op));
        let changed = ready!(self.poll_news(cx, waiter, seen));
        progress.done();
        Poll::Ready(changed)
    }

    fn poll_news(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<()>>,
        seen: usize,
    ) -> Poll<Result<usize, RecvError>> {
        poll_crowd(
            &self.crowds,
            cx,
            waiter,
            |crowds| &mut crowds.changed,
            |_, _| self.news(seen),
        )
    }

    /// Waits for a value that `predicate` likes, and is not called again for one that it was called
    /// for: `looked` says whether it was called at all.
    pub(super) fn poll_wait_for<'a>(
        &'a self,
        cx: &mut Context<'_>,
        mut waiter: Pin<&mut Waiter<()>>,
        seen: &mut usize,
        looked: &mut bool,
        mut predicate: impl FnMut(&T) -> bool,
        site: &'static Location<'static>,
    ) -> Poll<Result<Ref<'a, T>, RecvError>> {
        let op = Op::read(OpKind::Recv, &self.resource, site).contained();
        let progress = ready!(proceed(cx, &op));
        loop {
            // If it is so now, no other value comes after the one below.
            let is_closed = self.senders_gone.load(Ordering::Acquire);
            let (value, version) = self.borrow(Some(*seen));
            *seen = version;
            let is_new = value.has_changed() || !*looked;
            *looked = true;
            let found = if is_new && predicate(&value) {
                Ok(value)
            } else if is_closed {
                Err(RecvError(()))
            } else {
                drop(value);
                // Told by what the next round sees.
                let _ = ready!(self.poll_news(cx, waiter.as_mut(), version));
                continue;
            };
            self.leave_changed(waiter);
            progress.done();
            return Poll::Ready(found);
        }
    }

    pub(super) fn leave_changed(&self, waiter: Pin<&mut Waiter<()>>) {
        leave(&self.crowds, waiter, |crowds| &mut crowds.changed);
    }

    /// Waits until there is no receiver.
    pub(super) fn poll_closed(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<()>>,
        site: &'static Location<'static>,
    ) -> Poll<()> {
        let op = Op::read(OpKind::Notified, &self.resource, site).contained();
        let progress = ready!(proceed(cx, &op));
        ready!(poll_crowd(
            &self.crowds,
            cx,
            waiter,
            |crowds| &mut crowds.closed,
            |_, _| (self.receivers.load(Ordering::Acquire) == 0).then_some(()),
        ));
        progress.done();
        Poll::Ready(())
    }

    pub(super) fn leave_closed(&self, waiter: Pin<&mut Waiter<()>>) {
        leave(&self.crowds, waiter, |crowds| &mut crowds.closed);
    }
}

fn add(count: &AtomicUsize) {
    let before = count.fetch_add(1, Ordering::Relaxed);
    assert!(before < usize::MAX >> 3, "too many ends of one channel");
}

/// The value, which nobody changes while this is there.
///
/// Sending waits for it, and blocks its thread to do so: keep it for a moment, and never across an
/// `.await`.
///
/// # Examples
/// ```
/// let (sender, receiver) = simoom::sync::watch::channel("one");
/// sender.send("two").unwrap();
/// let value = receiver.borrow();
/// assert_eq!(*value, "two");
/// assert!(value.has_changed());
/// ```
#[derive(Debug)]
pub struct Ref<'a, T> {
    value: RwLockReadGuard<'a, T>,
    has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the receiver that lent it had not seen it before. What a sender lends has not changed.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Channel");
        match self.value.try_read() {
            Ok(value) => debug.field("value", &&*value),
            Err(_) => debug.field("value", &format_args!("<locked>")),
        };
        debug.finish_non_exhaustive()
    }
}
