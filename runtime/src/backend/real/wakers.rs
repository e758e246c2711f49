//! Waking what was collected under a lock, after the lock was released.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Wakes and drops every waker of `wakers`, and leaves it empty.
///
/// A waker is foreign code: one that panics must neither stop the loop nor keep the others asleep.
pub(super) fn wake_all(wakers: &mut Vec<Waker>) {
    for waker in wakers.drain(..) {
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}
