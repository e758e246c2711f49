//! Permits that never become more.
//!
//! Owns how many were taken for good and may be given back. Who gets permits is a semaphore's business.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError};
use crate::shim::{Mutex, lock};

/// Permits for doing something, of which there are never more than at the start.
///
/// Giving back more than was taken is an error, which a [`Semaphore`] would take for more permits.
///
/// # Under simulation
/// Taking a permit is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::asyncio::BoundedSemaphore;
///
/// let semaphore = BoundedSemaphore::new(2);
/// let permit = semaphore.acquire().await;
/// // As where taking and giving back are far apart.
/// semaphore.acquire().await.forget();
/// assert!(semaphore.is_locked());
/// semaphore.release().unwrap();
/// assert!(semaphore.release().is_err());
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 2);
/// # });
/// ```
pub struct BoundedSemaphore {
    bound: usize,
    semaphore: Arc<Semaphore>,
    /// How many permits are neither free nor in a guard.
    forgotten: Mutex<usize>,
}

impl BoundedSemaphore {
    /// So many permits.
    ///
    /// # Panics
    /// If they are more than [`Semaphore::MAX_PERMITS`].
    #[track_caller]
    #[must_use]
    pub fn new(permits: usize) -> Self {
        Self {
            bound: permits,
            semaphore: Arc::new(Semaphore::new(permits)),
            forgotten: Mutex::new(0),
        }
    }

    /// Waits for a permit, in the order in which tasks first waited.
    ///
    /// # Cancel safety
    /// Safe. A dropped future holds nothing: a permit that it was already given goes to the next waiter.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = BoundedPermit<'_>> {
        let acquired = self.semaphore.acquire();
        async move {
            match acquired.await {
                Ok(permit) => BoundedPermit {
                    semaphore: self,
                    permit,
                },
                Err(_) => unreachable!("nobody closes this semaphore"),
            }
        }
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    /// If none is.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<BoundedPermit<'_>, TryAcquireError> {
        let permit = self.semaphore.try_acquire()?;
        let semaphore = self;
        Ok(BoundedPermit { semaphore, permit })
    }

    /// As [`acquire`](Self::acquire), for a permit that may go to another task.
    ///
    /// # Cancel safety
    /// As for [`acquire`](Self::acquire).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::sync::Arc;
    /// use simoom::asyncio::BoundedSemaphore;
    ///
    /// let at_once = Arc::new(BoundedSemaphore::new(1));
    /// let permit = at_once.clone().acquire_owned().await;
    /// let task = simoom::spawn(async move {
    ///     simoom::task::yield_now().await;
    ///     drop(permit);
    /// });
    /// let _next = at_once.acquire().await;
    /// task.await.unwrap();
    /// # });
    /// ```
    #[track_caller]
    pub fn acquire_owned(self: Arc<Self>) -> impl Future<Output = OwnedBoundedPermit> {
        let acquired = self.semaphore.clone().acquire_owned();
        async move {
            match acquired.await {
                Ok(permit) => OwnedBoundedPermit {
                    semaphore: self,
                    permit,
                },
                Err(_) => unreachable!("nobody closes this semaphore"),
            }
        }
    }

    /// As [`try_acquire`](Self::try_acquire), for a permit that may go to another task.
    ///
    /// # Errors
    /// If none is free.
    #[track_caller]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedBoundedPermit, TryAcquireError> {
        let permit = self.semaphore.clone().try_acquire_owned()?;
        let semaphore = self;
        Ok(OwnedBoundedPermit { semaphore, permit })
    }

    /// Gives back a permit that was [forgotten](BoundedPermit::forget), also by another task.
    ///
    /// # Errors
    /// If there is no such permit.
    pub fn release(&self) -> Result<(), BoundExceeded> {
        {
            let mut forgotten = lock(&self.forgotten);
            *forgotten = forgotten.checked_sub(1).ok_or(BoundExceeded(()))?;
        }
        self.semaphore.add_permits(1);
        Ok(())
    }

    /// How many permits are free.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.semaphore.available_permits()
    }

    /// Whether a task that came now would wait.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.semaphore.available_permits() == 0
    }

    /// How many permits there are, free or not.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.bound
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("permits", &self.available_permits())
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

/// A permit of a [`BoundedSemaphore`], until it is dropped.
///
/// # Examples
/// ```
/// let semaphore = simoom::asyncio::BoundedSemaphore::new(1);
/// let permit = semaphore.try_acquire().unwrap();
/// assert!(semaphore.try_acquire().is_err());
/// drop(permit);
/// assert!(semaphore.try_acquire().is_ok());
/// ```
#[must_use = "the permit is given back as soon as it is dropped"]
#[derive(Debug)]
pub struct BoundedPermit<'a> {
    semaphore: &'a BoundedSemaphore,
    permit: SemaphorePermit<'a>,
}

impl BoundedPermit<'_> {
    /// Keeps the permit taken, until somebody [releases](BoundedSemaphore::release) it.
    pub fn forget(self) {
        *lock(&self.semaphore.forgotten) += 1;
        self.permit.forget();
    }
}

/// A permit of a [`BoundedSemaphore`] in an [`Arc`], until it is dropped.
///
/// # Examples
/// ```
/// let semaphore = std::sync::Arc::new(simoom::asyncio::BoundedSemaphore::new(1));
/// let permit = semaphore.clone().try_acquire_owned().unwrap();
/// assert!(semaphore.try_acquire().is_err());
/// drop(permit);
/// assert!(semaphore.try_acquire().is_ok());
/// ```
#[must_use = "the permit is given back as soon as it is dropped"]
#[derive(Debug)]
pub struct OwnedBoundedPermit {
    semaphore: Arc<BoundedSemaphore>,
    permit: OwnedSemaphorePermit,
}

impl OwnedBoundedPermit {
    /// Keeps the permit taken, until somebody [releases](BoundedSemaphore::release) it.
    pub fn forget(self) {
        *lock(&self.semaphore.forgotten) += 1;
        self.permit.forget();
    }
}

/// More permits would have been given back than were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundExceeded(());

impl fmt::Display for BoundExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bounded semaphore was given back more than was taken")
    }
}

impl Error for BoundExceeded {}
