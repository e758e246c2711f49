//! The task that this thread polls or drops right now.
//!
//! Owns the way from running code to its own task. Cites the invariants of [`cell`](super).
//!
//! This file holds `unsafe`: it is a part of the task cell.
//!
//! # Invariants
//! 1. `CURRENT` is `None`, or points at a cell that a [`Running`] further up this thread's stack was
//!    made for, and whose maker keeps the cell alive until that is dropped.

#![expect(unsafe_code, reason = "the task cell")]

use std::cell::Cell;
use std::ptr::NonNull;

use super::{Header, TaskRef};

thread_local! {
    static CURRENT: Cell<Option<NonNull<Header>>> = const { Cell::new(None) };
}

/// Runs `f` with the task that this thread polls or drops right now, if there is one.
pub fn with<R>(f: impl FnOnce(Option<TaskRef<'_>>) -> R) -> R {
    let current = CURRENT.try_with(Cell::get).unwrap_or(None);
    // SAFETY: the cell lives until a frame further up this thread's stack ends (invariant 1), and
    // the view does not leave this one.
    f(current.map(|header| unsafe { TaskRef::from_raw(header) }))
}

/// Until it is dropped, this thread runs a task.
pub(super) struct Running(Option<NonNull<Header>>);

impl Running {
    /// The caller keeps the cell of `header` alive until this is dropped.
    pub(super) fn task(header: NonNull<Header>) -> Self {
        let before = CURRENT.try_with(|current| current.replace(Some(header)));
        Self(before.unwrap_or(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where the thread has lost its locals, nothing reads this one any more.
        let _ = CURRENT.try_with(|current| current.set(self.0));
    }
}
