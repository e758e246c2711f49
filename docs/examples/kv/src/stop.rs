//! The request to finish.
//!
//! Owns a flag that goes up once. Knows nothing of who finishes what.

use std::sync::atomic::{AtomicBool, Ordering};

use simoom::sync::Notify;

/// A flag that goes up once, and that many tasks can wait for.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    requested: AtomicBool,
    rising: Notify,
}

impl Stop {
    /// Raises the flag.
    pub(crate) fn request(&self) {
        self.requested.store(true, Ordering::Release);
        self.rising.notify_waiters();
    }

    /// Waits for the flag.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(crate) async fn requested(&self) {
        // Waiting starts before looking: a flag that goes up in between is not missed.
        let rising = self.rising.notified();
        if !self.requested.load(Ordering::Acquire) {
            rising.await;
        }
    }
}
