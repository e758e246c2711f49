//! What readers and writers have who keep the lock alive.
//!
//! This file holds `unsafe`: what may go to another thread.

#![expect(unsafe_code, reason = "guards point into the protected value")]

use std::marker::PhantomData;
use std::sync::Arc;

use super::RwLock;
use super::access::{reads, writes};
use super::held::OwnedHeld;
#[cfg(doc)]
use super::{RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard};

/// As [`RwLockReadGuard`], keeping the lock of a `T` alive instead of borrowing it.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::sync::{OwnedRwLockReadGuard, RwLock};
///
/// let lock = Arc::new(RwLock::new((1, "one")));
/// let guard = lock.clone().read_owned().await;
/// let text = OwnedRwLockReadGuard::map(guard, |pair| &pair.1);
/// assert_eq!(simoom::spawn(async move { text.len() }).await.unwrap(), 3);
/// # });
/// ```
#[must_use = "the lock is given back as soon as the guard is dropped"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    value: *const U,
    held: OwnedHeld<T>,
    _value: PhantomData<T>,
}

// SAFETY: the guard is a borrow of a `U` (invariant 2 of the parent module), and owns its share of a
// lock of a `T`, whose last owner drops that `T`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Sync> Send for OwnedRwLockReadGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedRwLockReadGuard<T, U> {}

reads!({ T: ?Sized, U: ?Sized } OwnedRwLockReadGuard<T, U> => U);

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// `held` lets one read, or more, what `value` points at.
    pub(super) fn new(held: OwnedHeld<T>, value: *const U) -> Self {
        Self {
            value,
            held,
            _value: PhantomData,
        }
    }

    /// A guard of a part of the value.
    pub fn map<S: ?Sized>(this: Self, part: impl FnOnce(&U) -> &S) -> OwnedRwLockReadGuard<T, S> {
        let value: *const S = part(&this);
        OwnedRwLockReadGuard::new(this.held, value)
    }

    /// A guard of a part of the value, or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_map<S: ?Sized>(
        this: Self,
        part: impl FnOnce(&U) -> Option<&S>,
    ) -> Result<OwnedRwLockReadGuard<T, S>, Self> {
        let value: *const S = match part(&this) {
            Some(value) => value,
            None => return Err(this),
        };
        Ok(OwnedRwLockReadGuard::new(this.held, value))
    }

    /// The lock that this guard holds.
    #[must_use]
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.held.lock
    }
}

/// As [`RwLockWriteGuard`], keeping the lock alive instead of borrowing it.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::sync::RwLock;
///
/// let lock = Arc::new(RwLock::new(1));
/// let mut guard = lock.clone().write_owned().await;
/// simoom::spawn(async move { *guard += 1 }).await.unwrap();
/// assert_eq!(*lock.read().await, 2);
/// # });
/// ```
#[must_use = "the lock is given back as soon as the guard is dropped"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    value: *mut T,
    held: OwnedHeld<T>,
    _value: PhantomData<T>,
}

// SAFETY: the guard is a mutable borrow of the value (invariant 2 of the parent module), and owns its
// share of the lock. What may be sent may be made a reader's, so the value must be `Sync` as well.
unsafe impl<T: ?Sized + Send + Sync> Send for OwnedRwLockWriteGuard<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for OwnedRwLockWriteGuard<T> {}

writes!({ T: ?Sized } OwnedRwLockWriteGuard<T> => T);

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// `held` lets one write what `value` points at.
    pub(super) fn new(held: OwnedHeld<T>, value: *mut T) -> Self {
        Self {
            value,
            held,
            _value: PhantomData,
        }
    }

    /// Lets others read too, without letting anybody write in between.
    pub fn downgrade(mut this: Self) -> OwnedRwLockReadGuard<T> {
        this.held.downgrade();
        OwnedRwLockReadGuard::new(this.held, this.value)
    }

    /// As [`downgrade`](Self::downgrade), with a guard of a part of the value.
    ///
    /// The part is looked for before others may read.
    pub fn downgrade_map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&T) -> &U,
    ) -> OwnedRwLockReadGuard<T, U> {
        let value: *const U = part(&this);
        this.held.downgrade();
        OwnedRwLockReadGuard::new(this.held, value)
    }

    /// As [`downgrade_map`](Self::downgrade_map), or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_downgrade_map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<OwnedRwLockReadGuard<T, U>, Self> {
        let value: *const U = match part(&this) {
            Some(value) => value,
            None => return Err(this),
        };
        this.held.downgrade();
        Ok(OwnedRwLockReadGuard::new(this.held, value))
    }

    /// A guard of the whole value that is of the type of one of a part.
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        OwnedRwLockMappedWriteGuard::new(this.held, this.value)
    }

    /// A guard of a part of the value.
    pub fn map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> OwnedRwLockMappedWriteGuard<T, U> {
        let value: *mut U = part(&mut this);
        OwnedRwLockMappedWriteGuard::new(this.held, value)
    }

    /// A guard of a part of the value, or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self> {
        let value: *mut U = match part(&mut this) {
            Some(value) => value,
            None => return Err(this),
        };
        Ok(OwnedRwLockMappedWriteGuard::new(this.held, value))
    }

    /// The lock that this guard holds.
    #[must_use]
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.held.lock
    }
}

/// As [`RwLockMappedWriteGuard`], keeping the lock of a `T` alive instead of borrowing it.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use simoom::sync::{OwnedRwLockWriteGuard, RwLock};
///
/// let lock = Arc::new(RwLock::new((1, "one")));
/// let guard = lock.clone().try_write_owned().unwrap();
/// *OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.0) = 2;
/// assert_eq!(*lock.try_read().unwrap(), (2, "one"));
/// ```
#[must_use = "the lock is given back as soon as the guard is dropped"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    value: *mut U,
    held: OwnedHeld<T>,
    _value: PhantomData<T>,
}

// SAFETY: the guard is a mutable borrow of a `U` (invariant 2 of the parent module), and owns its
// share of a lock of a `T`, whose last owner drops that `T`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Send
    for OwnedRwLockMappedWriteGuard<T, U>
{
}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync
    for OwnedRwLockMappedWriteGuard<T, U>
{
}

writes!({ T: ?Sized, U: ?Sized } OwnedRwLockMappedWriteGuard<T, U> => U);

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    fn new(held: OwnedHeld<T>, value: *mut U) -> Self {
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
    ) -> OwnedRwLockMappedWriteGuard<T, S> {
        let value: *mut S = part(&mut this);
        OwnedRwLockMappedWriteGuard::new(this.held, value)
    }

    /// A guard of a part of this part, or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_map<S: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut U) -> Option<&mut S>,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, S>, Self> {
        let value: *mut S = match part(&mut this) {
            Some(value) => value,
            None => return Err(this),
        };
        Ok(OwnedRwLockMappedWriteGuard::new(this.held, value))
    }

    /// The lock that this guard holds.
    #[must_use]
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.held.lock
    }
}
