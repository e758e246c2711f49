//! What join handles and abort handles hold of a task.
//!
//! Owns the join handle's side of the protocol. Cites the invariants of [`cell`](super).
//!
//! This file holds `unsafe`: it is a part of the task cell.

#![expect(unsafe_code, reason = "the task cell")]

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::task::{Context, Poll, Waker};

use super::waker::{abort, abort_now, cancel};
use super::{COMPLETE, HANDLE, JOIN_WAKER, Reference, TaskRef, current, lock};
use crate::coop::{Resource, observe};
use crate::instrument::TaskTimes;
use crate::shim::Ordering;
use crate::task::cancel::Reason;
use crate::task::error::JoinError;
use crate::task::id::Id;

/// The join handle's hold on a task.
pub(crate) struct Join<T> {
    reference: Reference,
    _output: PhantomData<T>,
}

// SAFETY: the handle gives access to the output alone, which is `Send`, and to the shared part of
// the header.
unsafe impl<T: Send> Send for Join<T> {}
// SAFETY: a shared handle gives no access to the output.
unsafe impl<T: Send> Sync for Join<T> {}

impl<T> Join<T> {
    pub(super) fn new(reference: Reference) -> Self {
        Self {
            reference,
            _output: PhantomData,
        }
    }

    /// Called by the one owner of the handle alone.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let header = self.reference.header();
        let mut output = Poll::Pending;
        if self.watch(cx.waker()) {
            let target: *mut Poll<Result<T, JoinError>> = &raw mut output;
            // SAFETY: the task is complete, this is its join handle, and `T` is its output type.
            unsafe { (header.vtable.take_output)(self.reference.0, target.cast()) };
        }
        output
    }

    /// Wakes `waker` at the end; true if the task has ended.
    pub(crate) fn watch(&self, waker: &Waker) -> bool {
        self.reference.is_complete() || self.store_waker(waker)
    }

    /// Stores the waker to wake at the end; true if the task ended meanwhile.
    fn store_waker(&self, waker: &Waker) -> bool {
        let header = self.reference.header();
        let state = header.state.load(Ordering::Acquire);
        if state & JOIN_WAKER != 0 {
            // SAFETY: the task is alive, this is its join handle and the bit is set (invariant 3).
            if unsafe { (header.vtable.is_join_waker)(self.reference.0, waker) } {
                return state & COMPLETE != 0;
            }
            // Take the slot back before writing to it.
            if header.state.fetch_sub(JOIN_WAKER, Ordering::AcqRel) & COMPLETE != 0 {
                return true;
            }
        }
        // SAFETY: this is the join handle, and both bits were clear (invariant 3): only this
        // handle sets the one, and if the other was set since, the completer saw no waker.
        unsafe { (header.vtable.set_join_waker)(self.reference.0, Some(waker.clone())) };
        header.state.fetch_add(JOIN_WAKER, Ordering::AcqRel) & COMPLETE != 0
    }

    pub(crate) fn is_finished(&self) -> bool {
        observe(self.resource());
        self.reference.is_complete()
    }

    pub(crate) fn id(&self) -> Id {
        self.reference.header().id
    }

    pub(crate) fn resource(&self) -> &Resource {
        &self.reference.header().resource
    }

    pub(crate) fn abort(&self) {
        abort(&self.reference);
    }

    pub(crate) fn cancel(&self, reason: Reason) -> bool {
        cancel(&self.reference, reason)
    }

    pub(crate) fn name(&self) -> Option<&str> {
        name_of(&self.reference)
    }

    pub(crate) fn times(&self) -> Option<TaskTimes> {
        times_of(&self.reference)
    }

    pub(crate) fn aborter(&self) -> Aborter {
        Aborter(self.reference.clone())
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        let header = self.reference.header();
        if !self.reference.is_complete() {
            let before = header
                .state
                .fetch_and(!(HANDLE | JOIN_WAKER), Ordering::AcqRel);
            if before & COMPLETE == 0 {
                if before & JOIN_WAKER != 0 {
                    // SAFETY: this was the join handle and both bits are clear (invariant 3).
                    unsafe { (header.vtable.set_join_waker)(self.reference.0, None) };
                }
                return;
            }
        }
        // SAFETY: the task is complete and this was its join handle (invariant 2).
        unsafe { (header.vtable.drop_output)(self.reference.0) };
    }
}

/// An abort handle's hold on a task.
#[derive(Clone)]
pub(crate) struct Aborter(Reference);

// SAFETY: it only gives access to the shared part of the header.
unsafe impl Send for Aborter {}
// SAFETY: as above.
unsafe impl Sync for Aborter {}

impl Aborter {
    /// That of the task that this thread polls or drops right now, if there is one.
    pub(crate) fn current() -> Option<Self> {
        current::with(|task| task.map(Self::of))
    }

    /// That of `task`.
    pub(crate) fn of(task: TaskRef<'_>) -> Self {
        let borrowed = ManuallyDrop::new(Reference(task.raw()));
        Self(Reference::clone(&borrowed))
    }

    /// Wakes `waker` when the task has ended; true if it has. Called on the thread that holds the
    /// task's world, where the task cannot end meanwhile.
    pub(crate) fn watch_end(&self, waker: &Waker) -> bool {
        if self.0.is_complete() {
            return true;
        }
        let watchers = &self.0.header().extra().watchers;
        lock(watchers).push(waker.clone());
        false
    }

    pub(crate) fn abort(&self) {
        abort(&self.0);
    }

    /// As [`abort`](Self::abort), before it returns if that can be.
    pub(crate) fn abort_now(&self) {
        abort_now(&self.0);
    }

    pub(crate) fn cancel(&self, reason: Reason) -> bool {
        cancel(&self.0, reason)
    }

    pub(crate) fn name(&self) -> Option<&str> {
        name_of(&self.0)
    }

    pub(crate) fn times(&self) -> Option<TaskTimes> {
        times_of(&self.0)
    }

    pub(crate) fn is_finished(&self) -> bool {
        observe(&self.0.header().resource);
        self.0.is_complete()
    }

    pub(crate) fn id(&self) -> Id {
        self.0.header().id
    }
}

fn times_of(reference: &Reference) -> Option<TaskTimes> {
    let extra = reference.header().extra.get()?;
    Some(extra.times.get()?.read())
}

fn name_of(reference: &Reference) -> Option<&str> {
    reference.header().extra.get()?.name.as_deref()
}
