//! Locks, notifications and channels between tasks.
//!
//! Owns what tasks share and how they wait for each other: first come, first served, and a waiter
//! that goes away passes on what it was given. Knows nothing of any backend: every operation works
//! in every world, and outside of one under any executor.

pub(crate) mod barrier;
pub(crate) mod bounded;
pub mod broadcast;
pub(crate) mod condition;
mod crowd;
pub(crate) mod event;
#[cfg(all(test, loom))]
pub(crate) mod loom;
pub mod mpsc;
mod mutex;
mod notify;
mod once_cell;
pub mod oneshot;
pub(crate) mod queue;
mod rw_lock;
mod semaphore;
mod set_once;
mod slot;
#[cfg(all(test, not(loom)))]
mod testing;
mod wait_list;
mod wakers;
pub mod watch;

pub use self::barrier::{Barrier, BarrierWaitResult};
pub use self::mutex::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, TryLockError,
};
pub use self::notify::Notify;
pub use self::once_cell::{OnceCell, SetError};
pub use self::rw_lock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockStatistics, RwLockWriteGuard,
};
pub use self::semaphore::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, SemaphoreStatistics,
    TryAcquireError,
};
pub use self::set_once::{SetOnce, SetOnceError};

/// The futures that waiting for a lock or a notification returns.
pub mod futures {
    pub use super::barrier::BarrierWait;
    pub use super::mutex::{Lock, LockOwned};
    pub use super::notify::{Notified, OwnedNotified};
    pub use super::rw_lock::{Read, ReadOwned, Write, WriteOwned};
    pub use super::semaphore::{Acquire, AcquireOwned};
    pub use super::set_once::WaitSet;
}
