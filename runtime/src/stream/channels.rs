//! Receivers that can be polled, as streams.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Stream;
use crate::sync::mpsc::{Receiver, UnboundedReceiver};

/// The values of a channel. It ends when all senders are gone.
///
/// # Cancel safety
/// Safe: what was not returned is in what is wrapped.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::stream::ReceiverStream;
/// use simoom::sync::mpsc;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (tx, rx) = mpsc::channel(8);
/// for number in 1..=3 {
///     tx.send(number).await.unwrap();
/// }
/// drop(tx);
/// let numbers: Vec<i32> = ReceiverStream::new(rx).collect().await;
/// assert_eq!(numbers, [1, 2, 3]);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct ReceiverStream<T> {
    inner: Receiver<T>,
    /// Where the stream was made, which is what reports show of whoever waits for it.
    site: &'static Location<'static>,
}

impl<T> ReceiverStream<T> {
    /// Wraps it.
    #[track_caller]
    #[must_use]
    pub fn new(inner: Receiver<T>) -> Self {
        Self {
            inner,
            site: Location::caller(),
        }
    }

    /// What is wrapped.
    #[must_use]
    pub fn into_inner(self) -> Receiver<T> {
        self.inner
    }

    /// Lets nothing more be sent. What was sent can still be received.
    pub fn close(&mut self) {
        self.inner.close();
    }
}

impl<T> Stream for ReceiverStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let site = self.site;
        self.inner.poll_recv_at(cx, site)
    }
}

impl<T> AsRef<Receiver<T>> for ReceiverStream<T> {
    fn as_ref(&self) -> &Receiver<T> {
        &self.inner
    }
}

impl<T> AsMut<Receiver<T>> for ReceiverStream<T> {
    fn as_mut(&mut self) -> &mut Receiver<T> {
        &mut self.inner
    }
}

impl<T> From<Receiver<T>> for ReceiverStream<T> {
    #[track_caller]
    fn from(inner: Receiver<T>) -> Self {
        Self::new(inner)
    }
}

/// The values of a channel. It ends when all senders are gone.
///
/// # Cancel safety
/// Safe: what was not returned is in what is wrapped.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::stream::UnboundedReceiverStream;
/// use simoom::sync::mpsc;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (tx, rx) = mpsc::unbounded_channel();
/// for number in 1..=3 {
///     tx.send(number).unwrap();
/// }
/// drop(tx);
/// let numbers: Vec<i32> = UnboundedReceiverStream::new(rx).collect().await;
/// assert_eq!(numbers, [1, 2, 3]);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct UnboundedReceiverStream<T> {
    inner: UnboundedReceiver<T>,
    /// Where the stream was made, which is what reports show of whoever waits for it.
    site: &'static Location<'static>,
}

impl<T> UnboundedReceiverStream<T> {
    /// Wraps it.
    #[track_caller]
    #[must_use]
    pub fn new(inner: UnboundedReceiver<T>) -> Self {
        Self {
            inner,
            site: Location::caller(),
        }
    }

    /// What is wrapped.
    #[must_use]
    pub fn into_inner(self) -> UnboundedReceiver<T> {
        self.inner
    }

    /// Lets nothing more be sent. What was sent can still be received.
    pub fn close(&mut self) {
        self.inner.close();
    }
}

impl<T> Stream for UnboundedReceiverStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let site = self.site;
        self.inner.poll_recv_at(cx, site)
    }
}

impl<T> AsRef<UnboundedReceiver<T>> for UnboundedReceiverStream<T> {
    fn as_ref(&self) -> &UnboundedReceiver<T> {
        &self.inner
    }
}

impl<T> AsMut<UnboundedReceiver<T>> for UnboundedReceiverStream<T> {
    fn as_mut(&mut self) -> &mut UnboundedReceiver<T> {
        &mut self.inner
    }
}

impl<T> From<UnboundedReceiver<T>> for UnboundedReceiverStream<T> {
    #[track_caller]
    fn from(inner: UnboundedReceiver<T>) -> Self {
        Self::new(inner)
    }
}
