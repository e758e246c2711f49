//! Waking after the lock was released.
//!
//! Owns the rule that one panicking waker neither keeps the others asleep nor ends the process.
//! Knows nothing of who waited for what.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// How many wakers are collected under one lock.
pub(super) const BATCH: usize = 16;

/// Wakers collected under a lock, to be woken when it is released.
pub(super) struct Wakers {
    wakers: [Option<Waker>; BATCH],
    len: usize,
    /// Those for whom there was no room, all collected under one lock.
    more: Vec<Waker>,
    panic: Option<Box<dyn Any + Send>>,
}

impl Wakers {
    pub(super) const fn new() -> Self {
        Self {
            wakers: [const { None }; BATCH],
            len: 0,
            more: Vec::new(),
            panic: None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == BATCH
    }

    /// Adds a waker. Call [`wake`](Self::wake) first if [`is_full`](Self::is_full).
    pub(super) fn push(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.wakers[self.len] = waker;
            self.len += 1;
        }
    }

    /// Adds a waker, however many there are.
    pub(super) fn add(&mut self, waker: Option<Waker>) {
        if self.is_full() {
            self.more.extend(waker);
        } else {
            self.push(waker);
        }
    }

    /// Wakes what was collected so far; a panic is kept for [`finish`](Self::finish).
    pub(super) fn wake(&mut self) {
        let few = self.wakers[..self.len].iter_mut();
        let few = few.filter_map(Option::take);
        for waker in few.chain(std::mem::take(&mut self.more)) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                match self.panic {
                    None => self.panic = Some(payload),
                    // Its destructor may panic as well.
                    Some(_) => std::mem::forget(payload),
                }
            }
        }
        self.len = 0;
    }

    /// Wakes the rest, then goes on with the first panic that a waker threw.
    pub(super) fn finish(mut self) {
        self.wake();
        if let Some(payload) = self.panic.take() {
            throw(payload);
        }
    }
}

/// Wakes one task. A panic of its waker goes on, unless this thread is panicking already.
#[inline]
pub(super) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        wake_one(waker);
    }
}

fn wake_one(waker: Waker) {
    if !std::thread::panicking() {
        waker.wake();
    } else if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        std::mem::forget(payload);
    }
}

fn throw(payload: Box<dyn Any + Send>) {
    if std::thread::panicking() {
        // A second panic would end the process.
        std::mem::forget(payload);
    } else {
        resume_unwind(payload);
    }
}

/// Drops a waker that is not needed any more. A panic of its destructor has been reported by the
/// panic hook and ends here: what its task was just granted must not be lost with it.
#[inline]
pub(super) fn discard(waker: Option<Waker>) {
    if let Some(waker) = waker
        && let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(waker)))
    {
        std::mem::forget(payload);
    }
}
