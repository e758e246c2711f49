//! Tasks that are on their way from one thread to another.
//!
//! Owns what may travel. Cites the invariants of [`cell`](super).
//!
//! This file holds `unsafe`: it is a part of the task cell.

#![expect(unsafe_code, reason = "the task cell")]

use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::task::Poll;

use super::stage::allocate;
use super::{ABORT, CANCEL, Ended, Join, REMOTE, Reference, SEND, Task, TaskRef};
use crate::coop::Resource;
use crate::shim::Ordering;
use crate::task::id::Id;
use crate::task::inbox::Owner;
use crate::task::spawn::Origin;

/// A task on its way to the thread that holds its world. Made only of `Send` futures.
pub struct SendTask(ManuallyDrop<Reference>);

// SAFETY: `new` asks for a future and an output that are `Send`; the header is shared by design
// (invariant 1).
unsafe impl Send for SendTask {}

impl SendTask {
    pub(crate) fn new<F>(
        future: F,
        owner: Owner,
        id: Id,
        origin: Origin<'_>,
    ) -> (Self, Join<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let header = allocate(future, owner, id, origin, SEND);
        let task = Self(ManuallyDrop::new(Reference(header)));
        (task, Join::new(Reference(header)))
    }

    /// What whoever joins it waits for.
    pub(crate) fn resource(&self) -> &Resource {
        TaskRef::of(&self.0).resource()
    }

    /// Polls a task of [nobody](Owner::nobody) to its end, on any thread.
    ///
    /// # Panics
    /// If the task belongs to a world, or its future was not ready.
    pub(crate) fn run_detached(self) -> Ended {
        let task = self.into_task();
        let header = task.reference.header();
        assert_eq!(header.owner.id, Owner::NOBODY, "a world runs its own tasks");
        if header.state.load(Ordering::Acquire) & (ABORT | CANCEL) != 0 {
            task.cancel();
            return Ended::Cancelled;
        }
        // SAFETY: the task is alive and was never polled, and this thread has the one value that
        // gives access to its stage (invariant 6).
        let polled = unsafe { (header.vtable.poll)(task.reference.0) };
        let Poll::Ready(ended) = polled else {
            panic!("a closure is ready when it returns")
        };
        task.complete(ended);
        ended
    }

    /// The task, on the thread that holds its world.
    #[must_use]
    pub fn into_task(self) -> Task {
        let task = Task {
            reference: Reference(ManuallyDrop::new(self).0.0),
            _not_send: PhantomData,
        };
        task.arrive();
        task
    }
}

impl Drop for SendTask {
    /// Cancels a task that no world took. Its future is `Send`, so any thread may drop it.
    fn drop(&mut self) {
        // SAFETY: `into_task` forgets `self`, so the reference is taken once.
        let reference = unsafe { ManuallyDrop::take(&mut self.0) };
        drop(Task {
            reference,
            _not_send: PhantomData,
        });
    }
}

impl std::fmt::Debug for SendTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendTask").finish_non_exhaustive()
    }
}

/// A task that another thread woke, on its way to the thread that holds its world.
pub struct WokenTask(pub(super) Reference);

// SAFETY: it only gives access to the shared part of the header, until it is received.
unsafe impl Send for WokenTask {}

impl WokenTask {
    /// Arrives on the thread that holds the task's world: `deliver` is told of the task if it must
    /// be queued.
    pub fn receive(self, deliver: impl FnOnce(TaskRef<'_>)) {
        let header = self.0.header();
        header.assert_held();
        header.state.fetch_and(!REMOTE, Ordering::AcqRel);
        if self.0.is_complete() {
            return;
        }
        let task = TaskRef::of(&self.0);
        if task.queue() {
            deliver(task);
        }
    }
}

impl std::fmt::Debug for WokenTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WokenTask").finish_non_exhaustive()
    }
}
