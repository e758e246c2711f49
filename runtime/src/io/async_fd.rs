//! Waiting for a descriptor that the program brings along.
//!
//! Owns the descriptor together with its registration. Knows nothing of what is attempted on it.

use std::error;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::fd_guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard};
use super::{Interest, Ready};
use crate::backend::{Descriptor, Direction};
use crate::context;
use crate::net::readiness::{READ_WRITE, ReadyFor, meaning, poll_one};

/// A descriptor of the operating system that tasks can wait for.
///
/// For what the runtime has no type of its own: sockets of another family, inotify, a terminal, the
/// descriptor of a library in C. Whatever has a [`RawFd`] may be wrapped, as long as epoll or kqueue
/// can wait for it; set it to non-blocking mode, or an attempt blocks the thread.
///
/// Wait with [`readable`](Self::readable), try, and have the guard forget the readiness if the try
/// would have blocked: [`AsyncFdReadyGuard::try_io`] does both, and [`async_io`](Self::async_io) the
/// loop around it. Dropping this closes the descriptor if dropping the inner value does.
///
/// The descriptor must stay the same, and open, while it is wrapped.
///
/// # Under simulation
/// [`new`](Self::new) is an error: a simulated program has no descriptors.
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
/// use simoom::io::unix::AsyncFd;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (one, mut other) = UnixStream::pair()?;
/// one.set_nonblocking(true)?;
/// let one = AsyncFd::new(one)?;
/// other.write_all(b"hello")?;
/// let mut bytes = [0; 16];
/// let count = loop {
///     let mut guard = one.readable().await?;
///     if let Ok(result) = guard.try_io(|one| one.get_ref().read(&mut bytes)) {
///         break result?;
///     }
/// };
/// assert_eq!(&bytes[..count], b"hello");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct AsyncFd<T: AsRawFd> {
    // Before `inner`: what closes the descriptor.
    registration: Arc<dyn Descriptor>,
    inner: T,
}

impl<T: AsRawFd> AsyncFd<T> {
    /// Wraps `inner`, to wait for reading and for writing.
    ///
    /// # Errors
    /// What the system says: `PermissionDenied` for files and directories, which are always ready,
    /// `AlreadyExists` for a descriptor that is wrapped. `Unsupported` under simulation. The
    /// descriptor is dropped then; [`try_new`](Self::try_new) gives it back.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn new(inner: T) -> io::Result<Self> {
        Ok(Self::try_new(inner)?)
    }

    /// As [`new`](Self::new). All is waited for together; the others than `interest` cost nothing.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn with_interest(inner: T, interest: Interest) -> io::Result<Self> {
        Ok(Self::try_with_interest(inner, interest)?)
    }

    /// As [`new`](Self::new), with an error that has `inner` in it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Examples
    /// ```
    /// use simoom::io::unix::AsyncFd;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let file = std::fs::File::open("/").unwrap();
    /// let (file, error) = AsyncFd::try_new(file).unwrap_err().into_parts();
    /// assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    /// assert!(file.metadata().unwrap().is_dir());
    /// # });
    /// ```
    #[track_caller]
    pub fn try_new(inner: T) -> Result<Self, AsyncFdRegisterError<T>> {
        let descriptor = inner.as_raw_fd();
        let watched = context::with_current(|backend| match backend {
            Some(backend) => backend.watch_descriptor(descriptor),
            None => panic!("an `AsyncFd` was made outside a simoom runtime, which it belongs to"),
        });
        match watched {
            Ok(registration) => Ok(Self {
                registration,
                inner,
            }),
            Err(cause) => Err(AsyncFdRegisterError { inner, cause }),
        }
    }

    /// As [`with_interest`](Self::with_interest), with an error that has `inner` in it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn try_with_interest(
        inner: T,
        interest: Interest,
    ) -> Result<Self, AsyncFdRegisterError<T>> {
        let _ = interest;
        Self::try_new(inner)
    }

    /// What is wrapped.
    #[must_use]
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// What is wrapped. The descriptor must stay the same.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Ends the waiting, and gives back what was wrapped.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// Waits until one of `interest` can be tried. A descriptor about which nothing has happened
    /// since it was last found to block is not ready.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn ready(
        &self,
        interest: Interest,
    ) -> impl Future<Output = io::Result<AsyncFdReadyGuard<'_, T>>> {
        let ready = self.wait(interest, Location::caller());
        async move { Ok(AsyncFdReadyGuard::new(self, ready.await?)) }
    }

    /// As [`ready`](Self::ready), with leave to change what is wrapped.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn ready_mut(
        &mut self,
        interest: Interest,
    ) -> impl Future<Output = io::Result<AsyncFdReadyMutGuard<'_, T>>> {
        let site = Location::caller();
        async move {
            let ready = self.wait(interest, site).await?;
            Ok(AsyncFdReadyMutGuard::new(self, ready))
        }
    }

    /// Waits until it can be read from.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn readable(&self) -> impl Future<Output = io::Result<AsyncFdReadyGuard<'_, T>>> {
        self.ready(Interest::READABLE)
    }

    /// As [`readable`](Self::readable), with leave to change what is wrapped.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn readable_mut(
        &mut self,
    ) -> impl Future<Output = io::Result<AsyncFdReadyMutGuard<'_, T>>> {
        self.ready_mut(Interest::READABLE)
    }

    /// Waits until it can be written to.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn writable(&self) -> impl Future<Output = io::Result<AsyncFdReadyGuard<'_, T>>> {
        self.ready(Interest::WRITABLE)
    }

    /// As [`writable`](Self::writable), with leave to change what is wrapped.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn writable_mut(
        &mut self,
    ) -> impl Future<Output = io::Result<AsyncFdReadyMutGuard<'_, T>>> {
        self.ready_mut(Interest::WRITABLE)
    }

    /// `Ready` when it can be read from, else has the task woken. Of several tasks that poll this
    /// direction, the last one is woken.
    ///
    /// # Errors
    /// When the runtime is gone.
    #[track_caller]
    pub fn poll_read_ready<'a>(
        &'a self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let ready = ready!(self.poll_one(cx, Direction::Read, Location::caller()))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, ready)))
    }

    /// As [`poll_read_ready`](Self::poll_read_ready), with leave to change what is wrapped.
    ///
    /// # Errors
    /// When the runtime is gone.
    #[track_caller]
    pub fn poll_read_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let ready = ready!(self.poll_one(cx, Direction::Read, Location::caller()))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, ready)))
    }

    /// `Ready` when it can be written to, else has the task woken. Of several tasks that poll this
    /// direction, the last one is woken.
    ///
    /// # Errors
    /// When the runtime is gone.
    #[track_caller]
    pub fn poll_write_ready<'a>(
        &'a self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let ready = ready!(self.poll_one(cx, Direction::Write, Location::caller()))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, ready)))
    }

    /// As [`poll_write_ready`](Self::poll_write_ready), with leave to change what is wrapped.
    ///
    /// # Errors
    /// When the runtime is gone.
    #[track_caller]
    pub fn poll_write_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let ready = ready!(self.poll_one(cx, Direction::Write, Location::caller()))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, ready)))
    }

    /// Runs `f`, an attempt, again and again until it does not return `WouldBlock`, waiting for one of
    /// `interest` before each.
    ///
    /// # Errors
    /// What `f` returns; when the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe if `f` is: it is not called after the future was dropped.
    ///
    /// # Examples
    /// ```
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use simoom::io::{Interest, unix::AsyncFd};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (one, mut other) = UnixStream::pair()?;
    /// one.set_nonblocking(true)?;
    /// other.write_all(b"hello")?;
    /// let one = AsyncFd::new(one)?;
    /// let mut bytes = [0; 16];
    /// let count = one.async_io(Interest::READABLE, |mut one| one.read(&mut bytes)).await?;
    /// assert_eq!(&bytes[..count], b"hello");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn async_io<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut(&T) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        let site = Location::caller();
        async move {
            loop {
                let ready = self.wait(interest, site).await?;
                let mut guard = AsyncFdReadyGuard::new(self, ready);
                if let Ok(result) = guard.try_io(|this| f(&this.inner)) {
                    return result;
                }
            }
        }
    }

    /// As [`async_io`](Self::async_io), with leave to change what is wrapped.
    ///
    /// # Errors
    /// What `f` returns; when the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe if `f` is: it is not called after the future was dropped.
    #[track_caller]
    pub fn async_io_mut<R>(
        &mut self,
        interest: Interest,
        mut f: impl FnMut(&mut T) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        let site = Location::caller();
        async move {
            loop {
                let ready = self.wait(interest, site).await?;
                let mut guard = AsyncFdReadyMutGuard::new(self, ready);
                if let Ok(result) = guard.try_io(|this| f(&mut this.inner)) {
                    return result;
                }
            }
        }
    }

    /// Runs `f`, an attempt, if one of `interest` may be tried. A `WouldBlock` of `f` says that it may
    /// not until something has happened.
    ///
    /// # Errors
    /// `WouldBlock` without running `f` if it is known to block; what `f` returns.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        attempt(&*self.registration, interest, || f(&self.inner))
    }

    /// As [`try_io`](Self::try_io), with leave to change what is wrapped.
    ///
    /// # Errors
    /// As [`try_io`](Self::try_io).
    pub fn try_io_mut<R>(
        &mut self,
        interest: Interest,
        f: impl FnOnce(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        attempt(&*self.registration, interest, || f(&mut self.inner))
    }

    pub(super) fn registration(&self) -> &dyn Descriptor {
        &*self.registration
    }

    fn wait(&self, interest: Interest, site: &'static Location<'static>) -> ReadyFor<'_> {
        ReadyFor::new(&*self.registration, interest, READ_WRITE, site)
    }

    fn poll_one(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<Ready>> {
        let polled = &*self.registration;
        ready!(poll_one(polled, cx, direction, READ_WRITE, site))?;
        Poll::Ready(Ok(meaning(direction, polled)))
    }
}

fn attempt<R>(
    registration: &dyn Descriptor,
    interest: Interest,
    f: impl FnOnce() -> io::Result<R>,
) -> io::Result<R> {
    crate::net::try_io(registration, interest, f)
}

impl<T: AsRawFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl<T: AsRawFd + AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd")
            .field("inner", &self.inner)
            .finish()
    }
}

/// Why a descriptor cannot be waited for, with the value that was to be wrapped.
pub struct AsyncFdRegisterError<T> {
    inner: T,
    cause: io::Error,
}

impl<T> AsyncFdRegisterError<T> {
    /// What was to be wrapped, and why it could not.
    #[must_use]
    pub fn into_parts(self) -> (T, io::Error) {
        (self.inner, self.cause)
    }
}

impl<T> fmt::Display for AsyncFdRegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the descriptor cannot be waited for: {}", self.cause)
    }
}

impl<T> fmt::Debug for AsyncFdRegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdRegisterError")
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl<T> error::Error for AsyncFdRegisterError<T> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl<T> From<AsyncFdRegisterError<T>> for io::Error {
    fn from(error: AsyncFdRegisterError<T>) -> Self {
        error.cause
    }
}
