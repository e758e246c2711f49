//! What is known of a descriptor that was waited for, until an attempt shows that it blocks.

use std::error;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;

use super::Ready;
use super::async_fd::AsyncFd;
use crate::backend::{Descriptor, Direction};

/// That [`AsyncFd`] was found ready.
///
/// It stays ready until an attempt is found to block: call [`try_io`](Self::try_io) for one, or
/// [`clear_ready`](Self::clear_ready) after one. A guard that is dropped without changes nothing.
#[must_use = "an attempt that blocks must be told, or the descriptor stays ready"]
pub struct AsyncFdReadyGuard<'a, T: AsRawFd> {
    async_fd: &'a AsyncFd<T>,
    ready: Ready,
    moment: usize,
}

impl<'a, T: AsRawFd> AsyncFdReadyGuard<'a, T> {
    pub(super) fn new(async_fd: &'a AsyncFd<T>, ready: Ready) -> Self {
        // An event from now on is news to an attempt that is made with this guard; one before is not.
        let moment = async_fd.registration().moment();
        Self {
            async_fd,
            ready,
            moment,
        }
    }

    /// Has the descriptor count as not ready, in all ways in which it was found so, until its next
    /// event. Call it when an attempt would have blocked, and only then: what is forgotten too early
    /// is not told again.
    pub fn clear_ready(&mut self) {
        self.clear_ready_matching(self.ready);
    }

    /// As [`clear_ready`](Self::clear_ready), for these ways alone.
    pub fn clear_ready_matching(&mut self, ready: Ready) {
        forget(
            self.async_fd.registration(),
            self.ready & ready,
            self.moment,
        );
        self.ready = self.ready - ready;
    }

    /// Changes nothing: says that the descriptor is left ready on purpose.
    pub fn retain_ready(&mut self) {}

    /// How it was found ready, but for what was cleared.
    #[must_use]
    pub fn ready(&self) -> Ready {
        self.ready
    }

    /// Makes an attempt. One that would block clears the readiness.
    ///
    /// # Errors
    /// [`TryIoError`] if `f` returned `WouldBlock`: wait again.
    pub fn try_io<R>(
        &mut self,
        f: impl FnOnce(&AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        match f(self.async_fd) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.clear_ready();
                Err(TryIoError(()))
            }
            result => Ok(result),
        }
    }

    /// The wrapper.
    #[must_use]
    pub fn get_ref(&self) -> &'a AsyncFd<T> {
        self.async_fd
    }

    /// What is wrapped.
    #[must_use]
    pub fn get_inner(&self) -> &'a T {
        self.async_fd.get_ref()
    }
}

/// That [`AsyncFd`] was found ready, by whoever may change what it wraps.
///
/// It stays ready until an attempt is found to block: call [`try_io`](Self::try_io) for one, or
/// [`clear_ready`](Self::clear_ready) after one. A guard that is dropped without changes nothing.
#[must_use = "an attempt that blocks must be told, or the descriptor stays ready"]
pub struct AsyncFdReadyMutGuard<'a, T: AsRawFd> {
    async_fd: &'a mut AsyncFd<T>,
    ready: Ready,
    moment: usize,
}

impl<'a, T: AsRawFd> AsyncFdReadyMutGuard<'a, T> {
    pub(super) fn new(async_fd: &'a mut AsyncFd<T>, ready: Ready) -> Self {
        // An event from now on is news to an attempt that is made with this guard; one before is not.
        let moment = async_fd.registration().moment();
        Self {
            async_fd,
            ready,
            moment,
        }
    }

    /// Has the descriptor count as not ready, in all ways in which it was found so, until its next
    /// event. Call it when an attempt would have blocked, and only then: what is forgotten too early
    /// is not told again.
    pub fn clear_ready(&mut self) {
        self.clear_ready_matching(self.ready);
    }

    /// As [`clear_ready`](Self::clear_ready), for these ways alone.
    pub fn clear_ready_matching(&mut self, ready: Ready) {
        forget(
            self.async_fd.registration(),
            self.ready & ready,
            self.moment,
        );
        self.ready = self.ready - ready;
    }

    /// Changes nothing: says that the descriptor is left ready on purpose.
    pub fn retain_ready(&mut self) {}

    /// How it was found ready, but for what was cleared.
    #[must_use]
    pub fn ready(&self) -> Ready {
        self.ready
    }

    /// Makes an attempt. One that would block clears the readiness.
    ///
    /// # Errors
    /// [`TryIoError`] if `f` returned `WouldBlock`: wait again.
    pub fn try_io<R>(
        &mut self,
        f: impl FnOnce(&mut AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        match f(self.async_fd) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.clear_ready();
                Err(TryIoError(()))
            }
            result => Ok(result),
        }
    }

    /// The wrapper.
    #[must_use]
    pub fn get_ref(&self) -> &AsyncFd<T> {
        self.async_fd
    }

    /// The wrapper.
    pub fn get_mut(&mut self) -> &mut AsyncFd<T> {
        self.async_fd
    }

    /// What is wrapped.
    #[must_use]
    pub fn get_inner(&self) -> &T {
        self.async_fd.get_ref()
    }

    /// What is wrapped.
    pub fn get_inner_mut(&mut self) -> &mut T {
        self.async_fd.get_mut()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFdReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyGuard")
            .field("async_fd", &self.async_fd)
            .field("ready", &self.ready)
            .finish()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFdReadyMutGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyMutGuard")
            .field("async_fd", &self.async_fd)
            .field("ready", &self.ready)
            .finish()
    }
}

/// An attempt that would have blocked: wait, and try again.
#[derive(Debug)]
pub struct TryIoError(());

impl fmt::Display for TryIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the attempt would have blocked")
    }
}

impl error::Error for TryIoError {}

fn forget(registration: &dyn Descriptor, ready: Ready, moment: usize) {
    let mut directions = Vec::with_capacity(4);
    for (is_ready, direction) in [
        (ready.is_readable(), Direction::Read),
        (ready.is_writable(), Direction::Write),
        (ready.is_error(), Direction::Error),
        (ready & PRIORITY != Ready::EMPTY, Direction::Priority),
    ] {
        if is_ready {
            directions.push(direction);
        }
    }
    registration.blocked(&directions, moment);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const PRIORITY: Ready = Ready::PRIORITY;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const PRIORITY: Ready = Ready::EMPTY;
