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
const PRIORITY: u8 = 1 << 4;
const ERROR: u8 = 1 << 5;

impl Interest {
    /// There is something to read, be it the end of the stream.
    pub const READABLE: Self = Self(READ);
    /// There is room to write.
    pub const WRITABLE: Self = Self(WRITE);

    /// An error: for attempts on the queue of errors, such as `recvmsg` with `MSG_ERRQUEUE`.
    ///
    /// An error that was told meanwhile may still count.
    pub const ERROR: Self = Self(ERROR);
    /// There are urgent bytes (`MSG_OOB`), or reading has ended. Once an attempt for them would have
    /// blocked, the end is told again when something else has happened to the socket.
    ///
    /// # Under simulation
    /// Nobody sends urgent bytes.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const PRIORITY: Self = Self(PRIORITY);

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

    /// Whether errors are asked for.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 & ERROR != 0
    }

    /// Whether urgent bytes are asked for.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[must_use]
    pub const fn is_priority(self) -> bool {
        self.0 & PRIORITY != 0
    }

    /// Either of both.
    #[must_use]
    pub const fn add(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is left without `other`; `None` if that is nothing.
    ///
    /// # Examples
    /// ```
    /// use simoom::net::Interest;
    ///
    /// let both = Interest::READABLE | Interest::WRITABLE;
    /// assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
    /// assert_eq!(Interest::READABLE.remove(both), None);
    /// ```
    #[must_use]
    pub fn remove(self, other: Self) -> Option<Self> {
        let left = self.0 & !other.0;
        (left != 0).then_some(Self(left))
    }

    /// The directions of which one is to be ready for an attempt.
    pub(crate) fn directions(self) -> &'static [Direction] {
        use Direction::{Error, Priority, Read, Write};

        const ALL: [&[Direction]; 16] = [
            &[],
            &[Read],
            &[Write],
            &[Read, Write],
            &[Priority],
            &[Read, Priority],
            &[Write, Priority],
            &[Read, Write, Priority],
            &[Error],
            &[Read, Error],
            &[Write, Error],
            &[Read, Write, Error],
            &[Priority, Error],
            &[Read, Priority, Error],
            &[Write, Priority, Error],
            &[Read, Write, Priority, Error],
        ];
        let low = self.0 & (READ | WRITE);
        let high = (self.0 & (PRIORITY | ERROR)) >> 2;
        ALL[usize::from(low | high)]
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
        let names = [
            (READ, "READABLE"),
            (WRITE, "WRITABLE"),
            (PRIORITY, "PRIORITY"),
            (ERROR, "ERROR"),
        ];
        let asked = names.iter().filter(|(bit, _)| self.0 & bit != 0);
        for (index, (_, name)) in asked.enumerate() {
            f.write_str(if index == 0 { "" } else { " | " })?;
            f.write_str(name)?;
        }
        Ok(())
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
    /// There are urgent bytes.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const PRIORITY: Self = Self(PRIORITY);
    /// An error.
    pub const ERROR: Self = Self(ERROR);
    /// Reading and writing, that they have ended, urgent bytes and errors.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const ALL: Self = Self(READ | WRITE | READ_CLOSED | WRITE_CLOSED | PRIORITY | ERROR);
    /// Reading and writing, that they have ended, and errors.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub const ALL: Self = Self(READ | WRITE | READ_CLOSED | WRITE_CLOSED | ERROR);

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

    /// Whether there are urgent bytes.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[must_use]
    pub const fn is_priority(self) -> bool {
        self.0 & PRIORITY != 0
    }

    /// Whether there is an error.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 & ERROR != 0
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
        let mut debug = f.debug_struct("Ready");
        debug
            .field("is_readable", &self.is_readable())
            .field("is_writable", &self.is_writable())
            .field("is_read_closed", &self.is_read_closed())
            .field("is_write_closed", &self.is_write_closed())
            .field("is_error", &self.is_error());
        #[cfg(any(target_os = "linux", target_os = "android"))]
        debug.field("is_priority", &self.is_priority());
        debug.finish()
    }
}
