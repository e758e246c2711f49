//! What readers and writers have.
//!
//! This file holds `unsafe`: what may go to another thread.

#![expect(unsafe_code, reason = "guards point into the protected value")]

use std::marker::PhantomData;

#[cfg(doc)]
use super::RwLock;
use super::access::{reads, writes};
use super::held::Held;

/// Lets whoever has it read the value of a [`RwLock`], and gives it back when dropped.
///
/// # Examples
/// ```
/// let lock = simoom::sync::RwLock::new((1, "one"));
/// let pair = lock.try_read().unwrap();
/// let text = simoom::sync::RwLockReadGuard::map(lock.try_read().unwrap(), |pair| &pair.1);
/// assert_eq!((pair.0, *text), (1, "one"));
/// ```
#[must_use = "the lock is given back as soon as the guard is dropped"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    value: *const T,
    held: Held<'a>,
    _value: PhantomData<&'a T>,
}

// SAFETY: the guard is a borrow of the value (invariant 2 of the parent module), which another thread
// may have, too.
unsafe impl<T: ?Sized + Sync> Send for RwLockReadGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

reads!({ 'a, T: ?Sized } RwLockReadGuard<'a, T> => T);

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// `held` lets one read, or more, what `value` points at.
    pub(super) fn new(held: Held<'a>, value: *const T) -> Self {
        Self {
            value,
            held,
            _value: PhantomData,
        }
    }

    /// A guard of a part of the value.
    pub fn map<U: ?Sized>(this: Self, part: impl FnOnce(&T) -> &U) -> RwLockReadGuard<'a, U> {
        let value: *const U = part(&this);
        RwLockReadGuard::new(this.held, value)
    }

    /// A guard of a part of the value, or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<RwLockReadGuard<'a, U>, Self> {
        let value: *const U = match part(&this) {
            Some(value) => value,
            None => return Err(this),
        };
        Ok(RwLockReadGuard::new(this.held, value))
    }
}

/// Lets whoever has it change the value of a [`RwLock`], and gives it back when dropped.
///
/// # Examples
/// ```
/// use simoom::sync::{RwLock, RwLockWriteGuard};
///
/// let lock = RwLock::new(1);
/// let mut guard = lock.try_write().unwrap();
/// *guard += 1;
/// // Others may read now, and nobody was there in between.
/// let guard = RwLockWriteGuard::downgrade(guard);
/// assert_eq!((*guard, *lock.try_read().unwrap()), (2, 2));
/// ```
#[must_use = "the lock is given back as soon as the guard is dropped"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    value: *mut T,
    held: Held<'a>,
    _value: PhantomData<&'a mut T>,
}

// SAFETY: the guard is a mutable borrow of the value (invariant 2 of the parent module). What may be
// sent may be made a reader's, so the value must be `Sync` as well.
unsafe impl<T: ?Sized + Send + Sync> Send for RwLockWriteGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLockWriteGuard<'_, T> {}

writes!({ 'a, T: ?Sized } RwLockWriteGuard<'a, T> => T);

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// `held` lets one write what `value` points at.
    pub(super) fn new(held: Held<'a>, value: *mut T) -> Self {
        Self {
            value,
            held,
            _value: PhantomData,
        }
    }

    /// Lets others read too, without letting anybody write in between.
    pub fn downgrade(mut this: Self) -> RwLockReadGuard<'a, T> {
        this.held.downgrade();
        RwLockReadGuard::new(this.held, this.value)
    }

    /// As [`downgrade`](Self::downgrade), with a guard of a part of the value.
    ///
    /// The part is looked for before others may read.
    pub fn downgrade_map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&T) -> &U,
    ) -> RwLockReadGuard<'a, U> {
        let value: *const U = part(&this);
        this.held.downgrade();
        RwLockReadGuard::new(this.held, value)
    }

    /// As [`downgrade_map`](Self::downgrade_map), or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_downgrade_map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<RwLockReadGuard<'a, U>, Self> {
        let value: *const U = match part(&this) {
            Some(value) => value,
            None => return Err(this),
        };
        this.held.downgrade();
        Ok(RwLockReadGuard::new(this.held, value))
    }

    /// A guard of the whole value that is of the type of one of a part.
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        RwLockMappedWriteGuard::new(this.held, this.value)
    }

    /// A guard of a part of the value.
    pub fn map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> RwLockMappedWriteGuard<'a, U> {
        let value: *mut U = part(&mut this);
        RwLockMappedWriteGuard::new(this.held, value)
    }

    /// A guard of a part of the value, or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self> {
        let value: *mut U = match part(&mut this) {
            Some(value) => value,
            None => return Err(this),
        };
        Ok(RwLockMappedWriteGuard::new(this.held, value))
    }
}

/// Lets whoever has it change a part of the value of a [`RwLock`], and gives it back when dropped.
///
/// Made by [`RwLockWriteGuard::map`].
///
/// # Examples
/// ```
/// use simoom::sync::{RwLock, RwLockWriteGuard};
///
/// let lock = RwLock::new((1, "one"));
/// *RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.0) = 2;
/// assert_eq!(lock.into_inner(), (2, "one"));
/// ```
#[must_use = "the lock is given back as soon as the guard is dropped"]
#[clippy::has_significant_drop]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    value: *mut T,
    held: Held<'a>,
    _value: PhantomData<&'a mut T>,
}

// SAFETY: the guard is a mutable borrow of the value (invariant 2 of the parent module).
unsafe impl<T: ?Sized + Send + Sync> Send for RwLockMappedWriteGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLockMappedWriteGuard<'_, T> {}

writes!({ 'a, T: ?Sized } RwLockMappedWriteGuard<'a, T> => T);

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    fn new(held: Held<'a>, value: *mut T) -> Self {
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
    ) -> RwLockMappedWriteGuard<'a, U> {
        let value: *mut U = part(&mut this);
        RwLockMappedWriteGuard::new(this.held, value)
    }

    /// A guard of a part of this part, or this guard if there is no such part.
    ///
    /// # Errors
    /// If `part` returns `None`.
    pub fn try_map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self> {
        let value: *mut U = match part(&mut this) {
            Some(value) => value,
            None => return Err(this),
        };
        Ok(RwLockMappedWriteGuard::new(this.held, value))
    }
}
