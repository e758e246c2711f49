//! The two directions of a Unix stream, apart.
//!
//! Owns who may do what with a direction. Knows nothing of how a direction is served.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;

use super::addr::SocketAddr;
use super::ready::{Readable, ReadyFor, Writable};
use super::stream::UnixStream;
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
use crate::net::Interest;

/// The reading direction of a borrowed [`UnixStream`]; see [`UnixStream::split`].
///
/// # Examples
/// ```
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::UnixStream;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (mut client, mut server) = UnixStream::pair().unwrap();
/// let (mut reader, mut writer) = client.split();
/// server.write_all(b"hi").await.unwrap();
/// let mut bytes = [0; 2];
/// reader.read_exact(&mut bytes).await.unwrap();
/// writer.write_all(&bytes).await.unwrap();
/// # });
/// ```
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a UnixStream);

/// The writing direction of a borrowed [`UnixStream`]; see [`UnixStream::split`].
///
/// Dropping it does nothing.
///
/// # Examples
/// See [`ReadHalf`].
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a UnixStream);

/// The reading direction of a [`UnixStream`]; see [`UnixStream::into_split`].
///
/// # Examples
/// ```
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::UnixStream;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (client, server) = UnixStream::pair().unwrap();
/// let (mut reader, writer) = client.into_split();
/// let (_, mut answers) = server.into_split();
/// answers.write_all(b"hi").await.unwrap();
/// drop(answers);
/// let mut text = String::new();
/// reader.read_to_string(&mut text).await.unwrap();
/// assert_eq!(text, "hi");
/// let _client = reader.reunite(writer).unwrap();
/// # });
/// ```
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<UnixStream>);

/// The writing direction of a [`UnixStream`]; see [`UnixStream::into_split`].
///
/// Dropping it ends the sent stream, as [`shutdown`](crate::io::AsyncWriteExt::shutdown) does,
/// unless it was [forgotten](Self::forget).
///
/// # Examples
/// See [`OwnedReadHalf`].
#[derive(Debug)]
pub struct OwnedWriteHalf(Ending);

pub(super) fn split(stream: &mut UnixStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

pub(super) fn split_owned(stream: UnixStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    let ending = Ending {
        stream: stream.clone(),
        ends: true,
    };
    (OwnedReadHalf(stream), OwnedWriteHalf(ending))
}

/// What both kinds of reading half can do.
macro_rules! reading {
    ($half:ty) => {
        impl $half {
            /// See [`UnixStream::readable`].
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// Safe.
            #[track_caller]
            pub fn readable(&self) -> Readable<'_> {
                self.0.readable()
            }

            /// See [`UnixStream::try_read`].
            ///
            /// # Errors
            /// As there.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.try_read(buf)
            }

            /// See [`UnixStream::try_read_vectored`].
            ///
            /// # Errors
            /// As there.
            pub fn try_read_vectored(&self, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
                self.0.try_read_vectored(bufs)
            }

            /// See [`UnixStream::try_read_buf`].
            ///
            /// # Errors
            /// As there.
            pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
                self.0.try_read_buf(buf)
            }
        }

        impl AsyncRead for $half {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.0.poll_read_at(cx, buf)
            }
        }
    };
}

/// What both kinds of writing half can do.
macro_rules! writing {
    ($half:ty) => {
        impl $half {
            /// See [`UnixStream::writable`].
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// Safe.
            #[track_caller]
            pub fn writable(&self) -> Writable<'_> {
                self.0.writable()
            }

            /// See [`UnixStream::try_write`].
            ///
            /// # Errors
            /// As there.
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.0.try_write(bytes)
            }

            /// See [`UnixStream::try_write_vectored`].
            ///
            /// # Errors
            /// As there.
            pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
                self.0.try_write_vectored(parts)
            }
        }

        impl AsyncWrite for $half {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_write_at(cx, &[IoSlice::new(bytes)])
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                parts: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_write_at(cx, parts)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.0.poll_shutdown_at(cx)
            }
        }
    };
}

/// What all halves can do.
macro_rules! either {
    ($half:ty) => {
        impl $half {
            /// See [`UnixStream::ready`].
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// Safe.
            #[track_caller]
            pub fn ready(&self, interest: Interest) -> ReadyFor<'_> {
                self.0.ready(interest)
            }

            /// See [`UnixStream::local_addr`].
            ///
            /// # Errors
            /// As there.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.0.local_addr()
            }

            /// See [`UnixStream::peer_addr`].
            ///
            /// # Errors
            /// As there.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.0.peer_addr()
            }
        }

        impl AsRef<UnixStream> for $half {
            fn as_ref(&self) -> &UnixStream {
                &self.0
            }
        }
    };
}

reading!(ReadHalf<'_>);
reading!(OwnedReadHalf);
writing!(WriteHalf<'_>);
writing!(OwnedWriteHalf);
either!(ReadHalf<'_>);
either!(WriteHalf<'_>);
either!(OwnedReadHalf);
either!(OwnedWriteHalf);

impl OwnedReadHalf {
    /// Makes the stream whole again. It goes on as if it had never been split.
    ///
    /// # Errors
    /// When the halves are of two streams: both are given back.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<UnixStream, ReuniteError> {
        reunite(self, other)
    }
}

impl OwnedWriteHalf {
    /// Makes the stream whole again. It goes on as if it had never been split.
    ///
    /// # Errors
    /// When the halves are of two streams: both are given back.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<UnixStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops the half without ending the sent stream.
    pub fn forget(mut self) {
        self.0.ends = false;
    }
}

/// A stream whose sending direction ends with this, unless told otherwise.
#[derive(Debug)]
struct Ending {
    stream: Arc<UnixStream>,
    ends: bool,
}

impl Deref for Ending {
    type Target = UnixStream;

    fn deref(&self) -> &UnixStream {
        &self.stream
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.ends {
            // Nobody is left who could be told of an error.
            let _ = self.stream.end_sending();
        }
    }
}

fn reunite(read: OwnedReadHalf, write: OwnedWriteHalf) -> Result<UnixStream, ReuniteError> {
    if !Arc::ptr_eq(&read.0, &write.0.stream) {
        return Err(ReuniteError(read, write));
    }
    write.forget();
    let stream = Arc::into_inner(read.0);
    Ok(stream.expect("a stream has two halves"))
}

/// The halves are of two streams. Holds both.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of two streams")
    }
}

impl Error for ReuniteError {}
