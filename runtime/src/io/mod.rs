//! Traits and helpers for reading and writing, and what of the process is read and written.
//!
//! simoom's streams implement [`AsyncRead`] and [`AsyncWrite`], so that every codec, buffer and
//! adapter written for these traits works on them. These, and all else here that needs no runtime,
//! are tokio's own.

mod async_fd;
mod fd_guard;
mod stdio;

// One by one: with more of tokio's features on, as another crate of a program may ask for, there is
// more in its module, which would need tokio's runtime.
pub use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader, BufStream, BufWriter, Chain, DuplexStream, Empty, Error, ErrorKind,
    Join, Lines, ReadBuf, ReadHalf, Repeat, Result, SeekFrom, SimplexStream, Sink, Split, Take,
    WriteHalf, copy, copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, empty,
    join, repeat, simplex, sink, split,
};

pub use self::stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
#[doc(inline)]
pub use crate::net::{Interest, Ready};

/// Descriptors of the operating system that can be waited for.
pub mod unix {
    pub use super::async_fd::{AsyncFd, AsyncFdRegisterError};
    pub use super::fd_guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard, TryIoError};
}
