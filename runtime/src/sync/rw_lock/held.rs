//! The proof that a task has a lock, with what it may read or write.
//!
//! Owns how many permits a guard has, and that they go back. Knows nothing of values.

use std::sync::Arc;

use super::RwLock;
use crate::sync::semaphore::raw::RawSemaphore;

/// Permits of a lock, until this is dropped.
pub(super) struct Held<'a> {
    raw: &'a RawSemaphore,
    permits: usize,
}

impl<'a> Held<'a> {
    /// So many permits of `raw` were taken for this.
    pub(super) fn new(raw: &'a RawSemaphore, permits: usize) -> Self {
        Self { raw, permits }
    }

    /// Keeps the one of a reader.
    pub(super) fn downgrade(&mut self) {
        let rest = std::mem::replace(&mut self.permits, 1) - 1;
        self.raw.release(rest);
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.raw.give_back(self.permits);
    }
}

/// Permits of a lock, which is kept alive until this is dropped.
pub(super) struct OwnedHeld<T: ?Sized> {
    pub(super) lock: Arc<RwLock<T>>,
    permits: usize,
}

impl<T: ?Sized> OwnedHeld<T> {
    /// So many permits of `lock` were taken for this.
    pub(super) fn new(lock: Arc<RwLock<T>>, permits: usize) -> Self {
        Self { lock, permits }
    }

    /// Keeps the one of a reader.
    pub(super) fn downgrade(&mut self) {
        let rest = std::mem::replace(&mut self.permits, 1) - 1;
        self.lock.raw.release(rest);
    }
}

impl<T: ?Sized> Drop for OwnedHeld<T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.give_back(self.permits);
    }
}
