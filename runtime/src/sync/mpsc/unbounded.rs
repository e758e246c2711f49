//! The handles of a channel in which any number of values can wait.

use std::fmt;
use std::panic::Location;
use std::task::{Context, Poll};

use super::chan::{CAPACITY_MAX, Chan};
use super::error::{SendError, TryRecvError};
use super::recv::{Recv, RecvMany};
use super::send::Closed;
use crate::block;
use crate::shim::Arc;

/// A channel in which any number of values wait: sending never does.
///
/// A receiver that is slower than its senders fills the memory.
///
/// # Under simulation
/// Receiving is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, mut receiver) = simoom::sync::mpsc::unbounded_channel();
/// for number in 0..5 {
///     sender.send(number).unwrap();
/// }
/// drop(sender);
/// let mut sum = 0;
/// while let Some(number) = receiver.recv().await {
///     sum += number;
/// }
/// assert_eq!(sum, 10);
/// # });
/// ```
#[must_use]
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let chan = Arc::new(Chan::new(CAPACITY_MAX));
    let sender = UnboundedSender { chan: chan.clone() };
    (sender, UnboundedReceiver { chan })
}

/// Sends values into an [`unbounded_channel`]. Clones send into the same one.
///
/// When the last one is dropped, the receiver gets what still waits and then `None`.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = simoom::sync::mpsc::unbounded_channel();
/// sender.send(1).unwrap();
/// assert_eq!(receiver.try_recv(), Ok(1));
/// ```
pub struct UnboundedSender<T> {
    chan: Arc<Chan<T>>,
}

impl<T> UnboundedSender<T> {
    /// Sends `value`.
    ///
    /// # Errors
    /// Gives `value` back if the receiver was closed or dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = simoom::sync::mpsc::unbounded_channel();
    /// sender.send(1).unwrap();
    /// drop(receiver);
    /// assert_eq!(sender.send(2).unwrap_err().0, 2);
    /// ```
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.chan
            .try_send(value)
            .map_err(|error| SendError(error.into_inner()))
    }

    /// Waits until the receiver is closed or dropped.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, receiver) = simoom::sync::mpsc::unbounded_channel::<u8>();
    /// simoom::spawn(async move { drop(receiver) });
    /// sender.closed().await;
    /// # });
    /// ```
    #[track_caller]
    pub fn closed(&self) -> Closed<'_, T> {
        Closed::new(&self.chan, Location::caller())
    }

    /// Whether the receiver was closed or dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.chan.is_closed()
    }

    /// Whether both send into the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chan, &other.chan)
    }

    /// A handle that does not keep the channel open.
    #[must_use = "a weak sender alone does nothing"]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        self.chan.add_weak_sender();
        WeakUnboundedSender {
            chan: self.chan.clone(),
        }
    }

    /// How many senders there are.
    #[must_use]
    pub fn strong_count(&self) -> usize {
        self.chan.senders()
    }

    /// How many weak senders there are.
    #[must_use]
    pub fn weak_count(&self) -> usize {
        self.chan.weak_senders()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        self.chan.add_sender();
        Self {
            chan: self.chan.clone(),
        }
    }
}

impl<T> Drop for UnboundedSender<T> {
    fn drop(&mut self) {
        self.chan.drop_sender();
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender").finish_non_exhaustive()
    }
}

/// A sender that does not keep its channel open.
///
/// # Examples
/// ```
/// let (sender, _receiver) = simoom::sync::mpsc::unbounded_channel::<u8>();
/// let weak = sender.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakUnboundedSender<T> {
    chan: Arc<Chan<T>>,
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, unless the last one is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.chan.upgrade().then(|| UnboundedSender {
            chan: self.chan.clone(),
        })
    }

    /// How many senders there are.
    #[must_use]
    pub fn strong_count(&self) -> usize {
        self.chan.senders()
    }

    /// How many weak senders there are.
    #[must_use]
    pub fn weak_count(&self) -> usize {
        self.chan.weak_senders()
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        self.chan.add_weak_sender();
        Self {
            chan: self.chan.clone(),
        }
    }
}

impl<T> Drop for WeakUnboundedSender<T> {
    fn drop(&mut self) {
        self.chan.drop_weak_sender();
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakUnboundedSender")
            .finish_non_exhaustive()
    }
}

/// Receives the values of an [`unbounded_channel`], in the order in which they were sent.
///
/// Dropping it drops the values that wait, and makes sending fail.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, mut receiver) = simoom::sync::mpsc::unbounded_channel();
/// sender.send(1).unwrap();
/// drop(sender);
/// assert_eq!(receiver.recv().await, Some(1));
/// assert_eq!(receiver.recv().await, None);
/// # });
/// ```
pub struct UnboundedReceiver<T> {
    chan: Arc<Chan<T>>,
}

impl<T> UnboundedReceiver<T> {
    /// Waits for the next value; `None` if none waits and none can come any more.
    ///
    /// # Cancel safety
    /// Safe. A dropped future has taken no value.
    #[track_caller]
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv::new(&self.chan, Location::caller())
    }

    /// Waits for a value and appends it and what else waits to `buffer`, at most `limit` in all.
    ///
    /// Returns how many were appended: 0 if none waits and none can come any more, or if `limit`
    /// is 0.
    ///
    /// # Cancel safety
    /// Safe. A dropped future has taken no value.
    #[track_caller]
    pub fn recv_many<'a>(&'a mut self, buffer: &'a mut Vec<T>, limit: usize) -> RecvMany<'a, T> {
        RecvMany::new(&self.chan, buffer, limit, Location::caller())
    }

    /// As [`recv`](Self::recv), blocking this thread instead of a task.
    ///
    /// For threads that run no tasks, such as those of
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Panics
    /// On a thread that runs tasks.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::mpsc::unbounded_channel();
    /// let received = simoom::task::spawn_blocking(move || receiver.blocking_recv());
    /// sender.send(1).unwrap();
    /// assert_eq!(received.await.unwrap(), Some(1));
    /// # });
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        block::wait("blocking_recv", self.recv())
    }

    /// As [`recv_many`](Self::recv_many), blocking this thread instead of a task.
    ///
    /// # Panics
    /// On a thread that runs tasks.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = simoom::sync::mpsc::unbounded_channel();
    /// sender.send(1).unwrap();
    /// let mut numbers = Vec::new();
    /// assert_eq!(receiver.blocking_recv_many(&mut numbers, 10), 1);
    /// assert_eq!(numbers, [1]);
    /// ```
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        block::wait("blocking_recv_many", self.recv_many(buffer, limit))
    }

    /// The next value, if one waits.
    ///
    /// # Errors
    /// If none waits: [`Empty`](TryRecvError::Empty) while one can still come, else
    /// [`Disconnected`](TryRecvError::Disconnected).
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.chan.try_recv()
    }

    /// `Ready` with the next value or the end, else keeps the waker of the last call.
    #[track_caller]
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv_at(cx, Location::caller())
    }

    pub(crate) fn poll_recv_at(
        &mut self,
        cx: &mut Context<'_>,
        site: &'static Location<'static>,
    ) -> Poll<Option<T>> {
        self.chan.poll_recv(cx, site, false)
    }

    /// As [`recv_many`](Self::recv_many), keeping the waker of the last call while none waits.
    #[track_caller]
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.chan
            .poll_recv_many(cx, buffer, limit, Location::caller(), false)
    }

    /// Makes sending fail from now on; values that wait can still be received.
    pub fn close(&mut self) {
        self.chan.close();
    }

    /// Whether the channel was closed, or no sender is left. Values may still wait.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.chan.is_ended()
    }

    /// Whether no value waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chan.len()
    }

    /// How many senders there are.
    #[must_use]
    pub fn sender_strong_count(&self) -> usize {
        self.chan.senders()
    }

    /// How many weak senders there are.
    #[must_use]
    pub fn sender_weak_count(&self) -> usize {
        self.chan.weak_senders()
    }
}

impl<T> Drop for UnboundedReceiver<T> {
    fn drop(&mut self) {
        self.chan.drop_receiver();
    }
}

impl<T> fmt::Debug for UnboundedReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedReceiver").finish_non_exhaustive()
    }
}
