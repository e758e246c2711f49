//! A descriptor and what is known of its readiness.
//!
//! Owns the way from an attempt that would block to an event of the reactor. Knows nothing of what
//! is attempted.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll};

use mio::Token;

use super::shared::Shared;
use super::source::{READABLE, Source, WRITABLE};
use super::wakers::wake_all;
use crate::backend::{Direction, Seat, Signs};
use crate::shim::{AtomicBool, Ordering};

/// A descriptor and its registration.
pub(super) struct Watched<S: AsRawFd> {
    io: S,
    source: Arc<Source>,
    shared: Arc<Shared>,
    token: Token,
    /// The reactor was told of the descriptor.
    watched: AtomicBool,
    /// Somebody else may hold a descriptor of the same socket, so that closing ours does not end
    /// the registration.
    has_twin: AtomicBool,
}

impl<S: AsRawFd> Watched<S> {
    pub(super) fn new(io: S, shared: Arc<Shared>, readiness: usize) -> io::Result<Self> {
        let source = Arc::new(Source::new(readiness));
        let token = shared.reactor().open(&source)?;
        Ok(Self {
            io,
            source,
            shared,
            token,
            watched: AtomicBool::new(false),
            has_twin: AtomicBool::new(false),
        })
    }

    pub(super) fn io(&self) -> &S {
        &self.io
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Tries `operation` unless it is known to block. It returns its result and whether the next
    /// attempt would block.
    pub(super) fn attempt<T>(
        &self,
        direction: Direction,
        operation: impl FnOnce(&S) -> io::Result<(T, bool)>,
    ) -> io::Result<T> {
        let seen = self.source.attempt(direction)?;
        match operation(&self.io) {
            Ok((value, exhausted)) => {
                if exhausted {
                    self.source.exhausted(direction, seen);
                }
                Ok(value)
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::WouldBlock {
                    self.source.blocked(direction, seen);
                }
                Err(error)
            }
        }
    }

    /// As [`attempt`](Self::attempt), for several directions at once.
    pub(super) fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut open = [None; 4];
        for (slot, &direction) in open.iter_mut().zip(directions) {
            match self.source.attempt(direction) {
                Ok(seen) => *slot = Some((direction, seen)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if open.iter().all(Option::is_none) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = attempt();
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::WouldBlock
        {
            for (direction, seen) in open.into_iter().flatten() {
                self.source.blocked(direction, seen);
            }
        }
        result
    }

    /// `Ready` if the source is, else keeps the waker, once there will be events.
    pub(super) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut seat: Option<&mut Seat>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(ready) = self.source.is_ready(direction) {
            return Poll::Ready(ready);
        }
        loop {
            self.watch()?;
            let polled = self.source.poll_ready(cx, direction, seat.as_deref_mut());
            // Another task whose attempt to register was under way may have failed before our
            // waker was kept: then nobody will wake us.
            if polled.is_ready() || self.watched.load(Ordering::Acquire) {
                return polled;
            }
        }
    }

    /// Gives up a seat.
    pub(super) fn leave(&self, seat: &mut Seat) {
        self.source.leave(seat);
    }

    /// Has the events of the descriptor delivered from now on.
    pub(super) fn watch(&self) -> io::Result<()> {
        if self.watched.load(Ordering::Acquire) || self.watched.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let watched = self.shared.reactor().watch(self.io.as_raw_fd(), self.token);
        if watched.is_err() {
            self.watched.store(false, Ordering::Release);
            // Another task may have gone to sleep on this attempt: it must make its own.
            let mut wakers = Vec::new();
            self.source.notify(READABLE | WRITABLE, &mut wakers);
            wake_all(&mut wakers);
        }
        watched
    }

    /// What the events so far say.
    pub(super) fn signs(&self) -> Signs {
        self.source.signs()
    }

    /// Somebody else may hold a descriptor of the same socket.
    pub(super) fn note_twin(&self) {
        self.has_twin.store(true, Ordering::Relaxed);
    }

    /// A number that every event changes.
    pub(super) fn moment(&self) -> usize {
        self.source.moment()
    }

    /// An attempt would have blocked, unless an event came after `moment`.
    pub(super) fn blocked(&self, direction: Direction, moment: usize) {
        self.source.blocked_at(direction, moment);
    }
}

impl<S: AsRawFd + AsFd> Watched<S> {
    /// A second descriptor of the same socket.
    pub(super) fn twin(&self) -> io::Result<std::os::fd::OwnedFd> {
        self.note_twin();
        self.io.as_fd().try_clone_to_owned()
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.note_twin();
        self.io.as_fd()
    }
}

impl<S: AsRawFd> Drop for Watched<S> {
    fn drop(&mut self) {
        let watched = self.watched.load(Ordering::Relaxed);
        let reactor = self.shared.reactor();
        if watched && self.has_twin.load(Ordering::Relaxed) {
            reactor.unwatch(self.io.as_raw_fd());
        }
        reactor.release(self.token, watched);
    }
}

/// Whether an attempt that did `done` of the `asked` bytes shows that the next one would block.
pub(super) fn is_all(done: usize, asked: usize) -> bool {
    PARTIAL_IS_ALL && 0 < done && done < asked && asked <= PARTIAL_MAX
}

/// Whether an attempt that got less than it asked for has emptied the socket, so that the next
/// change of the socket is an event: see `epoll(7)`, question 9. Out-of-band data breaks the rule:
/// the source does not follow it any more once there was some.
const PARTIAL_IS_ALL: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Above this many bytes the kernel does a part even if it could do more.
const PARTIAL_MAX: usize = 1 << 30;
