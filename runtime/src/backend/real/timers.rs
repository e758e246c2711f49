//! The timers of the real world.
//!
//! Owns the armed timers and the moment until which the loop sleeps. Knows nothing of how the loop
//! sleeps, and reads no clock.

use std::task::{Poll, Waker};

use crate::shim::{Mutex, lock};
use crate::time::Instant;
use crate::time::queue::{TimerKey, TimerQueue};

/// Armed timers, shared by all threads.
pub(super) struct Timers {
    state: Mutex<State>,
}

struct State {
    queue: TimerQueue<Waker>,
    /// The loop sleeps until then, and must be told of an earlier deadline.
    asleep_until: Option<Instant>,
    closed: bool,
}

impl Timers {
    pub(super) fn new(owner: u64) -> Self {
        Self {
            state: Mutex::new(State {
                queue: TimerQueue::new(owner),
                asleep_until: None,
                closed: false,
            }),
        }
    }

    /// Wakes `waker` at `deadline`. True if the sleeping loop must be told.
    pub(super) fn arm(&self, deadline: Instant, waker: &Waker) -> (TimerKey, bool) {
        let waker = waker.clone();
        let mut state = lock(&self.state);
        if state.closed {
            drop(state);
            gone();
        }
        let key = state.queue.insert(deadline, waker);
        (
            key,
            state.asleep_until.is_some_and(|until| deadline < until),
        )
    }

    /// `Ready` if the timer fired, else replaces its waker.
    pub(super) fn poll(&self, key: TimerKey, waker: &Waker) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.closed {
            drop(state);
            gone();
        }
        match state.queue.get_mut(key) {
            None => return Poll::Ready(()),
            Some(kept) if kept.will_wake(waker) => return Poll::Pending,
            Some(_) => {}
        }
        // Cloning and dropping a waker runs foreign code.
        drop(state);
        let new = waker.clone();
        let mut state = lock(&self.state);
        let Some(kept) = state.queue.get_mut(key) else {
            return Poll::Ready(());
        };
        let old = std::mem::replace(kept, new);
        drop(state);
        drop(old);
        Poll::Pending
    }

    pub(super) fn disarm(&self, key: TimerKey) {
        let removed = lock(&self.state).queue.remove(key);
        drop(removed);
    }

    /// The loop is about to sleep until the deadline that this returns, for ever without one.
    pub(super) fn fall_asleep(&self) -> Option<Instant> {
        let mut state = lock(&self.state);
        let deadline = state.queue.next_deadline();
        state.asleep_until = Some(deadline.unwrap_or(Instant::from_nanos(i64::MAX)));
        deadline
    }

    /// The loop is awake: moves what is due by the time that `now` tells into `wakers`.
    pub(super) fn fire(&self, now: impl FnOnce() -> Instant, wakers: &mut Vec<Waker>) {
        let mut state = lock(&self.state);
        state.asleep_until = None;
        if state.queue.is_empty() {
            return;
        }
        let now = now();
        while let Some((_, waker)) = state.queue.pop(now) {
            wakers.push(waker);
        }
    }

    /// The world has ended: every timer is woken, and the next use of any panics.
    pub(super) fn close(&self, wakers: &mut Vec<Waker>) {
        let mut state = lock(&self.state);
        state.closed = true;
        while let Some((_, waker)) = state.queue.pop(Instant::from_nanos(i64::MAX)) {
            wakers.push(waker);
        }
    }
}

#[cold]
fn gone() -> ! {
    panic!(
        "a timer was polled after its simoom runtime had been dropped: keep the `Runtime` until \
         the last timer has fired"
    )
}
