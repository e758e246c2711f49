//! The side that sends.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::chan::Chan;
use super::error::SendError;
use super::receiver::Receiver;
use crate::shim::Arc;
use crate::sync::wait_list::Waiter;

/// A channel that keeps the last values, at least `capacity` of them, until all receivers have got them.
///
/// A receiver that is behind by more misses the oldest, and is told so. What is kept is a power of two.
///
/// # Panics
/// If `capacity` is 0 or more than `usize::MAX / 2`.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::sync::broadcast;
///
/// let (sender, mut first) = broadcast::channel(16);
/// let mut second = sender.subscribe();
/// let other = simoom::spawn(async move { (second.recv().await, second.recv().await) });
/// sender.send(10).unwrap();
/// sender.send(20).unwrap();
/// assert_eq!(other.await.unwrap(), (Ok(10), Ok(20)));
/// assert_eq!(first.recv().await, Ok(10));
/// # });
/// ```
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let chan = Arc::new(Chan::new(capacity, 1));
    let receiver = Receiver::new(chan.clone(), 0);
    (Sender { chan }, receiver)
}

/// Sends values to all receivers of a [`channel`]. Clones send into the same one.
///
/// # Examples
/// ```
/// use simoom::sync::broadcast::Sender;
///
/// let sender = Sender::new(1);
/// assert!(sender.send(1).is_err());
/// let mut receiver = sender.subscribe();
/// assert_eq!(sender.send(2).unwrap(), 1);
/// assert_eq!(receiver.try_recv(), Ok(2));
/// ```
pub struct Sender<T> {
    chan: Arc<Chan<T>>,
}

impl<T> Sender<T> {
    /// The sender of a channel that has no receiver yet.
    ///
    /// # Panics
    /// As [`channel`].
    #[track_caller]
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            chan: Arc::new(Chan::new(capacity, 0)),
        }
    }

    /// Sends `value` to the receivers that there are, and returns how many these are.
    ///
    /// Some may be dropped before they get it, or miss it.
    ///
    /// # Errors
    /// Gives `value` back if there is no receiver.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        self.chan.send(value).map_err(SendError)
    }

    /// Another receiver, which gets what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        let next = self.chan.add_receiver();
        Receiver::new(self.chan.clone(), next)
    }

    /// A handle that does not keep the channel open.
    #[must_use = "a weak sender alone does nothing"]
    pub fn downgrade(&self) -> WeakSender<T> {
        self.chan.add_weak_sender();
        WeakSender {
            chan: self.chan.clone(),
        }
    }

    /// How many values are kept, because not all receivers have got them.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut first) = simoom::sync::broadcast::channel(4);
    /// let mut second = sender.subscribe();
    /// sender.send(1).unwrap();
    /// first.try_recv().unwrap();
    /// assert_eq!(sender.len(), 1);
    /// second.try_recv().unwrap();
    /// assert!(sender.is_empty());
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.chan.len()
    }

    /// Whether all receivers have got all values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.chan.receivers()
    }

    /// Whether both send into the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chan, &other.chan)
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, receiver) = simoom::sync::broadcast::channel::<u8>(1);
    /// simoom::spawn(async move { drop(receiver) });
    /// sender.closed().await;
    /// # });
    /// ```
    #[track_caller]
    pub fn closed(&self) -> Closed<'_, T> {
        Closed {
            chan: &self.chan,
            location: Location::caller(),
            waiter: Waiter::new(()),
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
/// let (sender, _receiver) = simoom::sync::broadcast::channel::<u8>(1);
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

pin_project! {
    /// The future of [`Sender::closed`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Closed<'a, T> {
        chan: &'a Chan<T>,
        location: &'static Location<'static>,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T> PinnedDrop for Closed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.chan.leave_closed(this.waiter);
        }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.chan.poll_closed(cx, this.waiter, this.location)
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
