//! What every guard of a lock gives: a look at the value, or more.
//!
//! This file holds `unsafe`: access to the value.

/// What a guard lets its owner read.
macro_rules! reads {
    ({ $($generics:tt)* } $guard:ty => $value:ty) => {
        impl<$($generics)*> ::std::ops::Deref for $guard {
            type Target = $value;

            #[inline]
            fn deref(&self) -> &$value {
                // SAFETY: `held` protects what `value` points at (invariant 2 of the parent module).
                unsafe { &*self.value }
            }
        }

        impl<$($generics)*> ::std::fmt::Debug for $guard
        where
            $value: ::std::fmt::Debug,
        {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($generics)*> ::std::fmt::Display for $guard
        where
            $value: ::std::fmt::Display,
        {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

/// What a guard lets its owner change.
macro_rules! writes {
    ({ $($generics:tt)* } $guard:ty => $value:ty) => {
        $crate::sync::rw_lock::access::reads!({ $($generics)* } $guard => $value);

        impl<$($generics)*> ::std::ops::DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut $value {
                // SAFETY: `held` protects what `value` points at, for this guard alone (invariant 2 of
                // the parent module), which is mutably borrowed.
                unsafe { &mut *self.value }
            }
        }
    };
}

pub(crate) use reads;
pub(super) use writes;
