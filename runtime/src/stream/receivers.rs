//! Receivers that lend themselves to the operation that waits, as streams.
//!
//! Owns the way of a receiver into the operation and back. One allocation is made for each item.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Stream;
use crate::sync::{broadcast, watch};

/// An operation that owns its receiver.
type Lent<R, O> = Pin<Box<dyn Future<Output = (R, O)> + Send + Sync>>;

/// The values of a broadcast channel, and how many were missed. It ends when all senders are gone.
///
/// # Cancel safety
/// Safe: what was not returned is returned by the next poll.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::stream::{BroadcastStream, BroadcastStreamRecvError};
/// use simoom::sync::broadcast;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (tx, rx) = broadcast::channel(2);
/// for number in 1..=3 {
///     tx.send(number).unwrap();
/// }
/// drop(tx);
/// let seen: Vec<_> = BroadcastStream::new(rx).collect().await;
/// assert_eq!(seen, [Err(BroadcastStreamRecvError::Lagged(1)), Ok(2), Ok(3)]);
/// # });
/// ```
pub struct BroadcastStream<T> {
    next: Lent<broadcast::Receiver<T>, Result<T, broadcast::error::RecvError>>,
    /// Where the stream was made, which is what reports show of whoever waits for it.
    site: &'static Location<'static>,
}

/// Why a [`BroadcastStream`] has an item that is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BroadcastStreamRecvError {
    /// So many values were overwritten before they were received.
    Lagged(u64),
}

impl fmt::Display for BroadcastStreamRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Lagged(count) = self;
        write!(
            f,
            "{count} values were overwritten before they were received"
        )
    }
}

impl Error for BroadcastStreamRecvError {}

impl<T: Clone + Send + 'static> BroadcastStream<T> {
    /// Wraps it.
    #[track_caller]
    #[must_use]
    pub fn new(inner: broadcast::Receiver<T>) -> Self {
        let site = Location::caller();
        Self {
            next: received(inner, site),
            site,
        }
    }
}

fn received<T: Clone + Send + 'static>(
    mut receiver: broadcast::Receiver<T>,
    site: &'static Location<'static>,
) -> Lent<broadcast::Receiver<T>, Result<T, broadcast::error::RecvError>> {
    Box::pin(async move {
        let next = receiver.recv_at(site).await;
        (receiver, next)
    })
}

impl<T: Clone + Send + 'static> Stream for BroadcastStream<T> {
    type Item = Result<T, BroadcastStreamRecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (receiver, next) = ready!(self.next.as_mut().poll(cx));
        self.next = received(receiver, self.site);
        Poll::Ready(match next {
            Ok(value) => Some(Ok(value)),
            Err(broadcast::error::RecvError::Lagged(count)) => {
                Some(Err(BroadcastStreamRecvError::Lagged(count)))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        })
    }
}

impl<T: Clone + Send + 'static> From<broadcast::Receiver<T>> for BroadcastStream<T> {
    #[track_caller]
    fn from(inner: broadcast::Receiver<T>) -> Self {
        Self::new(inner)
    }
}

impl<T> fmt::Debug for BroadcastStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastStream").finish_non_exhaustive()
    }
}

/// The values of a watch channel: the one that it has now, and each that is there after a change. It
/// ends when the sender is gone.
///
/// # Cancel safety
/// Safe: what was not returned is returned by the next poll.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::stream::WatchStream;
/// use simoom::sync::watch;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (tx, rx) = watch::channel("starting");
/// let mut states = WatchStream::new(rx);
/// assert_eq!(states.next().await, Some("starting"));
/// tx.send("ready").unwrap();
/// assert_eq!(states.next().await, Some("ready"));
/// drop(tx);
/// assert_eq!(states.next().await, None);
/// # });
/// ```
pub struct WatchStream<T> {
    next: Lent<watch::Receiver<T>, Result<(), watch::error::RecvError>>,
    /// Where the stream was made, which is what reports show of whoever waits for it.
    site: &'static Location<'static>,
}

impl<T: Clone + Send + Sync + 'static> WatchStream<T> {
    /// The value that is there now, and then the changes.
    #[track_caller]
    #[must_use]
    pub fn new(inner: watch::Receiver<T>) -> Self {
        Self {
            next: Box::pin(async move { (inner, Ok(())) }),
            site: Location::caller(),
        }
    }

    /// The changes alone.
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt;
    /// use simoom::stream::WatchStream;
    /// use simoom::sync::watch;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (tx, rx) = watch::channel(0);
    /// let mut changes = WatchStream::from_changes(rx);
    /// tx.send(1).unwrap();
    /// assert_eq!(changes.next().await, Some(1));
    /// # });
    /// ```
    #[track_caller]
    #[must_use]
    pub fn from_changes(inner: watch::Receiver<T>) -> Self {
        let site = Location::caller();
        Self {
            next: changed(inner, site),
            site,
        }
    }
}

fn changed<T: Clone + Send + Sync + 'static>(
    mut receiver: watch::Receiver<T>,
    site: &'static Location<'static>,
) -> Lent<watch::Receiver<T>, Result<(), watch::error::RecvError>> {
    Box::pin(async move {
        let next = receiver.changed_at(site).await;
        (receiver, next)
    })
}

impl<T: Clone + Send + Sync + 'static> Stream for WatchStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let (mut receiver, next) = ready!(self.next.as_mut().poll(cx));
        let value = next.ok().map(|()| receiver.borrow_and_update().clone());
        self.next = changed(receiver, self.site);
        Poll::Ready(value)
    }
}

impl<T: Clone + Send + Sync + 'static> From<watch::Receiver<T>> for WatchStream<T> {
    #[track_caller]
    fn from(inner: watch::Receiver<T>) -> Self {
        Self::new(inner)
    }
}

impl<T> fmt::Debug for WatchStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchStream").finish_non_exhaustive()
    }
}
