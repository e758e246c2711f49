//! Waiting, as one of many, for something that all are told at once.
//!
//! Owns how one of them is polled and goes away. Knows nothing of what they are told: a primitive
//! keeps the queue and the rest of its state behind one mutex.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::wait_list::{Queue, Waiter, poll_wait};
use super::wakers::Wakers;
use crate::shim::{Mutex, lock};

/// Where in a state the crowd waits.
pub(super) type Place<S> = fn(&mut S) -> &mut Queue<()>;

/// Polls a wait: `attempt` ends it if it can, and is told whether this waiter was called.
///
/// `attempt` runs once or twice, under the mutex, so it calls no foreign code.
pub(super) fn poll_crowd<S, R>(
    state: &Mutex<S>,
    cx: &mut Context<'_>,
    waiter: Pin<&mut Waiter<()>>,
    place: Place<S>,
    mut attempt: impl FnMut(&mut S, bool) -> Option<R>,
) -> Poll<R> {
    poll_wait(
        state,
        cx,
        waiter,
        false,
        place,
        |state, waiter| {
            let is_called = waiter.is_enlisted() && !place(state).is_linked(&waiter);
            let found = attempt(state, is_called);
            // One who was called and goes on waiting stands in line anew.
            if waiter.is_enlisted() && (is_called || found.is_some()) {
                place(state).delist(waiter);
            }
            found
        },
        |state, waiter, waker: Waker| place(state).enlist(waiter, Some(waker)),
    )
}

/// Takes a waiter that goes away out of its crowd.
pub(super) fn leave<S>(state: &Mutex<S>, waiter: Pin<&mut Waiter<()>>, place: Place<S>) {
    if waiter.is_enlisted() {
        place(&mut lock(state)).delist(waiter);
    }
}

impl Wakers {
    /// Calls everybody who waits now. They are woken with the rest.
    pub(super) fn call_all(&mut self, crowd: &mut Queue<()>) {
        while !crowd.is_empty() {
            self.add(crowd.pop_first(()));
        }
    }
}
