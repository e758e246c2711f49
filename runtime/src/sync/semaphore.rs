//! How many may do something at once.
//!
//! Owns the permits as users hold them. Who gets the next ones is `raw`'s business.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pub use self::error::{AcquireError, TryAcquireError};
pub use self::permit::{OwnedSemaphorePermit, SemaphorePermit};
use self::raw::{PERMITS_MAX, RawSemaphore, Share};
use super::wait_list::Waiter;
use crate::block;
use crate::coop::OpKind;
use crate::site::Site;

mod error;
mod permit;
pub(super) mod raw;

/// Permits for doing something, of which there are so many.
///
/// Tasks get permits in the order in which they first waited for them. One that wants many, and waits
/// for them, lets nobody behind it go first who wants fewer.
///
/// # Under simulation
/// Taking permits is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::sync::Semaphore;
/// use simoom::time::{Duration, sleep};
///
/// let at_once = Arc::new(Semaphore::new(2));
/// let tasks: Vec<_> = (0..4)
///     .map(|_| {
///         let at_once = at_once.clone();
///         simoom::spawn(async move {
///             let _permit = at_once.acquire().await.unwrap();
///             sleep(Duration::from_millis(10)).await;
///         })
///     })
///     .collect();
/// for task in tasks {
///     task.await.unwrap();
/// }
/// assert_eq!(at_once.available_permits(), 2);
/// # });
/// ```
pub struct Semaphore {
    raw: RawSemaphore,
}

impl Semaphore {
    /// How many permits there can be.
    pub const MAX_PERMITS: usize = PERMITS_MAX;

    /// A semaphore with so many free permits.
    ///
    /// # Panics
    /// If they are more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    #[must_use]
    pub fn new(permits: usize) -> Self {
        assert_permits(permits);
        Self {
            raw: RawSemaphore::new(permits, OpKind::Acquire),
        }
    }

    /// As [`new`](Self::new), in a constant expression.
    ///
    /// In a `static`, it is one for all runs of a simulation, which fail where they share it at the same
    /// time: what is to be simulated keeps it in an [`Arc`](std::sync::Arc).
    ///
    /// # Panics
    /// As [`new`](Self::new).
    ///
    /// # Examples
    /// ```
    /// static AT_ONCE: simoom::sync::Semaphore = simoom::sync::Semaphore::const_new(2);
    /// assert_eq!(AT_ONCE.available_permits(), 2);
    /// ```
    #[cfg(not(loom))]
    #[must_use]
    pub const fn const_new(permits: usize) -> Self {
        assert_permits(permits);
        Self {
            raw: RawSemaphore::new(permits, OpKind::Acquire),
        }
    }

    /// How many permits are free. Those that a waiting task has already are not.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.raw.free()
    }

    /// Adds permits: to those who wait for some, then to the free ones.
    ///
    /// # Panics
    /// If more than [`MAX_PERMITS`](Self::MAX_PERMITS) would be free.
    ///
    /// # Examples
    /// ```
    /// let semaphore = simoom::sync::Semaphore::new(1);
    /// semaphore.add_permits(2);
    /// assert_eq!(semaphore.available_permits(), 3);
    /// ```
    #[track_caller]
    pub fn add_permits(&self, count: usize) {
        self.raw.release(count);
    }

    /// Takes at most so many free permits for good. Returns how many.
    ///
    /// # Examples
    /// ```
    /// let semaphore = simoom::sync::Semaphore::new(3);
    /// assert_eq!(semaphore.forget_permits(2), 2);
    /// assert_eq!(semaphore.forget_permits(2), 1);
    /// ```
    pub fn forget_permits(&self, count: usize) -> usize {
        self.raw.forget(count)
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Cancel safety
    /// Safe. A dropped future holds nothing: a permit that it was already given goes to the next waiter.
    /// It loses its place in the queue.
    #[track_caller]
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for so many permits, which are given together.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Cancel safety
    /// As for [`acquire`](Self::acquire).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let semaphore = simoom::sync::Semaphore::new(5);
    /// let permits = semaphore.acquire_many(3).await.unwrap();
    /// assert_eq!((permits.num_permits(), semaphore.available_permits()), (3, 2));
    /// # });
    /// ```
    #[track_caller]
    pub fn acquire_many(&self, count: u32) -> Acquire<'_> {
        let wanted = count as usize;
        Acquire {
            semaphore: self,
            wanted,
            location: Site::new(Location::caller()),
            waiter: Waiter::new(Share::of(wanted)),
        }
    }

    /// As [`acquire`](Self::acquire), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Cancel safety
    /// As for [`acquire`](Self::acquire).
    #[track_caller]
    pub fn acquire_owned(self: Arc<Self>) -> AcquireOwned {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_many`](Self::acquire_many), with permits that keep the semaphore alive.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Cancel safety
    /// As for [`acquire`](Self::acquire).
    #[track_caller]
    pub fn acquire_many_owned(self: Arc<Self>, count: u32) -> AcquireOwned {
        let wanted = count as usize;
        AcquireOwned {
            semaphore: Some(self),
            wanted,
            location: Site::new(Location::caller()),
            waiter: Waiter::new(Share::of(wanted)),
        }
    }

    /// As [`acquire`](Self::acquire), blocking this thread instead of a task.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Panics
    /// On a thread that runs tasks.
    ///
    /// # Examples
    /// ```
    /// let semaphore = simoom::sync::Semaphore::new(1);
    /// let permit = semaphore.blocking_acquire().unwrap();
    /// assert_eq!(semaphore.available_permits(), 0);
    /// # drop(permit);
    /// ```
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        block::wait("blocking_acquire", self.acquire())
    }

    /// As [`acquire_many`](Self::acquire_many), blocking this thread instead of a task.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Panics
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        block::wait("blocking_acquire_many", self.acquire_many(count))
    }

    /// As [`acquire_owned`](Self::acquire_owned), blocking this thread instead of a task.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Panics
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        block::wait("blocking_acquire_owned", self.acquire_owned())
    }

    /// As [`acquire_many_owned`](Self::acquire_many_owned), blocking this thread instead of a task.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Panics
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        block::wait(
            "blocking_acquire_many_owned",
            self.acquire_many_owned(count),
        )
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    /// If none is, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes so many permits if they are free.
    ///
    /// # Errors
    /// If they are not, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let count = count as usize;
        self.raw.try_acquire(count)?;
        Ok(SemaphorePermit::new(self, count))
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// As for [`try_acquire`](Self::try_acquire).
    #[track_caller]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), with permits that keep the semaphore alive.
    ///
    /// # Errors
    /// As for [`try_acquire_many`](Self::try_acquire_many).
    #[track_caller]
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let count = count as usize;
        self.raw.try_acquire(count)?;
        Ok(OwnedSemaphorePermit::new(self, count))
    }

    /// Gives no permit away any more. Those who wait for some are told, and get an error.
    ///
    /// Permits that were given stay good.
    pub fn close(&self) {
        self.raw.close();
    }

    /// Whether the semaphore was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.raw.is_closed()
    }

    /// How many tasks wait for permits, and how many are free.
    ///
    /// # Examples
    /// ```
    /// let semaphore = simoom::sync::Semaphore::new(1);
    /// let now = semaphore.statistics();
    /// assert_eq!((now.waiting, now.available_permits), (0, 1));
    /// ```
    #[must_use]
    pub fn statistics(&self) -> SemaphoreStatistics {
        SemaphoreStatistics {
            waiting: self.raw.waiting(),
            available_permits: self.raw.free(),
        }
    }
}

const fn assert_permits(permits: usize) {
    assert!(
        permits <= PERMITS_MAX,
        "a semaphore may not have more than MAX_PERMITS permits"
    );
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("permits", &self.available_permits())
            .finish_non_exhaustive()
    }
}

/// What [`Semaphore::statistics`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SemaphoreStatistics {
    /// How many tasks wait for permits.
    pub waiting: usize,
    /// How many permits are free.
    pub available_permits: usize,
}

pin_project! {
    /// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Acquire<'a> {
        semaphore: &'a Semaphore,
        wanted: usize,
        location: Site,
        #[pin]
        waiter: Waiter<Share>,
    }

    impl PinnedDrop for Acquire<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.semaphore.raw.abandon(this.waiter);
        }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let raw = &this.semaphore.raw;
        let acquired =
            ready!(raw.poll_acquire(cx, this.waiter, *this.wanted, this.location.used()));
        Poll::Ready(match acquired {
            Ok(()) => Ok(SemaphorePermit::new(this.semaphore, *this.wanted)),
            Err(_) => Err(AcquireError::closed()),
        })
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
    ///
    /// # Panics
    /// If polled again after it was ready.
    #[must_use = "futures do nothing unless awaited"]
    pub struct AcquireOwned {
        semaphore: Option<Arc<Semaphore>>,
        wanted: usize,
        location: Site,
        #[pin]
        waiter: Waiter<Share>,
    }

    impl PinnedDrop for AcquireOwned {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(semaphore) = this.semaphore {
                semaphore.raw.abandon(this.waiter);
            }
        }
    }
}

impl Future for AcquireOwned {
    type Output = Result<OwnedSemaphorePermit, AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(semaphore) = this.semaphore else {
            panic!("a permit was awaited again after it had been given")
        };
        let raw = &semaphore.raw;
        let acquired =
            ready!(raw.poll_acquire(cx, this.waiter, *this.wanted, this.location.used()));
        match (this.semaphore.take(), acquired) {
            (Some(semaphore), Ok(())) => {
                Poll::Ready(Ok(OwnedSemaphorePermit::new(semaphore, *this.wanted)))
            }
            _ => Poll::Ready(Err(AcquireError::closed())),
        }
    }
}

impl fmt::Debug for AcquireOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireOwned").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
