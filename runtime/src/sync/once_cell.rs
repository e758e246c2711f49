//! A value that is made once, by whoever needs it first.
//!
//! Owns the value. Who may make it is the business of a semaphore with one permit, which is closed once
//! it is made.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::semaphore::TryAcquireError;
use super::semaphore::raw::{RawSemaphore, Share};
use super::slot::Slot;
use super::wait_list::Waiter;
use crate::coop::{OpKind, Resource, observe, touch};

/// A value that the first who needs it makes, while the others wait.
///
/// If whoever makes it fails, panics or is dropped, the one who has waited longest tries.
///
/// # Under simulation
/// Getting the right to make the value is a point where the scheduler may let another task run first.
/// It is a lock: a task that makes the value and needs it to do so is told as a deadlock.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::sync::OnceCell;
///
/// async fn compute() -> u32 {
///     simoom::task::yield_now().await;
///     42
/// }
///
/// let answer = Arc::new(OnceCell::new());
/// let other = simoom::spawn({
///     let answer = answer.clone();
///     async move { *answer.get_or_init(compute).await }
/// });
/// assert_eq!(answer.get_or_init(compute).await, &42);
/// assert_eq!(other.await.unwrap(), 42);
/// assert_eq!(answer.get(), Some(&42));
/// # });
/// ```
pub struct OnceCell<T> {
    slot: Slot<T>,
    resource: Resource,
    /// The right to fill the slot.
    raw: RawSemaphore,
}

impl<T> OnceCell<T> {
    /// Without a value.
    #[must_use]
    pub fn new() -> Self {
        Self::made(Slot::empty())
    }

    /// Without a value, in a constant expression.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn const_new() -> Self {
        Self::made(Slot::empty())
    }

    /// With this value, or without one.
    #[must_use]
    pub fn new_with(value: Option<T>) -> Self {
        Self::made(Slot::of(value))
    }

    /// With this value, in a constant expression.
    ///
    /// In a `static`, it is one for all runs of a simulation, which fail where they share it at the same
    /// time: what is to be simulated keeps it in an [`Arc`](std::sync::Arc).
    ///
    /// # Examples
    /// ```
    /// static MADE: simoom::sync::OnceCell<u8> = simoom::sync::OnceCell::const_new_with(5);
    /// assert_eq!(MADE.get(), Some(&5));
    /// ```
    #[cfg(not(loom))]
    #[must_use]
    pub const fn const_new_with(value: T) -> Self {
        Self::made(Slot::Given(value))
    }

    #[cfg(not(loom))]
    const fn made(slot: Slot<T>) -> Self {
        Self {
            slot,
            resource: Resource::new(),
            raw: RawSemaphore::new(1, OpKind::Lock),
        }
    }

    #[cfg(loom)]
    fn made(slot: Slot<T>) -> Self {
        Self {
            slot,
            resource: Resource::new(),
            raw: RawSemaphore::new(1, OpKind::Lock),
        }
    }

    /// Whether there is a value.
    #[must_use]
    pub fn initialized(&self) -> bool {
        self.get().is_some()
    }

    /// The value, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        observe(&self.resource);
        self.slot.value()
    }

    /// The value, if there is one; the borrow shows that nobody else has it.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.slot.value_mut()
    }

    /// The value itself, if there is one.
    pub fn into_inner(self) -> Option<T> {
        self.slot.into_value()
    }

    /// Takes the value out, and leaves a cell without one.
    ///
    /// # Examples
    /// ```
    /// let mut cell = simoom::sync::OnceCell::from(1);
    /// assert_eq!(cell.take(), Some(1));
    /// assert_eq!(cell.take(), None);
    /// cell.set(2).unwrap();
    /// ```
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }

    /// Fills the cell with `value`.
    ///
    /// # Errors
    /// Gives `value` back if there is one, or somebody is making one.
    ///
    /// # Examples
    /// ```
    /// use simoom::sync::{OnceCell, SetError};
    ///
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(SetError::AlreadyInitializedError(2)));
    /// ```
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        if self.initialized() {
            return Err(SetError::AlreadyInitializedError(value));
        }
        match self.raw.try_acquire(1) {
            Ok(()) => {
                self.fill(value, Right { raw: &self.raw });
                Ok(())
            }
            Err(TryAcquireError::NoPermits) => Err(SetError::InitializingError(value)),
            Err(TryAcquireError::Closed) => Err(SetError::AlreadyInitializedError(value)),
        }
    }

    /// The value; if there is none, `make` makes it, unless another task does so first.
    ///
    /// # Panics
    /// As `make` does. The next who waits makes the value then.
    ///
    /// # Cancel safety
    /// Safe. A dropped future drops that of `make`, and the next who waits makes the value.
    #[track_caller]
    pub fn get_or_init<F, Fut>(&self, make: F) -> impl Future<Output = &T>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let claim = self.claim();
        async move {
            if let Some(value) = self.get() {
                return value;
            }
            match claim.await {
                Some(right) => self.fill(make().await, right),
                None => self.filled(),
            }
        }
    }

    /// As [`get_or_init`](Self::get_or_init), with a `make` that may fail.
    ///
    /// # Errors
    /// As `make` does. The next who waits makes the value then.
    ///
    /// # Panics
    /// As `make` does.
    ///
    /// # Cancel safety
    /// As for [`get_or_init`](Self::get_or_init).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let cell = simoom::sync::OnceCell::new();
    /// assert_eq!(cell.get_or_try_init(async || Err("not now")).await, Err("not now"));
    /// assert_eq!(cell.get_or_try_init(async || Ok::<_, ()>(1)).await, Ok(&1));
    /// # });
    /// ```
    #[track_caller]
    pub fn get_or_try_init<E, F, Fut>(&self, make: F) -> impl Future<Output = Result<&T, E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let claim = self.claim();
        async move {
            if let Some(value) = self.get() {
                return Ok(value);
            }
            match claim.await {
                Some(right) => Ok(self.fill(make().await?, right)),
                None => Ok(self.filled()),
            }
        }
    }

    #[track_caller]
    fn claim(&self) -> Claim<'_> {
        Claim {
            raw: &self.raw,
            location: Location::caller(),
            waiter: Waiter::new(Share::of(1)),
        }
    }

    fn fill(&self, value: T, right: Right<'_>) -> &T {
        touch(&self.resource);
        if self.slot.fill(value).is_err() {
            unreachable!("only one has the right to fill the cell");
        }
        right.used();
        self.filled()
    }

    fn filled(&self) -> &T {
        match self.get() {
            Some(value) => value,
            None => unreachable!("the right to fill the cell is gone when it is filled"),
        }
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        Self::new_with(Some(value))
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> Self {
        Self::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell")
            .field("value", &self.get())
            .finish()
    }
}

/// The right to fill a cell. It goes to the next when it is dropped.
struct Right<'a> {
    raw: &'a RawSemaphore,
}

impl Right<'_> {
    /// The cell is filled: nobody needs the right any more.
    fn used(self) {
        let raw = self.raw;
        std::mem::forget(self);
        raw.never_give_back(1);
        raw.close();
    }
}

impl Drop for Right<'_> {
    fn drop(&mut self) {
        self.raw.give_back(1);
    }
}

pin_project! {
    /// Waits for the right to fill a cell, or until it is filled.
    struct Claim<'a> {
        raw: &'a RawSemaphore,
        location: &'static Location<'static>,
        #[pin]
        waiter: Waiter<Share>,
    }

    impl PinnedDrop for Claim<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.raw.abandon(this.waiter);
        }
    }
}

impl<'a> Future for Claim<'a> {
    type Output = Option<Right<'a>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let acquired = ready!(this.raw.poll_acquire(cx, this.waiter, 1, this.location));
        Poll::Ready(acquired.is_ok().then_some(Right { raw: this.raw }))
    }
}

/// Why a cell was not filled; gives the value back.
///
/// # Examples
/// ```
/// use simoom::sync::{OnceCell, SetError};
///
/// let error = OnceCell::from(1).set(2).unwrap_err();
/// assert!(error.is_already_init_err());
/// assert_eq!(error, SetError::AlreadyInitializedError(2));
/// ```
#[derive(Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// There is a value.
    AlreadyInitializedError(T),
    /// Somebody is making one.
    InitializingError(T),
}

impl<T> SetError<T> {
    /// Whether there is a value.
    pub fn is_already_init_err(&self) -> bool {
        matches!(self, Self::AlreadyInitializedError(_))
    }

    /// Whether somebody is making one.
    pub fn is_initializing_err(&self) -> bool {
        matches!(self, Self::InitializingError(_))
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyInitializedError(_) => "the cell has a value",
            Self::InitializingError(_) => "a value for the cell is being made",
        })
    }
}

impl<T: fmt::Debug> Error for SetError<T> {}

#[cfg(all(test, not(loom)))]
mod tests;
