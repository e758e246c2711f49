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

/// A socket or pipe that can be waited for.
pub trait Polled: Send + Sync {
    /// `Ready` when the direction may be tried, else keeps the waker.
    ///
    /// After `WouldBlock` it is not ready until something changed. Of several who call this for one
    /// side of a socket a world needs to keep the last alone: who shares a socket has a [`Seat`].
    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>>;

    /// As [`poll_ready`](Self::poll_ready), for one of any number of waiters. The waker takes the
    /// place of the one that `seat` stands for, and is kept until an event or
    /// [`leave`](Self::leave).
    ///
    /// A world that keeps every waker until an event needs no seats.
    fn poll_seated(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        seat: &mut Seat,
    ) -> Poll<io::Result<()>> {
        let _ = seat;
        self.poll_ready(cx, direction)
    }

    /// Gives up a seat, and the wakers that are kept for it.
    fn leave(&self, seat: &mut Seat) {
        let _ = seat;
    }

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

    /// As [`try_read`](Self::try_read), into several buffers of which one is not empty. A world
    /// may fill the first of these alone.
    fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match bufs.iter_mut().find(|buf| !buf.is_empty()) {
            Some(buf) => self.try_read(&mut ReadBuf::new(buf)),
            None => Ok(0),
        }
    }
}

/// Something that bytes are written to.
pub trait WriteBytes: Polled {
    /// Hands over some of `bytes`; `WouldBlock` if there is no room.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// As [`try_write`](Self::try_write), from several buffers.
    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;
}
