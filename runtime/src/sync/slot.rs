//! A value that is written at most once.
//!
//! Owns the value. Knows nothing of who may write it, or waits for it.

use std::sync::OnceLock;

/// Nothing, or a value for good.
pub(super) enum Slot<T> {
    /// The value was there from the start, perhaps in a constant.
    Given(T),
    Later(OnceLock<T>),
}

impl<T> Slot<T> {
    pub(super) const fn empty() -> Self {
        Self::Later(OnceLock::new())
    }

    pub(super) fn of(value: Option<T>) -> Self {
        value.map_or_else(Self::empty, Self::Given)
    }

    pub(super) fn value(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Later(value) => value.get(),
        }
    }

    pub(super) fn value_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Later(value) => value.get_mut(),
        }
    }

    pub(super) fn into_value(self) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Later(value) => value.into_inner(),
        }
    }

    /// Writes `value`, or gives it back if there is one.
    pub(super) fn fill(&self, value: T) -> Result<(), T> {
        match self {
            Self::Given(_) => Err(value),
            Self::Later(later) => later.set(value),
        }
    }
}
