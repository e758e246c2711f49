//! Streams as hyper reads and writes them, and the other way round.
//!
//! This file holds `unsafe`: buffers that are not initialised.

#![expect(unsafe_code, reason = "buffers that are not initialised")]

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt;
use pin_project_lite::pin_project;

use crate::io::{AsyncRead, AsyncWrite, ReadBuf};

pin_project! {
    /// A stream that hyper can use, made of one of [`AsyncRead`] and [`AsyncWrite`]; or one of
    /// those, made of a stream of hyper, as an upgraded connection is one.
    ///
    /// # Cancel safety
    /// That of the stream within.
    ///
    /// # Examples
    /// ```
    /// use simoom::http::Io;
    /// use simoom::net::UnixStream;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (stream, _peer) = UnixStream::pair().unwrap();
    /// let io = Io::new(stream);
    /// fn is_for_hyper(_: &(impl hyper::rt::Read + hyper::rt::Write)) {}
    /// is_for_hyper(&io);
    /// let _stream = io.into_inner();
    /// # });
    /// ```
    #[derive(Clone, Copy, Debug)]
    pub struct Io<T> {
        #[pin]
        inner: T,
    }
}

impl<T> Io<T> {
    /// Wraps a stream.
    pub fn new(inner: T) -> Self {
        Self { inner }
    }

    /// The stream within.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// The stream within.
    pub fn inner_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Gives the stream back.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: AsyncRead> rt::Read for Io<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: the slice goes into a `ReadBuf`, through which initialised bytes are written
        // alone.
        let room = unsafe { buf.as_mut() };
        let start = room.as_ptr();
        let mut part = ReadBuf::uninit(room);
        ready!(self.project().inner.poll_read(cx, &mut part))?;
        assert!(
            std::ptr::eq(part.filled().as_ptr(), start.cast()),
            "the buffer that was filled is the one that was given"
        );
        let filled = part.filled().len();
        // SAFETY: the part starts where the unfilled room does, and its first `filled` bytes are
        // initialised.
        unsafe { buf.advance(filled) };
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite> rt::Write for Io<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, parts)
    }
}

impl<T: rt::Read> AsyncRead for Io<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: the slice goes into a buffer of hyper, through which initialised bytes are
        // written alone.
        let room = unsafe { buf.unfilled_mut() };
        let mut part = rt::ReadBuf::uninit(room);
        ready!(self.project().inner.poll_read(cx, part.unfilled()))?;
        let filled = part.filled().len();
        // SAFETY: hyper's buffer is the unfilled room, and counts initialised bytes as filled
        // alone.
        unsafe { buf.assume_init(filled) };
        buf.advance(filled);
        Poll::Ready(Ok(()))
    }
}

impl<T: rt::Write> AsyncWrite for Io<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, parts)
    }
}
