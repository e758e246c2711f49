//! Locks, notifications and channels between tasks.
//!
//! Owns what tasks share and how they wait for each other: first come, first served, and a waiter
//! that goes away passes on what it was given. Knows nothing of any backend: every operation works
//! in every world, and outside of one under any executor.

#[cfg(all(test, loom))]
pub(crate) mod loom;
pub mod mpsc;
mod mutex;
mod notify;
pub mod oneshot;
#[cfg(all(test, not(loom)))]
mod testing;
mod wait_list;
mod wakers;

pub use self::mutex::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, TryLockError,
};
pub use self::notify::Notify;

/// The futures that waiting for a lock or a notification returns.
pub mod futures {
    pub use super::mutex::{Lock, LockOwned};
    pub use super::notify::{Notified, OwnedNotified};
}
