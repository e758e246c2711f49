//! Queueing a task, from its own thread or another, and the wakers that do so.
//!
//! Owns the waker's side of the protocol. Cites the invariants of [`cell`](super).
//!
//! This file holds `unsafe`: it is a part of the task cell.

#![expect(unsafe_code, reason = "the task cell")]

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::{ABORT, ARRIVED, CANCEL, COMPLETE, Header, REMOTE, Reference, TaskRef, WokenTask};
#[cfg(not(loom))]
use super::{RUNNING, SEND, Task};
use crate::context;
use crate::coop::touch;
use crate::shim::Ordering;
use crate::task::cancel::Reason;
use crate::task::inbox::Message;

/// Asks for the task's future to be dropped instead of polled, and sees that this happens.
pub(super) fn abort(reference: &Reference) {
    touch(&reference.header().resource);
    let before = reference.header().state.fetch_or(ABORT, Ordering::AcqRel);
    if before & (ABORT | COMPLETE) == 0 {
        wake_arrived(reference);
    }
}

/// As [`abort`], and drops the future before it returns, if this thread holds the task's world and
/// the task is not being polled.
#[cfg(not(loom))]
pub(super) fn abort_now(reference: &Reference) {
    abort(reference);
    let header = reference.header();
    if context::owner() != header.owner.id {
        return;
    }
    let flags = header.flags.get();
    let is_idle = flags & (ARRIVED | RUNNING) == ARRIVED;
    if is_idle && (flags & SEND != 0 || !context::is_guest()) {
        Task::borrow(reference).cancel();
    }
}

/// A model's threads hold no world.
#[cfg(loom)]
pub(super) fn abort_now(reference: &Reference) {
    abort(reference);
}

/// Asks the task to end, and sees that it is polled and can answer. False if it has ended.
pub(super) fn cancel(reference: &Reference, reason: Reason) -> bool {
    let header = reference.header();
    touch(&header.resource);
    if reference.is_complete() {
        return false;
    }
    let wakers = header.extra().cancellation.request(reason);
    header.state.fetch_or(CANCEL, Ordering::AcqRel);
    for waker in wakers {
        waker.wake();
    }
    wake_arrived(reference);
    true
}

/// As [`wake`]. A task that has not come to its world yet is queued when it does.
fn wake_arrived(reference: &Reference) {
    let header = reference.header();
    if context::owner() != header.owner.id || header.flags.get() & ARRIVED != 0 {
        wake(reference);
    }
}

/// Queues the task, from any thread.
#[inline]
fn wake(reference: &Reference) {
    let header = reference.header();
    if context::owner() == header.owner.id {
        let task = TaskRef::of(reference);
        if !reference.is_complete() && task.queue() {
            // Not the current backend: this thread may have entered another runtime since.
            context::with_holder(|backend| {
                if let Some(backend) = backend {
                    backend.schedule(task);
                }
            });
        }
        return;
    }
    let before = header.state.fetch_or(REMOTE, Ordering::AcqRel);
    if before & (REMOTE | COMPLETE) == 0 {
        header
            .owner
            .send(Message::Wake(WokenTask(reference.clone())));
    }
}

static WAKER: RawWakerVTable =
    RawWakerVTable::new(waker_clone, waker_wake, waker_wake_by_ref, waker_drop);

/// A waker that borrows the caller's reference.
pub(super) fn borrowed_waker(header: NonNull<Header>) -> ManuallyDrop<Waker> {
    let raw = RawWaker::new(header.as_ptr().cast_const().cast(), &WAKER);
    // SAFETY: the functions of `WAKER` keep the contract of `RawWaker`; never dropping the waker
    // means that it needs no reference of its own.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw) })
}

fn reference_of(data: *const ()) -> ManuallyDrop<Reference> {
    let header = NonNull::new(data.cast_mut().cast()).expect("a waker points at its task");
    ManuallyDrop::new(Reference(header))
}

unsafe fn waker_clone(data: *const ()) -> RawWaker {
    let reference = reference_of(data);
    reference.header().trace.waker("waker.clone");
    std::mem::forget(Reference::clone(&reference));
    RawWaker::new(data, &WAKER)
}

unsafe fn waker_wake(data: *const ()) {
    let reference = ManuallyDrop::into_inner(reference_of(data));
    reference.header().trace.waker("waker.wake");
    wake(&reference);
}

unsafe fn waker_wake_by_ref(data: *const ()) {
    let reference = reference_of(data);
    reference.header().trace.waker("waker.wake_by_ref");
    wake(&reference);
}

unsafe fn waker_drop(data: *const ()) {
    let reference = ManuallyDrop::into_inner(reference_of(data));
    reference.header().trace.waker("waker.drop");
    drop(reference);
}
