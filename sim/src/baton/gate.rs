//! Where one thread waits for what another gives it.
//!
//! Owns the one place and the wait. Knows nothing of what is given.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A place for one thing.
#[derive(Debug)]
pub(super) struct Gate<T> {
    place: Mutex<Option<T>>,
    filled: Condvar,
}

impl<T> Gate<T> {
    pub(super) fn new() -> Self {
        Self {
            place: Mutex::new(None),
            filled: Condvar::new(),
        }
    }

    /// Gives `thing` to the thread that takes next.
    pub(super) fn put(&self, thing: T) {
        let before = self.lock().replace(thing);
        assert!(before.is_none(), "one thing is on its way at a time");
        self.filled.notify_one();
    }

    /// Waits until something is there, and takes it.
    pub(super) fn take(&self) -> T {
        let mut place = self.lock();
        loop {
            if let Some(thing) = place.take() {
                return thing;
            }
            place = self
                .filled
                .wait(place)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
