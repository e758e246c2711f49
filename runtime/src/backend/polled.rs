//! What every socket and pipe of the seam can be asked: whether it can be tried, and its bytes.
//!
//! Knows nothing of where they come from, nor of addresses.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::Resource;

/// What an attempt on a socket waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Bytes, a connection, or the end of the stream.
    Read,
    /// Room for bytes.
    Write,
    /// An error, for attempts on the queue of errors.
    Error,
    /// Urgent bytes, or the end of the stream.
    Priority,
}

/// What is known of a socket beside whether it can be tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// The peer has finished, or the connection is over: reading never waits again.
    pub read_closed: bool,
    /// Nothing can be written any more.
    pub write_closed: bool,
    /// An error waits to be taken, or did.
    pub error: bool,
    /// There are urgent bytes, or were.
    pub priority: bool,
}

/// Where one of several who wait for a socket is noted, in numbers of the socket's own. 0 is
/// nowhere.
#[derive(Debug, Default)]
pub struct Seat {
    /// Among those who wait to read, for errors or for urgent bytes.
    pub reading: u64,
    /// Among those who wait to write.
    pub writing: u64,
}

impl Seat {
    /// The number for those who wait in `direction`.
    pub fn number(&mut self, direction: Direction) -> &mut u64 {
        match direction {
            Direction::Write => &mut self.writing,
            Direction::Read | Direction::Error | Direction::Priority => &mut self.reading,
        }
    }
}

/// A socket or pipe that can be waited for.
pub trait Polled: Send + Sync {
    /// `Ready` when the direction may be tried, else keeps the waker as [`Waiters`] do.
    ///
    /// After `WouldBlock` it is not ready until something changed. Of several who call this without
    /// a seat for one side of a socket the last is woken alone. The waker of one with a seat takes
    /// the place of the one before it there, and is kept until an event or [`leave`](Self::leave).
    ///
    /// [`Waiters`]: super::Waiters
    fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        seat: Option<&mut Seat>,
    ) -> Poll<io::Result<()>>;

    /// Gives up a seat, and the wakers that are kept for it.
    fn leave(&self, seat: &mut Seat);

    /// Calls `attempt` if one of `directions` may be tried; else, and when `attempt` would block,
    /// they would block.
    fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()>;

    /// What the events so far say.
    fn signs(&self) -> Signs;

    /// The pending error, if any.
    fn take_error(&self) -> io::Result<Option<io::Error>>;

    /// The name of one direction for the scheduler: errors and urgent bytes are read.
    fn resource(&self, direction: Direction) -> &Resource;

    /// The descriptor, where there is one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

/// Something that bytes are read from.
pub trait ReadBytes: Polled {
    /// Copies waiting bytes into `buf`. 0 means that the peer finished; `WouldBlock` if none wait.
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize>;

    /// As [`try_read`](Self::try_read), into several buffers, one after the other.
    fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
}

/// Something that bytes are written to.
pub trait WriteBytes: Polled {
    /// Hands over some of `bytes`; `WouldBlock` if there is no room.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// As [`try_write`](Self::try_write), from several buffers.
    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;
}
