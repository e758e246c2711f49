//! The output of a future that was spawned into a scope.
//!
//! Owns its way to whoever waits for it. Knows nothing of the scope.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The output of what was spawned into a [`Scope`](super::Scope): awaited, it is returned.
///
/// Dropping it changes nothing.
///
/// # Panics
/// When it is awaited and what was spawned was dropped before it had ended, as it is when the scope
/// has ended before it was spawned; when it is polled again after it was ready.
///
/// # Cancel safety
/// Safe.
///
/// # Examples
/// See [`scope`](super::scope).
#[must_use = "it runs in any case: to say that its output is not wanted, `drop` this"]
pub struct Scoped<T>(Arc<Mutex<Slot<T>>>);

/// Where the output is put.
pub(super) struct Output<T>(Arc<Mutex<Slot<T>>>);

enum Slot<T> {
    /// It has not ended. Whoever waits for it is woken then.
    Coming(Option<Waker>),
    There(T),
    /// It will not come any more, or was taken.
    Gone,
}

/// The two ends of an output's way.
pub(super) fn output<T>() -> (Output<T>, Scoped<T>) {
    let slot = Arc::new(Mutex::new(Slot::Coming(None)));
    (Output(slot.clone()), Scoped(slot))
}

fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Scoped<T> {
    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !matches!(*lock(&self.0), Slot::Coming(_))
    }
}

impl<T> Output<T> {
    pub(super) fn set(self, output: T) {
        self.settle(Slot::There(output));
    }

    fn settle(&self, now: Slot<T>) {
        let before = {
            let mut slot = lock(&self.0);
            if !matches!(*slot, Slot::Coming(_)) {
                return;
            }
            std::mem::replace(&mut *slot, now)
        };
        if let Slot::Coming(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T> Drop for Output<T> {
    fn drop(&mut self) {
        self.settle(Slot::Gone);
    }
}

impl<T> Unpin for Scoped<T> {}

impl<T> Future for Scoped<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Cloning and dropping a waker is foreign code.
        let waker = cx.waker().clone();
        let mut slot = lock(&self.0);
        let before = match &mut *slot {
            Slot::Coming(before) => before.replace(waker),
            Slot::There(_) => {
                let Slot::There(output) = std::mem::replace(&mut *slot, Slot::Gone) else {
                    unreachable!("it was just seen there")
                };
                return Poll::Ready(output);
            }
            Slot::Gone => {
                drop(slot);
                panic!("what was spawned into a scope was dropped, or its output was taken before")
            }
        };
        drop(slot);
        drop(before);
        Poll::Pending
    }
}

impl<T> fmt::Debug for Scoped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped")
            .field("finished", &self.is_finished())
            .finish()
    }
}
