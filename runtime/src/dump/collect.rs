//! Looking at a future: it is polled while no operation is ever ready.
//!
//! Owns what the operations note that it comes to. Knows nothing of tasks, but for their ids.
//!
//! # Invariants
//! 1. While `LOOKING` is set, `FOUND` holds what was found since it was.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::context;
use crate::coop::{Op, OpKind, Resource};
use crate::task::Id;

thread_local! {
    static LOOKING: Cell<bool> = const { Cell::new(false) };
    static FOUND: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
}

/// An operation that a future came to.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) kind: OpKind,
    pub(crate) site: &'static Location<'static>,
    /// Where the thing lies that it acts on: never looked at, only compared.
    pub(crate) thing: Option<usize>,
    /// Whose end it waits for, if it waits for the first of several.
    pub(crate) members: Vec<Id>,
    pub(crate) stack: Arc<Backtrace>,
}

/// Calls `poll`, and returns what operations it came to beside what it returns.
pub(crate) fn looking<R>(poll: impl FnOnce() -> R) -> (Vec<Seen>, R) {
    struct Over;
    impl Drop for Over {
        fn drop(&mut self) {
            LOOKING.set(false);
        }
    }
    FOUND.take();
    LOOKING.set(true);
    let over = Over;
    // With a budget nobody would ask the world.
    context::set_budget(0);
    let polled = poll();
    drop(over);
    (FOUND.take(), polled)
}

/// Notes `op` while somebody looks, and is pending: the task has been woken, so that it goes on when
/// nobody does.
pub(crate) fn note(cx: &Context<'_>, op: &Op<'_>) -> Poll<()> {
    if !LOOKING.get() {
        return Poll::Ready(());
    }
    let seen = Seen {
        kind: op.kind,
        site: op.site,
        thing: op.resource.map(place_of),
        members: Vec::new(),
        stack: Arc::new(Backtrace::force_capture()),
    };
    FOUND.with_borrow_mut(|found| found.push(seen));
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Says whose end the operation waits for that was noted last.
#[cold]
pub(crate) fn note_members(members: impl Iterator<Item = Id>) {
    if LOOKING.get() {
        let members = members.collect();
        FOUND.with_borrow_mut(|found| {
            if let Some(seen) = found.last_mut() {
                seen.members = members;
            }
        });
    }
}

/// Where a thing lies.
pub(crate) fn place_of(resource: &Resource) -> usize {
    std::ptr::from_ref(resource).addr()
}
