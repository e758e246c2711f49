//! Wakers whose clone or destructor panics.
//!
//! This file holds `unsafe`: the standard library makes such wakers only from raw ones.

#![expect(unsafe_code, reason = "wakers that misbehave must be made by hand")]

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

unsafe fn nothing(_: *const ()) {}

unsafe fn clone(_: *const ()) -> RawWaker {
    RawWaker::new(ptr::null(), &DROP_PANICS)
}

unsafe fn panic_in_clone(_: *const ()) -> RawWaker {
    panic!("cloning a waker panicked")
}

unsafe fn panic_in_drop(_: *const ()) {
    if !std::thread::panicking() {
        panic!("dropping a waker panicked")
    }
}

static CLONE_PANICS: RawWakerVTable =
    RawWakerVTable::new(panic_in_clone, nothing, nothing, nothing);
static DROP_PANICS: RawWakerVTable = RawWakerVTable::new(clone, nothing, nothing, panic_in_drop);

pub(in crate::sync) fn clone_panics() -> Waker {
    // SAFETY: the functions never touch the pointer.
    unsafe { Waker::new(ptr::null(), &CLONE_PANICS) }
}

/// Drop it with `std::mem::forget`.
pub(in crate::sync) fn drop_panics() -> Waker {
    // SAFETY: as above.
    unsafe { Waker::new(ptr::null(), &DROP_PANICS) }
}
