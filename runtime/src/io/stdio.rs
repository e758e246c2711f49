//! What the process reads and writes from its start.
//!
//! Owns the handles. How their operations are carried out is the world's matter, and what is under
//! way on them that of files.

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{AsyncRead, AsyncWrite, ReadBuf};
use crate::backend::Standard;
use crate::context;
use crate::fs::File;

fn open(which: Standard, name: &str, site: &'static Location<'static>) -> File {
    let file = context::with_current(|backend| match backend {
        Some(backend) => backend.standard(which),
        None => panic!("`io::{name}` was called outside a simoom runtime, whose threads it uses"),
    });
    File::of(file, site)
}

/// A handle to the standard input of this process.
///
/// It is read by a thread that may block, through the buffer of [`std::io::stdin`].
/// For a person at a terminal, a thread of your own that reads lines and sends them into a channel is
/// often better: a read that was started cannot be taken back, so the runtime waits for it when it is
/// dropped, until something is typed ([`Runtime::shutdown_background`] does not), and a read that
/// was dropped may have taken what the next handle would have read.
///
/// [`Runtime::shutdown_background`]: crate::runtime::Runtime::shutdown_background
///
/// # Panics
/// Outside a runtime.
///
/// # Under simulation
/// There is no input: it is at its end.
///
/// # Examples
/// ```no_run
/// use simoom::io::{AsyncBufReadExt, BufReader};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut lines = BufReader::new(simoom::io::stdin()).lines();
/// while let Some(line) = lines.next_line().await? {
///     println!("{line}");
/// }
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
#[must_use]
pub fn stdin() -> Stdin {
    Stdin {
        file: open(Standard::Input, "stdin", Location::caller()),
        std: io::stdin(),
    }
}

/// A handle to the standard output of this process.
///
/// It is written by a thread that may block, through the lock and the buffer of
/// [`std::io::stdout`], which is flushed each time. A write has taken the bytes when it is over;
/// [`flush`](super::AsyncWriteExt::flush) waits until they are written, and tells if that failed. What
/// was not flushed when the process ends may be lost. Of two handles that are written at a time,
/// neither is first.
///
/// # Panics
/// Outside a runtime.
///
/// # Under simulation
/// What is written is printed at once, and never fails.
///
/// # Examples
/// ```
/// use simoom::io::AsyncWriteExt;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut out = simoom::io::stdout();
/// out.write_all(b"hello\n").await?;
/// out.flush().await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
#[must_use]
pub fn stdout() -> Stdout {
    Stdout {
        file: open(Standard::Output, "stdout", Location::caller()),
        std: io::stdout(),
    }
}

/// A handle to the standard error output of this process: as [`stdout`].
///
/// # Panics
/// Outside a runtime.
///
/// # Under simulation
/// As [`stdout`].
///
/// # Examples
/// ```
/// use simoom::io::AsyncWriteExt;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut complaints = simoom::io::stderr();
/// complaints.write_all(b"nothing to complain about\n").await?;
/// complaints.flush().await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
#[must_use]
pub fn stderr() -> Stderr {
    Stderr {
        file: open(Standard::Error, "stderr", Location::caller()),
        std: io::stderr(),
    }
}

/// The standard input of this process: see [`stdin`].
pub struct Stdin {
    file: File,
    std: io::Stdin,
}

/// The standard output of this process: see [`stdout`].
pub struct Stdout {
    file: File,
    std: io::Stdout,
}

/// The standard error output of this process: see [`stderr`].
pub struct Stderr {
    file: File,
    std: io::Stderr,
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_read(cx, buf)
    }
}

macro_rules! written {
    ($($type:ident)+) => {$(
        impl AsyncWrite for $type {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.file).poll_write(cx, bytes)
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.file).poll_flush(cx)
            }

            /// Flushes. The process keeps what it writes to.
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_flush(cx)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                parts: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.file).poll_write_vectored(cx, parts)
            }

            fn is_write_vectored(&self) -> bool {
                self.file.is_write_vectored()
            }
        }
    )+};
}

macro_rules! standard {
    ($($type:ident)+) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                self.std.as_raw_fd()
            }
        }

        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.std.as_fd()
            }
        }
    )+};
}

written!(Stdout Stderr);
standard!(Stdin Stdout Stderr);
