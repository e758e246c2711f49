//! The handles of a channel with a bounded number of slots.

use std::fmt;
use std::panic::Location;
use std::task::{Context, Poll};
use std::time::Duration;

use super::chan::{CAPACITY_MAX, Chan};
use super::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
use super::permit::{OwnedPermit, Permit, PermitIterator};
use super::recv::{Recv, RecvMany};
use super::send::{Closed, Reserve, ReserveMany, ReserveOwned, Send};
use crate::block;
use crate::shim::Arc;
use crate::time::timeout;

/// A channel in which at most `buffer` values wait; sending another waits for a slot.
///
/// Senders get slots in the order in which they first waited for one.
///
/// # Panics
/// If `buffer` is 0, or above `usize::MAX >> 3`.
///
/// # Under simulation
/// Sending and receiving are points where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, mut receiver) = simoom::sync::mpsc::channel(2);
/// simoom::spawn(async move {
///     for number in 0..5 {
///         sender.send(number).await.unwrap();
///     }
/// });
/// let mut sum = 0;
/// while let Some(number) = receiver.recv().await {
///     sum += number;
/// }
/// assert_eq!(sum, 10);
/// # });
/// ```
#[track_caller]
#[must_use]
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    assert!(buffer > 0, "a channel needs at least one slot");
    assert!(
        buffer <= CAPACITY_MAX,
        "a channel has at most `usize::MAX >> 3` slots"
    );
    let chan = Arc::new(Chan::new(buffer));
    let sender = Sender { chan: chan.clone() };
    (sender, Receiver { chan })
}

/// Sends values into a [`channel`]. Clones send into the same one.
///
/// When the last one is dropped, the receiver gets what still waits and then `None`.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
/// sender.send("hello").await.unwrap();
/// drop(sender);
/// assert_eq!(receiver.recv().await, Some("hello"));
/// assert_eq!(receiver.recv().await, None);
/// # });
/// ```
pub struct Sender<T> {
    pub(super) chan: Arc<Chan<T>>,
}

impl<T> Sender<T> {
    /// Sends `value`, waiting for a slot if none is free.
    ///
    /// # Errors
    /// Gives `value` back if the receiver was closed or dropped, also while waiting.
    ///
    /// # Panics
    /// If polled again after it returned.
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing: the value is dropped with it. It loses its place in the
    /// line; a slot that it was already given goes to the next. To keep the value, wait with
    /// [`reserve`](Self::reserve).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, receiver) = simoom::sync::mpsc::channel(1);
    /// sender.send(1).await.unwrap();
    /// drop(receiver);
    /// assert_eq!(sender.send(2).await.unwrap_err().0, 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn send(&self, value: T) -> Send<'_, T> {
        Send::new(&self.chan, value, Location::caller())
    }

    /// As [`send`](Self::send), blocking this thread instead of a task.
    ///
    /// For threads that run no tasks, such as those of
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    ///
    /// # Panics
    /// On a thread that runs tasks.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
    /// simoom::task::spawn_blocking(move || {
    ///     for number in 0..3 {
    ///         sender.blocking_send(number).unwrap();
    ///     }
    /// });
    /// let mut sum = 0;
    /// while let Some(number) = receiver.recv().await {
    ///     sum += number;
    /// }
    /// assert_eq!(sum, 3);
    /// # });
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        block::wait("blocking_send", self.send(value))
    }

    /// Sends `value` if a slot is free.
    ///
    /// # Errors
    /// Gives `value` back if no slot is free, or the receiver was closed or dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = simoom::sync::mpsc::channel(1);
    /// assert!(sender.try_send(1).is_ok());
    /// assert!(sender.try_send(2).is_err());
    /// ```
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.chan.try_send(value)
    }

    /// Sends `value`, waiting for a slot at most for `duration`.
    ///
    /// # Errors
    /// Gives `value` back if no slot came free in time, or the receiver was closed or dropped.
    ///
    /// # Panics
    /// If it is awaited outside a runtime, which has the clock.
    ///
    /// # Cancel safety
    /// A dropped future has not sent the value and drops it. It loses its place in the line.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
    /// sender.send_timeout(7, Duration::from_secs(1)).await.unwrap();
    /// assert_eq!(receiver.recv().await, Some(7));
    /// # });
    /// ```
    #[track_caller]
    pub fn send_timeout(
        &self,
        value: T,
        duration: Duration,
    ) -> impl Future<Output = Result<(), SendTimeoutError<T>>> {
        let slot = timeout(duration, self.reserve());
        async move {
            match slot.await {
                Ok(Ok(permit)) => {
                    permit.send(value);
                    Ok(())
                }
                Ok(Err(_)) => Err(SendTimeoutError::Closed(value)),
                Err(_) => Err(SendTimeoutError::Timeout(value)),
            }
        }
    }

    /// Waits for a slot and holds it until a value is sent or the permit dropped.
    ///
    /// # Errors
    /// If the receiver was closed or dropped, also while waiting.
    ///
    /// # Cancel safety
    /// Safe. A dropped future holds no slot: one that it was already given goes to the next. It
    /// loses its place in the line.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
    /// let permit = sender.reserve().await.unwrap();
    /// assert!(sender.try_send(1).is_err());
    /// permit.send(2);
    /// assert_eq!(receiver.recv().await, Some(2));
    /// # });
    /// ```
    #[track_caller]
    pub fn reserve(&self) -> Reserve<'_, T> {
        Reserve::new(self, Location::caller())
    }

    /// Waits for `count` slots and holds them until values are sent or the iterator dropped.
    ///
    /// The first in line takes slots as they come free, and nobody passes it meanwhile.
    ///
    /// # Errors
    /// If the receiver was closed or dropped, also while waiting, or there are not so many slots.
    ///
    /// # Cancel safety
    /// As for [`reserve`](Self::reserve).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(2);
    /// for (number, permit) in sender.reserve_many(2).await.unwrap().enumerate() {
    ///     permit.send(number);
    /// }
    /// assert_eq!(receiver.recv().await, Some(0));
    /// assert_eq!(receiver.recv().await, Some(1));
    /// # });
    /// ```
    #[track_caller]
    pub fn reserve_many(&self, count: usize) -> ReserveMany<'_, T> {
        ReserveMany::new(self, count, Location::caller())
    }

    /// As [`reserve`](Self::reserve), with a permit that keeps the sender.
    ///
    /// # Errors
    /// As for [`reserve`](Self::reserve). The sender is dropped then.
    ///
    /// # Panics
    /// If polled again after it returned.
    ///
    /// # Cancel safety
    /// As for [`reserve`](Self::reserve); the sender is dropped with the future.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
    /// let sender = sender.reserve_owned().await.unwrap().send(1);
    /// drop(sender);
    /// assert_eq!(receiver.recv().await, Some(1));
    /// # });
    /// ```
    #[track_caller]
    pub fn reserve_owned(self) -> ReserveOwned<T> {
        ReserveOwned::new(self, Location::caller())
    }

    /// Holds a slot until a value is sent or the permit dropped, if one is free.
    ///
    /// # Errors
    /// If no slot is free, or the receiver was closed or dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
    /// sender.try_reserve().unwrap().send(1);
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    #[track_caller]
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.chan.try_reserve(1)?;
        Ok(Permit::new(self))
    }

    /// Holds `count` slots until values are sent or the iterator dropped, if they are free.
    ///
    /// # Errors
    /// If fewer slots are free, or the receiver was closed or dropped.
    #[track_caller]
    pub fn try_reserve_many(
        &self,
        count: usize,
    ) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        self.chan.try_reserve(count)?;
        Ok(PermitIterator::new(self, count))
    }

    /// As [`try_reserve`](Self::try_reserve), with a permit that keeps the sender.
    ///
    /// # Errors
    /// As for [`try_reserve`](Self::try_reserve); gives the sender back.
    #[track_caller]
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.chan.try_reserve(1) {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
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
    /// let (sender, receiver) = simoom::sync::mpsc::channel::<u8>(1);
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

    /// How many slots are free.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.chan.free()
    }

    /// How many slots there are.
    #[must_use]
    pub fn max_capacity(&self) -> usize {
        self.chan.capacity_max()
    }

    /// Whether both send into the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chan, &other.chan)
    }

    /// A handle that does not keep the channel open.
    #[must_use = "a weak sender alone does nothing"]
    pub fn downgrade(&self) -> WeakSender<T> {
        self.chan.add_weak_sender();
        WeakSender {
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

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.chan.add_sender();
        Self {
            chan: self.chan.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.chan.drop_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// A sender that does not keep its channel open.
///
/// # Examples
/// ```
/// let (sender, _receiver) = simoom::sync::mpsc::channel::<u8>(1);
/// let weak = sender.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    chan: Arc<Chan<T>>,
}

impl<T> WeakSender<T> {
    /// A sender, unless the last one is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.chan.upgrade().then(|| Sender {
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

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        self.chan.add_weak_sender();
        Self {
            chan: self.chan.clone(),
        }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.chan.drop_weak_sender();
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}

/// Receives the values of a [`channel`], in the order in which they were sent.
///
/// Dropping it drops the values that wait, and makes sending fail.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
/// simoom::spawn(async move { sender.send(1).await });
/// assert_eq!(receiver.recv().await, Some(1));
/// assert_eq!(receiver.recv().await, None);
/// # });
/// ```
pub struct Receiver<T> {
    chan: Arc<Chan<T>>,
}

impl<T> Receiver<T> {
    /// Waits for the next value; `None` if none waits and none can come any more.
    ///
    /// After [`close`](Self::close) that is once all permits are used or dropped.
    ///
    /// # Cancel safety
    /// Safe. A dropped future has taken no value.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
    /// sender.send(1).await.unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.recv().await, Some(1));
    /// assert_eq!(receiver.recv().await, None);
    /// # });
    /// ```
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
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(3);
    /// for number in 0..3 {
    ///     sender.send(number).await.unwrap();
    /// }
    /// let mut numbers = Vec::new();
    /// assert_eq!(receiver.recv_many(&mut numbers, 2).await, 2);
    /// assert_eq!(numbers, [0, 1]);
    /// # });
    /// ```
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
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
    /// let received = simoom::task::spawn_blocking(move || receiver.blocking_recv());
    /// sender.send(1).await.unwrap();
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
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
    /// sender.try_send(1).unwrap();
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
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
    /// sender.try_send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert!(receiver.try_recv().is_err());
    /// ```
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

    /// Makes sending fail from now on; values and permits that exist can still be used.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = simoom::sync::mpsc::channel(2);
    /// sender.try_send(1).unwrap();
    /// receiver.close();
    /// assert!(sender.try_send(2).is_err());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
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

    /// How many slots are free.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.chan.free()
    }

    /// How many slots there are.
    #[must_use]
    pub fn max_capacity(&self) -> usize {
        self.chan.capacity_max()
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

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.chan.drop_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
