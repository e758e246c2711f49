//! Guards of a part of a mutex's value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::guard::{Held, OwnedHeld};

/// Gives access to a part of the value of a [`Mutex`](super::Mutex), and unlocks it when dropped.
///
/// Made by [`MutexGuard::map`](super::MutexGuard::map).
///
/// # Examples
/// ```
/// use simoom::sync::{MappedMutexGuard, Mutex, MutexGuard};
///
/// let mutex = Mutex::new((1, "one"));
/// let number: MappedMutexGuard<'_, i32> =
///     MutexGuard::map(mutex.try_lock().unwrap(), |pair| &mut pair.0);
/// assert_eq!(*number, 1);
/// ```
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
#[clippy::has_significant_drop]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    value: *mut T,
    held: Held<'a>,
    _value: PhantomData<&'a mut T>,
}

// SAFETY: the guard is a mutable borrow of the value (invariant 2 of the parent module).
unsafe impl<T: ?Sized + Send> Send for MappedMutexGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for MappedMutexGuard<'_, T> {}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// `value` points into what `held` protects.
    pub(super) fn new(held: Held<'a>, value: *mut T) -> Self {
        Self {
            value,
            held,
            _value: PhantomData,
        }
    }

    /// A guard of a part of this part.
    pub fn map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        let value: *mut U = part(&mut this);
        MappedMutexGuard::new(this.held, value)
    }

    /// A guard of a part of this part, or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U>, Self> {
        let value: *mut U = match part(&mut this) {
            Some(value) => value,
            None => return Err(this),
        };
        Ok(MappedMutexGuard::new(this.held, value))
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `held` protects what `value` points at (invariant 2 of the parent module).
        unsafe { &*self.value }
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and this guard is mutably borrowed.
        unsafe { &mut *self.value }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MappedMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MappedMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// As [`MappedMutexGuard`], keeping the mutex of a `T` alive instead of borrowing it.
///
/// Made by [`OwnedMutexGuard::map`](super::OwnedMutexGuard::map).
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use simoom::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
///
/// let mutex = Arc::new(Mutex::new((1, "one")));
/// let number: OwnedMappedMutexGuard<(i32, &str), i32> =
///     OwnedMutexGuard::map(mutex.try_lock_owned().unwrap(), |pair| &mut pair.0);
/// assert_eq!(*number, 1);
/// ```
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
#[clippy::has_significant_drop]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    value: *mut U,
    held: OwnedHeld<T>,
    _value: PhantomData<T>,
}

// SAFETY: the guard is a mutable borrow of a `U` (invariant 2 of the parent module), and owns its
// share of a mutex of a `T`, whose last owner drops that `T`.
unsafe impl<T: ?Sized + Send, U: ?Sized + Send> Send for OwnedMappedMutexGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedMappedMutexGuard<T, U> {}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// `value` points into what `held` protects.
    pub(super) fn new(held: OwnedHeld<T>, value: *mut U) -> Self {
        Self {
            value,
            held,
            _value: PhantomData,
        }
    }

    /// A guard of a part of this part.
    pub fn map<S: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut U) -> &mut S,
    ) -> OwnedMappedMutexGuard<T, S> {
        let value: *mut S = part(&mut this);
        OwnedMappedMutexGuard::new(this.held, value)
    }

    /// A guard of a part of this part, or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_map<S: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut U) -> Option<&mut S>,
    ) -> Result<OwnedMappedMutexGuard<T, S>, Self> {
        let value: *mut S = match part(&mut this) {
            Some(value) => value,
            None => return Err(this),
        };
        Ok(OwnedMappedMutexGuard::new(this.held, value))
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedMappedMutexGuard<T, U> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: `held` protects what `value` points at (invariant 2 of the parent module).
        unsafe { &*self.value }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedMappedMutexGuard<T, U> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as above, and this guard is mutably borrowed.
        unsafe { &mut *self.value }
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Debug> fmt::Debug for OwnedMappedMutexGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Display> fmt::Display for OwnedMappedMutexGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
