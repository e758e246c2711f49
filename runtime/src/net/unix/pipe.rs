//! Pipes: bytes in one direction, between two tasks or two processes.
//!
//! Owns what a user does with an end of a pipe. Knows nothing of where pipes come from.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::backend::{PipeAccess, PipeReceiver, PipeSender, Polled};
use crate::io::ReadBuf;
use crate::net::Interest;
use crate::net::attempt::{self, poll_read, poll_shutdown, poll_write, poll_write_vectored};
use crate::net::byte_stream::{async_read, async_write, tries_to_read, tries_to_write};
use crate::net::handle::as_fd;
use crate::net::lookup::in_current;
use crate::net::readiness::{waits, waits_to_read, waits_to_write};

pub use crate::net::readiness::{Readable, ReadyFor, Writable};

/// A new pipe without a name: what is written to the sender is read from the receiver.
///
/// # Errors
/// When the process has no descriptors left; outside a runtime.
///
/// # Examples
/// ```
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::unix::pipe;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (mut sender, mut receiver) = pipe::pipe().unwrap();
/// sender.write_all(b"hello").await.unwrap();
/// drop(sender);
/// let mut text = String::new();
/// receiver.read_to_string(&mut text).await.unwrap();
/// assert_eq!(text, "hello");
/// # });
/// ```
#[track_caller]
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let site = Location::caller();
    let (sender, receiver) = in_current(|backend| backend.pipe())?;
    Ok((sender_of(sender, site), receiver_of(receiver, site)))
}

/// What a user holds of the writing end of a pipe that was made at `site`.
pub(crate) fn sender_of(stream: Arc<dyn PipeSender>, site: &'static Location<'static>) -> Sender {
    Sender { stream, site }
}

/// What a user holds of the reading end of a pipe that was made at `site`.
pub(crate) fn receiver_of(
    stream: Arc<dyn PipeReceiver>,
    site: &'static Location<'static>,
) -> Receiver {
    Receiver { stream, site }
}

/// How to open a pipe that has a name (a FIFO: see `fifo(7)`).
///
/// # Under simulation
/// Opening is an error: pipes with names are not simulated.
///
/// # Examples
/// ```no_run
/// use simoom::net::unix::pipe;
///
/// # async fn open() -> std::io::Result<()> {
/// let receiver = pipe::OpenOptions::new().open_receiver("/run/orders")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    read_write: bool,
    unchecked: bool,
}

impl OpenOptions {
    /// To read or to write, and only what is a pipe.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether it is opened to read and to write, whichever end is asked for. Off by default.
    ///
    /// A receiver that could write too sees no end when the last sender is gone; a sender that
    /// could read too can be opened before any receiver.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn read_write(&mut self, value: bool) -> &mut Self {
        self.read_write = value;
        self
    }

    /// Sets whether anything is taken for a pipe. Off by default: what is none is an error.
    pub fn unchecked(&mut self, value: bool) -> &mut Self {
        self.unchecked = value;
        self
    }

    /// Opens the reading end. That needs no sender: reading waits for the first one, and is at its
    /// end when the last one is gone.
    ///
    /// # Errors
    /// `InvalidInput` if it is no pipe; those of the operating system; outside a runtime. `EPERM` if
    /// it was taken for one unchecked and cannot be waited for, as a regular file.
    ///
    /// # Under simulation
    /// `Unsupported`.
    #[track_caller]
    pub fn open_receiver<P: AsRef<Path>>(&self, path: P) -> io::Result<Receiver> {
        let end = self.open(path.as_ref(), fs::OpenOptions::new().read(true))?;
        Receiver::from_owned_fd_unchecked(end)
    }

    /// Opens the writing end, which needs a receiver.
    ///
    /// # Errors
    /// `ENXIO` if nobody has it open to read; `InvalidInput` if it is no pipe; those of the
    /// operating system; outside a runtime.
    ///
    /// # Under simulation
    /// `Unsupported`.
    #[track_caller]
    pub fn open_sender<P: AsRef<Path>>(&self, path: P) -> io::Result<Sender> {
        let end = self.open(path.as_ref(), fs::OpenOptions::new().write(true))?;
        Sender::from_owned_fd_unchecked(end)
    }

    fn open(&self, path: &Path, options: &mut fs::OpenOptions) -> io::Result<OwnedFd> {
        options.custom_flags(libc::O_NONBLOCK);
        if self.read_write {
            options.read(true).write(true);
        }
        in_current(|backend| backend.open_pipe(path, options, self.unchecked))
    }
}

/// The writing end of a pipe. Dropping it closes it.
///
/// Up to `PIPE_BUF` bytes (4096 on Linux) are written all or not at all. A pipe takes 16 pages on
/// Linux.
///
/// # Examples
/// See [`pipe`].
pub struct Sender {
    stream: Arc<dyn PipeSender>,
    /// Where it was made: what reports name when no line of the user's is known.
    site: &'static Location<'static>,
}

/// The reading end of a pipe. Dropping it closes it.
///
/// # Examples
/// See [`pipe`].
pub struct Receiver {
    stream: Arc<dyn PipeReceiver>,
    /// Where it was made: what reports name when no line of the user's is known.
    site: &'static Location<'static>,
}

/// Where an end comes from, and where it goes.
macro_rules! end {
    ($end:ident, $adopt:ident, $access:ident, $interest:ident) => {
        impl $end {
            /// Takes over an end of a pipe, and puts it into non-blocking mode.
            ///
            /// # Errors
            /// `InvalidInput` if it is no pipe, or not open for this; those of the operating system;
            /// outside a runtime.
            ///
            /// # Under simulation
            /// An error: a simulated world takes no real pipes.
            #[track_caller]
            pub fn from_file(file: File) -> io::Result<Self> {
                Self::from_owned_fd(file.into())
            }

            /// As [`from_file`](Self::from_file).
            ///
            /// # Errors
            /// As there.
            ///
            /// # Under simulation
            /// As there.
            #[track_caller]
            pub fn from_owned_fd(end: OwnedFd) -> io::Result<Self> {
                let access = PipeAccess::$access;
                let end = in_current(|backend| backend.check_pipe(end, access))?;
                Self::from_owned_fd_unchecked(end)
            }

            /// Takes over whatever it is, which must be in non-blocking mode: otherwise using it
            /// stops the whole thread.
            ///
            /// # Errors
            /// Outside a runtime; for a receiver `EPERM` if it cannot be waited for, as a regular
            /// file. A sender fails so when it would have to wait.
            ///
            /// # Under simulation
            /// An error: a simulated world takes no real pipes.
            #[track_caller]
            pub fn from_file_unchecked(file: File) -> io::Result<Self> {
                Self::from_owned_fd_unchecked(file.into())
            }

            /// As [`from_file_unchecked`](Self::from_file_unchecked).
            ///
            /// # Errors
            /// As there.
            ///
            /// # Under simulation
            /// As there.
            #[track_caller]
            pub fn from_owned_fd_unchecked(end: OwnedFd) -> io::Result<Self> {
                let site = Location::caller();
                let stream = in_current(|backend| backend.$adopt(end))?;
                Ok(Self { stream, site })
            }

            /// Gives the end away, in blocking mode.
            ///
            /// # Errors
            /// When the process has no descriptors left.
            ///
            /// # Under simulation
            /// An error: there is no real pipe.
            pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
                self.stream.to_fd(true)
            }

            /// Gives the end away, in non-blocking mode.
            ///
            /// # Errors
            /// When the process has no descriptors left.
            ///
            /// # Under simulation
            /// An error: there is no real pipe.
            pub fn into_nonblocking_fd(self) -> io::Result<OwnedFd> {
                self.stream.to_fd(false)
            }

            /// Runs `f`, an attempt on this end by other means, if it may be tried.
            ///
            /// A `WouldBlock` of `f` says that it may not until something has changed.
            ///
            /// # Errors
            /// `WouldBlock` without running `f` if it is known to block; what `f` returns.
            pub fn try_io<R>(&self, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
                attempt::try_io(self.polled(), Interest::$interest, f)
            }

            waits!(READ_WRITE);

            fn polled(&self) -> &dyn Polled {
                &*self.stream
            }
        }

        as_fd!($end, stream);

        impl fmt::Debug for $end {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($end)).finish_non_exhaustive()
            }
        }
    };
}

end!(Sender, adopt_pipe_sender, Write, WRITABLE);
end!(Receiver, adopt_pipe_receiver, Read, READABLE);

impl Sender {
    waits_to_write!(READ_WRITE, poll_write_ready, "try_write", "writing");
    tries_to_write!("`BrokenPipe` if the receiver is gone.");

    pub(crate) fn poll_write_at(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        poll_write(&*self.stream, cx, bytes, self.site)
    }

    pub(crate) fn poll_write_vectored_at(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_write_vectored(&*self.stream, cx, parts, self.site)
    }

    /// The end of what is sent is the end of the sender: until then nothing is told.
    pub(crate) fn poll_shutdown_at(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_shutdown(&*self.stream, cx, self.site, || Ok(()))
    }
}

async_write!(Sender);

impl Receiver {
    waits_to_read!(READ_WRITE, poll_read_ready, "try_read", "reading");
    tries_to_read!();

    pub(crate) fn poll_read_at(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_read(&*self.stream, cx, buf, self.site)
    }
}

async_read!(Receiver);
