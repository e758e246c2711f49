//! What a socket can be asked to be ready for, and what it was ready for.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use crate::backend::Direction;

/// What to wait for.
///
/// # Examples
/// ```
/// use simoom::net::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interest(u8);

/// What can be tried without waiting.
///
/// # Examples
/// ```
/// use simoom::net::Ready;
///
/// assert!(Ready::EMPTY.is_empty());
/// assert!(Ready::READABLE.is_readable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ready(u8);

const READ: u8 = 1;
const WRITE: u8 = 1 << 1;

impl Interest {
    /// There is something to read, be it the end of the stream.
    pub const READABLE: Self = Self(READ);
    /// There is room to write.
    pub const WRITABLE: Self = Self(WRITE);

    /// Whether reading is asked for.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.0 & READ != 0
    }

    /// Whether writing is asked for.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.0 & WRITE != 0
    }

    /// The direction in which an attempt is made.
    pub(super) fn direction(self) -> Direction {
        if self.is_readable() {
            Direction::Read
        } else {
            Direction::Write
        }
    }

    /// Either of both.
    #[must_use]
    pub const fn add(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.add(other)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interest({})", words(self.0))
    }
}

impl Ready {
    /// Nothing.
    pub const EMPTY: Self = Self(0);
    /// Reading.
    pub const READABLE: Self = Self(READ);
    /// Writing.
    pub const WRITABLE: Self = Self(WRITE);
    /// Reading and writing.
    pub const ALL: Self = Self(READ | WRITE);

    /// Whether nothing can be tried.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether reading can be tried.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.0 & READ != 0
    }

    /// Whether writing can be tried.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.0 & WRITE != 0
    }
}

impl BitOr for Ready {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ready({})", words(self.0))
    }
}

fn words(bits: u8) -> &'static str {
    match (bits & READ != 0, bits & WRITE != 0) {
        (false, false) => "EMPTY",
        (true, false) => "READABLE",
        (false, true) => "WRITABLE",
        (true, true) => "READABLE | WRITABLE",
    }
}
