//! A lock that many readers or one writer have.
//!
//! Owns the protected value. Who has the lock is the business of a semaphore, of which a reader takes
//! one permit and a writer all.
//!
//! This file holds `unsafe`: what may go to another thread.
//!
//! # Invariants
//! 1. A reader has one permit of `raw`, and a writer all of `permits`.
//! 2. The value is reached only through a guard, which has such permits and points into the value, or
//!    by whoever borrows or owns the whole lock.

#![expect(unsafe_code, reason = "guards give access to the protected value")]

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pub use self::guard::{RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard};
use self::held::{Held, OwnedHeld};
pub use self::owned::{OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
use super::mutex::TryLockError;
use super::semaphore::raw::{RawSemaphore, Share};
use super::wait_list::Waiter;
use crate::block;
use crate::coop::OpKind;
use crate::site::Site;

mod access;
mod guard;
mod held;
mod owned;

/// A value that many tasks may read at once, or one may change, also across an `.await`.
///
/// Tasks get the lock in the order in which they first waited for it: a reader that comes behind a
/// writer waits, so that writers get their turn. A task that reads and waits to read again may
/// therefore wait for ever. A panic while the lock is held gives it back: there is no poisoning.
///
/// # Under simulation
/// Taking the lock is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let lock = simoom::sync::RwLock::new(5);
/// {
///     let (one, two) = (lock.read().await, lock.read().await);
///     assert_eq!(*one + *two, 10);
/// }
/// *lock.write().await += 1;
/// assert_eq!(lock.into_inner(), 6);
/// # });
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawSemaphore,
    permits: usize,
    value: UnsafeCell<T>,
}

/// How many may read at once, if nobody says otherwise.
const READERS_MAX: u32 = u32::MAX >> 3;

// SAFETY: a shared lock hands the value to readers on several threads at once, and to one writer
// (invariants 1 and 2).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    /// A lock around `value` that nobody has.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::made(value, READERS_MAX)
    }

    /// As [`new`](Self::new), for at most so many readers at once.
    ///
    /// # Panics
    /// If `readers` is 0, or more than `u32::MAX >> 3`.
    ///
    /// # Examples
    /// ```
    /// let lock = simoom::sync::RwLock::with_max_readers(5, 1);
    /// let _one = lock.try_read().unwrap();
    /// assert!(lock.try_read().is_err());
    /// ```
    #[track_caller]
    #[must_use]
    pub fn with_max_readers(value: T, readers: u32) -> Self {
        assert_readers(readers);
        Self::made(value, readers)
    }

    /// As [`new`](Self::new), in a constant expression.
    ///
    /// In a `static`, it is one for all runs of a simulation, which fail where they share it at the same
    /// time: what is to be simulated keeps it in an [`Arc`](std::sync::Arc).
    ///
    /// # Examples
    /// ```
    /// static SETTINGS: simoom::sync::RwLock<u64> = simoom::sync::RwLock::const_new(1);
    /// assert_eq!(*SETTINGS.try_read().unwrap(), 1);
    /// ```
    #[cfg(not(loom))]
    #[must_use]
    pub const fn const_new(value: T) -> Self {
        Self::made(value, READERS_MAX)
    }

    /// As [`with_max_readers`](Self::with_max_readers), in a constant expression.
    ///
    /// # Panics
    /// As [`with_max_readers`](Self::with_max_readers).
    #[cfg(not(loom))]
    #[track_caller]
    #[must_use]
    pub const fn const_with_max_readers(value: T, readers: u32) -> Self {
        assert_readers(readers);
        Self::made(value, readers)
    }

    #[cfg(not(loom))]
    const fn made(value: T, readers: u32) -> Self {
        let permits = readers as usize;
        Self {
            raw: RawSemaphore::new(permits, OpKind::Lock),
            permits,
            value: UnsafeCell::new(value),
        }
    }

    #[cfg(loom)]
    fn made(value: T, readers: u32) -> Self {
        let permits = readers as usize;
        Self {
            raw: RawSemaphore::new(permits, OpKind::Lock),
            permits,
            value: UnsafeCell::new(value),
        }
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

#[track_caller]
const fn assert_readers(readers: u32) {
    // Without any, a writer would wait for nobody.
    assert!(readers > 0, "a lock must have room for a reader");
    assert!(
        readers <= READERS_MAX,
        "a lock cannot have more than u32::MAX >> 3 readers"
    );
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until nobody writes and nobody waits to, and lets this task read.
    ///
    /// # Cancel safety
    /// Safe. A dropped future holds nothing: what it was already given goes to the next waiter. It loses
    /// its place in the queue.
    #[track_caller]
    pub fn read(&self) -> Read<'_, T> {
        Read {
            taking: Taking::new(self, 1),
        }
    }

    /// Waits until nobody reads or writes, and lets this task write.
    ///
    /// # Cancel safety
    /// As for [`read`](Self::read). Readers that came after a dropped future go on.
    #[track_caller]
    pub fn write(&self) -> Write<'_, T> {
        Write {
            taking: Taking::new(self, self.permits),
        }
    }

    /// As [`read`](Self::read), with a guard that keeps the lock alive.
    ///
    /// # Cancel safety
    /// As for [`read`](Self::read).
    #[track_caller]
    pub fn read_owned(self: Arc<Self>) -> ReadOwned<T> {
        ReadOwned {
            taking: Taking::new(self, 1),
        }
    }

    /// As [`write`](Self::write), with a guard that keeps the lock alive.
    ///
    /// # Cancel safety
    /// As for [`write`](Self::write).
    #[track_caller]
    pub fn write_owned(self: Arc<Self>) -> WriteOwned<T> {
        let permits = self.permits;
        WriteOwned {
            taking: Taking::new(self, permits),
        }
    }

    /// As [`read`](Self::read), blocking this thread instead of a task.
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
    /// use simoom::sync::RwLock;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let shared = lock.clone();
    /// simoom::task::spawn_blocking(move || *shared.blocking_write() += 1).await.unwrap();
    /// let read = simoom::task::spawn_blocking(move || *lock.blocking_read());
    /// assert_eq!(read.await.unwrap(), 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        block::wait("blocking_read", self.read())
    }

    /// As [`write`](Self::write), blocking this thread instead of a task.
    ///
    /// # Panics
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        block::wait("blocking_write", self.write())
    }

    /// Lets this task read if nobody writes and nobody waits to.
    ///
    /// # Errors
    /// If somebody does, or as many read as may.
    #[track_caller]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.try_take(1)?;
        Ok(RwLockReadGuard::new(
            Held::new(&self.raw, 1),
            self.value.get(),
        ))
    }

    /// As [`try_read`](Self::try_read), with a guard that keeps the lock alive.
    ///
    /// # Errors
    /// As for [`try_read`](Self::try_read).
    #[track_caller]
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        self.try_take(1)?;
        let value = self.value.get();
        Ok(OwnedRwLockReadGuard::new(OwnedHeld::new(self, 1), value))
    }

    /// Lets this task write if nobody reads or writes.
    ///
    /// # Errors
    /// If somebody does, or the lock was handed to a task that has not run since.
    #[track_caller]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        self.try_take(self.permits)?;
        let held = Held::new(&self.raw, self.permits);
        Ok(RwLockWriteGuard::new(held, self.value.get()))
    }

    /// As [`try_write`](Self::try_write), with a guard that keeps the lock alive.
    ///
    /// # Errors
    /// As for [`try_write`](Self::try_write).
    #[track_caller]
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        self.try_take(self.permits)?;
        let (value, permits) = (self.value.get(), self.permits);
        Ok(OwnedRwLockWriteGuard::new(
            OwnedHeld::new(self, permits),
            value,
        ))
    }

    #[track_caller]
    fn try_take(&self, permits: usize) -> Result<(), TryLockError> {
        self.raw
            .try_acquire(permits)
            .map_err(|_| TryLockError::new())
    }

    /// The value, without locking: the borrow shows that nobody else can.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// How many tasks wait for the lock, and whether somebody has it.
    ///
    /// # Examples
    /// ```
    /// let lock = simoom::sync::RwLock::new(());
    /// let _guard = lock.try_read().unwrap();
    /// let now = lock.statistics();
    /// assert_eq!((now.waiting, now.is_held), (0, true));
    /// ```
    #[must_use]
    pub fn statistics(&self) -> RwLockStatistics {
        let waiting = self.raw.waiting();
        RwLockStatistics {
            waiting,
            is_held: waiting > 0 || self.raw.free() < self.permits,
        }
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => debug.field("data", &&*guard),
            Err(_) => debug.field("data", &format_args!("<locked>")),
        };
        debug.finish()
    }
}

/// What [`RwLock::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RwLockStatistics {
    /// How many tasks wait to read or to write.
    pub waiting: usize,
    /// Whether somebody reads or writes, or was given the lock and has not run since.
    pub is_held: bool,
}

/// What leads to a lock's permits.
trait Lock {
    fn raw(&self) -> &RawSemaphore;
}

impl<T: ?Sized> Lock for &RwLock<T> {
    fn raw(&self) -> &RawSemaphore {
        &self.raw
    }
}

impl<T: ?Sized> Lock for Arc<RwLock<T>> {
    fn raw(&self) -> &RawSemaphore {
        &self.raw
    }
}

pin_project! {
    /// Waits for permits of a lock, and gives back the way to it.
    struct Taking<L: Lock> {
        lock: Option<L>,
        permits: usize,
        location: Site,
        #[pin]
        waiter: Waiter<Share>,
    }

    impl<L: Lock> PinnedDrop for Taking<L> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(lock) = this.lock {
                lock.raw().abandon(this.waiter);
            }
        }
    }
}

impl<L: Lock> Taking<L> {
    #[track_caller]
    fn new(lock: L, permits: usize) -> Self {
        Self {
            lock: Some(lock),
            permits,
            location: Site::new(Location::caller()),
            waiter: Waiter::new(Share::of(permits)),
        }
    }
}

impl<L: Lock> Future for Taking<L> {
    type Output = (L, usize);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(lock) = this.lock else {
            panic!("a lock was awaited again after it had been given")
        };
        let permits = *this.permits;
        let taken = ready!(
            lock.raw()
                .poll_acquire(cx, this.waiter, permits, this.location.used())
        );
        match (this.lock.take(), taken) {
            (Some(lock), Ok(())) => Poll::Ready((lock, permits)),
            _ => unreachable!("a lock is never closed"),
        }
    }
}

/// A future around [`Taking`], and the guard that it makes.
macro_rules! takes {
    ($(#[$doc:meta])* $name:ident < $($life:lifetime)? > of $lock:ty => $guard:ty, $made:expr) => {
        pin_project! {
            $(#[$doc])*
            ///
            /// # Panics
            /// If polled again after it returned the guard.
            #[must_use = "futures do nothing unless awaited"]
            pub struct $name<$($life,)? T: ?Sized> {
                #[pin]
                taking: Taking<$lock>,
            }
        }

        impl<$($life,)? T: ?Sized> Future for $name<$($life,)? T> {
            type Output = $guard;

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let (lock, permits) = ready!(self.project().taking.poll(cx));
                Poll::Ready($made(lock, permits))
            }
        }

        impl<$($life,)? T: ?Sized> fmt::Debug for $name<$($life,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

takes!(
    /// The future of [`RwLock::read`].
    Read<'a> of &'a RwLock<T> => RwLockReadGuard<'a, T>,
    |lock: &'a RwLock<T>, permits| {
        RwLockReadGuard::new(Held::new(&lock.raw, permits), lock.value.get())
    }
);

takes!(
    /// The future of [`RwLock::write`].
    Write<'a> of &'a RwLock<T> => RwLockWriteGuard<'a, T>,
    |lock: &'a RwLock<T>, permits| {
        RwLockWriteGuard::new(Held::new(&lock.raw, permits), lock.value.get())
    }
);

takes!(
    /// The future of [`RwLock::read_owned`].
    ReadOwned<> of Arc<RwLock<T>> => OwnedRwLockReadGuard<T>,
    |lock: Arc<RwLock<T>>, permits| {
        let value = lock.value.get();
        OwnedRwLockReadGuard::new(OwnedHeld::new(lock, permits), value)
    }
);

takes!(
    /// The future of [`RwLock::write_owned`].
    WriteOwned<> of Arc<RwLock<T>> => OwnedRwLockWriteGuard<T>,
    |lock: Arc<RwLock<T>>, permits| {
        let value = lock.value.get();
        OwnedRwLockWriteGuard::new(OwnedHeld::new(lock, permits), value)
    }
);

#[cfg(all(test, not(loom)))]
mod tests;
