//! The stream below a connection, which says when bytes move.
//!
//! Owns what counts as moving. Knows nothing of what it is good for.

use std::io;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, ready};

use super::requests::Requests;
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that notes the bytes which it reads and writes.
#[derive(Debug)]
pub(super) struct Noted<T> {
    inner: T,
    /// Gone when nobody watches any more, as after an upgrade.
    requests: Weak<Requests>,
}

impl<T> Noted<T> {
    pub(super) fn new(inner: T, requests: Weak<Requests>) -> Self {
        Self { inner, requests }
    }

    fn wrote(&self, count: usize) {
        if count > 0
            && let Some(requests) = self.requests.upgrade()
        {
            requests.wrote();
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Noted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if buf.filled().len() > before
            && let Some(requests) = self.requests.upgrade()
        {
            requests.read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Noted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.wrote(count);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, parts))?;
        self.wrote(count);
        Poll::Ready(Ok(count))
    }
}
