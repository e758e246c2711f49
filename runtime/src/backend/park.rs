//! A thread that waits for something outside the loop of a world.
//!
//! Owns the wait and its one notification. Knows nothing of what is waited for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Where one thread waits until it is notified.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    notified: Mutex<bool>,
    changed: Condvar,
}

impl Parker {
    /// Waits for a notification, and takes it. Returns at once if one was given before.
    pub(crate) fn park(&self) {
        let mut notified = self.lock();
        while !*notified {
            notified = self
                .changed
                .wait(notified)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *notified = false;
    }

    /// Ends the current wait, or the next one.
    pub(crate) fn unpark(&self) {
        *self.lock() = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.notified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
