//! What is known of one socket's readiness, and who waits for it.
//!
//! Owns the readiness word and when wakers are kept and woken. Knows nothing of sockets or of
//! where events come from.
//!
//! A source starts out ready: the first attempt tells. Only a socket that would have blocked is
//! ever registered.
//!
//! # Invariants
//! 1. An event sets bits and changes the tick before it takes the wakers; a waiter stores its
//!    waker before it looks at the bits again. So either the waiter sees the bit or the event sees
//!    the waker.
//! 2. Bits are cleared only while the tick is the one that was read before the attempt that found
//!    nothing: an event that came in between is kept.

use std::io;
use std::task::{Context, Poll, Waker};

use crate::backend::{Direction, Seat, Signs, Waiters};
use crate::shim::{AtomicUsize, Mutex, Ordering, lock};

/// Bytes, a connection or the end can be read.
pub(super) const READABLE: usize = 1;
/// Bytes can be written, or an attempt to connect has ended.
pub(super) const WRITABLE: usize = 1 << 1;
/// The peer has finished: reading never blocks again.
pub(super) const READ_CLOSED: usize = 1 << 2;
/// Writing fails from now on.
pub(super) const WRITE_CLOSED: usize = 1 << 3;
/// The runtime was dropped.
const GONE: usize = 1 << 4;
/// The next attempt reports an error.
pub(super) const ERROR: usize = 1 << 5;
/// Urgent bytes can be read.
pub(super) const PRIORITY: usize = 1 << 6;
/// Urgent bytes were told of at some time.
const WAS_URGENT: usize = 1 << 7;
/// The peer has finished, and no attempt for urgent bytes has blocked since an event said so.
const ENDED: usize = 1 << 8;
/// The number of events so far, wrapping.
const TICK: usize = 1 << 9;

const READ: usize = READABLE | READ_CLOSED;
const WRITE: usize = WRITABLE | WRITE_CLOSED;
const URGENT: usize = PRIORITY | ENDED;

/// Readiness of one socket.
pub(super) struct Source {
    readiness: AtomicUsize,
    /// Who waits for errors and urgent bytes too.
    readers: Mutex<Waiters>,
    writers: Mutex<Waiters>,
}

/// What the readiness was before an attempt.
#[derive(Clone, Copy)]
pub(super) struct Seen(usize);

impl Source {
    /// A source of which nothing is known but `readiness`.
    pub(super) fn new(readiness: usize) -> Self {
        Self {
            readiness: AtomicUsize::new(readiness),
            readers: Mutex::new(Waiters::default()),
            writers: Mutex::new(Waiters::default()),
        }
    }

    /// Leave for one attempt in `direction`, or why there is no use in it.
    pub(super) fn attempt(&self, direction: Direction) -> io::Result<Seen> {
        let seen = self.readiness.load(Ordering::Acquire);
        if seen & GONE != 0 {
            return Err(gone());
        }
        if seen & bits(direction) == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Seen(seen))
    }

    /// What the events so far say.
    pub(super) fn signs(&self) -> Signs {
        let seen = self.readiness.load(Ordering::Acquire);
        Signs {
            read_closed: seen & (READ_CLOSED | ENDED) != 0,
            write_closed: seen & WRITE_CLOSED != 0,
            error: seen & ERROR != 0,
            priority: seen & PRIORITY != 0,
        }
    }

    /// An attempt would have blocked.
    ///
    /// One for urgent bytes tells nothing of the end of the stream, which has still to be read, but
    /// the end is not told to such attempts again.
    pub(super) fn blocked(&self, direction: Direction, seen: Seen) {
        self.clear(bits(direction), seen);
    }

    /// A number that every event changes.
    pub(super) fn moment(&self) -> usize {
        self.readiness.load(Ordering::Acquire) / TICK
    }

    /// As [`blocked`](Self::blocked), unless an event came after `moment`. A direction that is closed
    /// stays ready.
    pub(super) fn blocked_at(&self, direction: Direction, moment: usize) {
        self.clear(open(direction), Seen(moment.wrapping_mul(TICK)));
    }

    /// An attempt took all there was, so that the next one would block.
    ///
    /// A direction that is closed stays ready: there will be no further event to say so. So does
    /// reading once there were urgent bytes: a read ends where they were sent, whatever follows.
    pub(super) fn exhausted(&self, direction: Direction, seen: Seen) {
        if direction == Direction::Read && seen.0 & WAS_URGENT != 0 {
            return;
        }
        self.clear(open(direction), seen);
    }

    fn clear(&self, cleared: usize, seen: Seen) {
        let mut current = seen.0;
        while current / TICK == seen.0 / TICK {
            match self.readiness.compare_exchange_weak(
                current,
                current & !cleared,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                Err(actual) => current = actual,
            }
        }
    }

    /// `Ready` if an attempt in `direction` makes sense, or fails because the runtime is gone.
    pub(super) fn is_ready(&self, direction: Direction) -> Poll<io::Result<()>> {
        match self.attempt(direction) {
            Ok(_) => Poll::Ready(Ok(())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// As [`is_ready`](Self::is_ready), and keeps the waker if it is pending, in the place of the
    /// one before it: of `seat`, or of those without one.
    pub(super) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        seat: Option<&mut Seat>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(ready) = self.is_ready(direction) {
            return Poll::Ready(ready);
        }
        let waiters = self.waiters(direction);
        let number = seat.map(|seat| seat.number(direction));
        let is_kept = lock(waiters).keeps(number.as_deref().copied(), cx.waker());
        if !is_kept {
            // Cloning and dropping a waker runs foreign code.
            let waker = cx.waker().clone();
            let previous = lock(waiters).keep(number, waker);
            drop(previous);
        }
        self.is_ready(direction)
    }

    /// Forgets the wakers of `seat`.
    pub(super) fn leave(&self, seat: &mut Seat) {
        for (number, waiters) in [
            (&mut seat.reading, &self.readers),
            (&mut seat.writing, &self.writers),
        ] {
            let number = std::mem::take(number);
            if number != 0 {
                let left = lock(waiters).leave(number);
                drop(left);
            }
        }
    }

    /// An event arrived: `ready` is true from now on. Whoever waits for it is moved to `wakers`.
    pub(super) fn notify(&self, mut ready: usize, wakers: &mut Vec<Waker>) {
        if ready & PRIORITY != 0 {
            ready |= WAS_URGENT;
        }
        if ready & READ_CLOSED != 0 {
            ready |= ENDED;
        }
        let mut current = self.readiness.load(Ordering::Acquire);
        while let Err(actual) = self.readiness.compare_exchange_weak(
            current,
            (current | ready).wrapping_add(TICK),
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            current = actual;
        }
        if ready & (READ | ERROR | PRIORITY | GONE) != 0 {
            wakers.extend(lock(&self.readers).drain());
        }
        if ready & (WRITE | GONE) != 0 {
            wakers.extend(lock(&self.writers).drain());
        }
    }

    /// The runtime was dropped.
    pub(super) fn close(&self, wakers: &mut Vec<Waker>) {
        self.notify(GONE, wakers);
    }

    fn waiters(&self, direction: Direction) -> &Mutex<Waiters> {
        match direction {
            Direction::Write => &self.writers,
            Direction::Read | Direction::Error | Direction::Priority => &self.readers,
        }
    }
}

fn bits(direction: Direction) -> usize {
    match direction {
        Direction::Read => READ,
        Direction::Write => WRITE,
        Direction::Error => ERROR,
        Direction::Priority => URGENT,
    }
}

/// What an event in `direction` sets, but for its end.
fn open(direction: Direction) -> usize {
    match direction {
        Direction::Read => READABLE,
        Direction::Write => WRITABLE,
        Direction::Error => ERROR,
        Direction::Priority => PRIORITY,
    }
}

/// What every operation of a socket says whose runtime was dropped.
#[cold]
pub(super) fn gone() -> io::Error {
    io::Error::other(
        "the simoom runtime of this socket was dropped: keep the `Runtime` for as long as its \
         sockets are used",
    )
}

#[cfg(test)]
mod tests;
