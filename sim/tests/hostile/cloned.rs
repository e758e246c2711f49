//! A waker that does something when it is cloned, and looks at its world when it is dropped.
//!
//! This file holds `unsafe`: the standard library makes such wakers only from raw ones.

#![expect(unsafe_code, reason = "wakers that misbehave must be made by hand")]

use std::cell::Cell;
use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

thread_local! {
    static HOOK: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// A waker that calls `hook` when it is cloned for the first time on this thread, and wakes nobody.
pub(crate) fn calls_when_cloned(hook: impl FnOnce() + 'static) -> Waker {
    HOOK.set(Some(Box::new(hook)));
    // SAFETY: the functions never touch the pointer.
    unsafe { Waker::new(ptr::null(), &TABLE) }
}

unsafe fn clone(_: *const ()) -> RawWaker {
    if let Some(hook) = HOOK.take() {
        hook();
    }
    RawWaker::new(ptr::null(), &TABLE)
}

unsafe fn nothing(_: *const ()) {}

unsafe fn look(_: *const ()) {
    // Which borrows the world.
    drop(simoom::spawn(async {}));
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, nothing, nothing, look);
