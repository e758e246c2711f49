//! A lock that a task can hold across an `.await`.
//!
//! Owns the protected value and its guards. Who holds the lock is `raw`'s business.
//!
//! This file holds `unsafe`: access to the value.
//!
//! # Invariants
//! 1. The value is reached only through a guard, of which there is one while the raw lock is held,
//!    or by whoever borrows or owns the whole mutex.
//! 2. A mapped guard holds the raw lock, and points into the value that the lock protects.

#![expect(unsafe_code, reason = "guards give access to the protected value")]

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pub use self::guard::{MutexGuard, OwnedMutexGuard};
pub use self::mapped::{MappedMutexGuard, OwnedMappedMutexGuard};
use self::raw::RawMutex;
use super::wait_list::Waiter;
use crate::block;
use crate::site::Site;

mod guard;
mod mapped;
mod raw;

/// A value that one task at a time can use, also across an `.await`.
///
/// Tasks get the lock in the order in which they first waited for it. A task that holds it and
/// locks again waits for ever. A panic while the lock is held unlocks it: there is no poisoning.
/// Where no `.await` happens under the lock, `std::sync::Mutex` is the cheaper choice.
///
/// # Under simulation
/// Taking the lock is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::sync::Mutex;
///
/// let total = Arc::new(Mutex::new(0));
/// let other = simoom::spawn({
///     let total = total.clone();
///     async move { *total.lock().await += 1 }
/// });
/// *total.lock().await += 1;
/// other.await.unwrap();
/// assert_eq!(*total.lock().await, 2);
/// # });
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    value: UnsafeCell<T>,
}

// SAFETY: a shared mutex hands the value to one thread at a time (invariant 1).
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// An unlocked mutex around `value`.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self {
            raw: RawMutex::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// An unlocked mutex around `value`, in a constant expression.
    ///
    /// In a `static`, it is one for all runs of a simulation, which fail where they share it at the same
    /// time: what is to be simulated keeps it in an [`Arc`](std::sync::Arc).
    ///
    /// # Examples
    /// ```
    /// static TOTAL: simoom::sync::Mutex<u64> = simoom::sync::Mutex::const_new(0);
    /// assert_eq!(*TOTAL.try_lock().unwrap(), 0);
    /// ```
    #[cfg(not(loom))]
    #[must_use]
    pub const fn const_new(value: T) -> Self {
        Self {
            raw: RawMutex::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock and returns a guard that gives access to the value until it is dropped.
    ///
    /// # Cancel safety
    /// Safe. A dropped future holds nothing: a lock that it was already given goes to the next
    /// waiter. It loses its place in the queue.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mutex = simoom::sync::Mutex::new(1);
    /// *mutex.lock().await += 1;
    /// assert_eq!(mutex.into_inner(), 2);
    /// # });
    /// ```
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> Lock<'_, T> {
        Lock {
            mutex: self,
            location: Site::new(Location::caller()),
            waiter: Waiter::new(()),
        }
    }

    /// As [`lock`](Self::lock), for a line of the program that called something else.
    #[inline]
    pub(super) fn lock_at(&self, location: &'static Location<'static>) -> Lock<'_, T> {
        Lock {
            mutex: self,
            location: Site::inner(location),
            waiter: Waiter::new(()),
        }
    }

    /// As [`lock`](Self::lock), with a guard that keeps the mutex alive instead of borrowing it.
    ///
    /// # Cancel safety
    /// As for [`lock`](Self::lock).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::sync::Arc;
    /// use simoom::sync::Mutex;
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// let mut guard = mutex.clone().lock_owned().await;
    /// simoom::spawn(async move { *guard += 1 }).await.unwrap();
    /// assert_eq!(*mutex.lock().await, 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn lock_owned(self: Arc<Self>) -> LockOwned<T> {
        LockOwned {
            mutex: Some(self),
            location: Site::new(Location::caller()),
            waiter: Waiter::new(()),
        }
    }

    /// As [`lock`](Self::lock), blocking this thread instead of a task.
    ///
    /// For threads that run no tasks, such as those of
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Panics
    /// On a thread that runs tasks.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::sync::Arc;
    /// use simoom::sync::Mutex;
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// let shared = mutex.clone();
    /// simoom::task::spawn_blocking(move || *shared.blocking_lock() += 1).await.unwrap();
    /// assert_eq!(*mutex.lock().await, 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        block::wait("blocking_lock", self.lock())
    }

    /// As [`blocking_lock`](Self::blocking_lock), with a guard that keeps the mutex alive.
    ///
    /// # Panics
    /// On a thread that runs tasks.
    ///
    /// # Examples
    /// ```
    /// let mutex = std::sync::Arc::new(simoom::sync::Mutex::new(1));
    /// let guard = mutex.clone().blocking_lock_owned();
    /// assert_eq!(*guard, 1);
    /// ```
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        block::wait("blocking_lock_owned", self.lock_owned())
    }

    /// Takes the lock if nobody holds it and nobody waits for it.
    ///
    /// # Errors
    /// If the lock is held, or was handed to a task that has not run since.
    ///
    /// # Examples
    /// ```
    /// let mutex = simoom::sync::Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// assert_eq!(*guard, 1);
    /// ```
    #[track_caller]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        if self.raw.try_lock() {
            Ok(MutexGuard::new(self))
        } else {
            Err(TryLockError::new())
        }
    }

    /// As [`try_lock`](Self::try_lock), with a guard that keeps the mutex alive.
    ///
    /// # Errors
    /// As for [`try_lock`](Self::try_lock).
    #[track_caller]
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        if self.raw.try_lock() {
            Ok(OwnedMutexGuard::new(self))
        } else {
            Err(TryLockError::new())
        }
    }

    /// The value, without locking: the borrow shows that nobody else can.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => debug.field("data", &&*guard),
            Err(_) => debug.field("data", &format_args!("<locked>")),
        };
        debug.finish()
    }
}

pin_project! {
    /// The future of [`Mutex::lock`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Lock<'a, T: ?Sized> {
        mutex: &'a Mutex<T>,
        location: Site,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T: ?Sized> PinnedDrop for Lock<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.mutex.raw.abandon(this.waiter);
        }
    }
}

impl<'a, T: ?Sized> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        ready!(
            this.mutex
                .raw
                .poll_lock(cx, this.waiter, this.location.used())
        );
        Poll::Ready(MutexGuard::new(this.mutex))
    }
}

impl<T: ?Sized> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Mutex::lock_owned`].
    ///
    /// # Panics
    /// If polled again after it returned the guard.
    #[must_use = "futures do nothing unless awaited"]
    pub struct LockOwned<T: ?Sized> {
        mutex: Option<Arc<Mutex<T>>>,
        location: Site,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T: ?Sized> PinnedDrop for LockOwned<T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(mutex) = this.mutex {
                mutex.raw.abandon(this.waiter);
            }
        }
    }
}

impl<T: ?Sized> Future for LockOwned<T> {
    type Output = OwnedMutexGuard<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(mutex) = this.mutex else {
            panic!("a lock was awaited again after it had been given")
        };
        ready!(mutex.raw.poll_lock(cx, this.waiter, this.location.used()));
        match this.mutex.take() {
            Some(mutex) => Poll::Ready(OwnedMutexGuard::new(mutex)),
            None => unreachable!("the mutex was there before the lock was taken"),
        }
    }
}

impl<T: ?Sized> fmt::Debug for LockOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockOwned").finish_non_exhaustive()
    }
}

/// The lock is held, or promised to a task that waits for it.
///
/// # Examples
/// ```
/// let mutex = simoom::sync::Mutex::new(1);
/// let _guard = mutex.try_lock().unwrap();
/// assert_eq!(mutex.try_lock().unwrap_err().to_string(), "operation would block");
/// ```
#[derive(Debug)]
pub struct TryLockError(());

impl TryLockError {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("operation would block")
    }
}

impl std::error::Error for TryLockError {}

#[cfg(all(test, not(loom)))]
mod tests;
