//! What a socket can be asked to be ready for, and what it was ready for.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

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
const READ_CLOSED: u8 = 1 << 2;
const WRITE_CLOSED: u8 = 1 << 3;

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

    /// The directions of which one is to be ready for an attempt.
    pub(super) fn directions(self) -> &'static [Direction] {
        match (self.is_readable(), self.is_writable()) {
            (true, true) => &[Direction::Read, Direction::Write],
            (true, false) => &[Direction::Read],
            (false, true) => &[Direction::Write],
            (false, false) => &[],
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
    /// The peer has finished: reading never waits again.
    pub const READ_CLOSED: Self = Self(READ_CLOSED);
    /// Nothing can be written any more.
    pub const WRITE_CLOSED: Self = Self(WRITE_CLOSED);
    /// Reading and writing, and that they have ended.
    pub const ALL: Self = Self(READ | WRITE | READ_CLOSED | WRITE_CLOSED);

    /// Whether nothing can be tried.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether reading can be tried.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.0 & (READ | READ_CLOSED) != 0
    }

    /// Whether writing can be tried.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.0 & (WRITE | WRITE_CLOSED) != 0
    }

    /// Whether reading never waits again.
    #[must_use]
    pub const fn is_read_closed(self) -> bool {
        self.0 & READ_CLOSED != 0
    }

    /// Whether nothing can be written any more.
    #[must_use]
    pub const fn is_write_closed(self) -> bool {
        self.0 & WRITE_CLOSED != 0
    }
}

impl BitOr for Ready {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Ready {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for Ready {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
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

fn words(bits: u8) -> String {
    let names = [
        (READ, "READABLE"),
        (WRITE, "WRITABLE"),
        (READ_CLOSED, "READ_CLOSED"),
        (WRITE_CLOSED, "WRITE_CLOSED"),
    ];
    let set: Vec<_> = names
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|&(_, name)| name)
        .collect();
    match set.is_empty() {
        true => "EMPTY".to_owned(),
        false => set.join(" | "),
    }
}
