//! Foreign code that must wait until the world is released.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

use super::node::{Ended, NodeId};
use super::processes::ProcessId;

/// Wakers to wake, wakers to drop, processes to end.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    wake: Vec<Waker>,
    drop: Vec<Waker>,
    end: Vec<(NodeId, Ended)>,
    end_children: Vec<(ProcessId, i32)>,
}

impl Effects {
    pub(crate) fn wake(&mut self, waker: Waker) {
        self.wake.push(waker);
    }

    pub(crate) fn wake_all(&mut self, wakers: impl IntoIterator<Item = Waker>) {
        self.wake.extend(wakers);
    }

    pub(crate) fn drop(&mut self, waker: Waker) {
        self.drop.push(waker);
    }

    pub(crate) fn drop_some(&mut self, waker: Option<Waker>) {
        self.drop.extend(waker);
    }

    pub(crate) fn drop_all(&mut self, wakers: impl IntoIterator<Item = Waker>) {
        self.drop.extend(wakers);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wake.is_empty()
            && self.drop.is_empty()
            && self.end.is_empty()
            && self.end_children.is_empty()
    }

    /// Has the process of a node end, as soon as the world is released.
    pub(crate) fn end(&mut self, node: NodeId, how: Ended) {
        self.end.push((node, how));
    }

    /// The processes that end.
    pub(crate) fn take_ends(&mut self) -> Vec<(NodeId, Ended)> {
        std::mem::take(&mut self.end)
    }

    /// Has a child process end with this wait status, as soon as the world is released.
    pub(crate) fn end_child(&mut self, child: ProcessId, status: i32) {
        self.end_children.push((child, status));
    }

    /// The child processes that end.
    pub(crate) fn take_child_ends(&mut self) -> Vec<(ProcessId, i32)> {
        std::mem::take(&mut self.end_children)
    }

    /// Runs what was collected, and is empty then. Called without any borrow of the world.
    ///
    /// A waker that panics does not keep the others from being woken: the first panic goes on
    /// when all is done, unless one is under way already.
    pub(crate) fn run(&mut self) {
        let woken = each(self.wake.drain(..), Waker::wake);
        let dropped = each(self.drop.drain(..), drop);
        if let Some(payload) = woken.or(dropped)
            && !std::thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}

/// Calls `f` with each of `items`, whatever the others do, and returns the first panic.
pub(crate) fn each<T>(
    items: impl IntoIterator<Item = T>,
    f: impl Fn(T),
) -> Option<Box<dyn Any + Send>> {
    let mut first = None;
    for item in items {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| f(item))) {
            first.get_or_insert(payload);
        }
    }
    first
}
