//! The side that sends.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::SendError;
use super::receiver::Receiver;
use super::shared::{Ref, Shared};
use crate::shim::Arc;
use crate::sync::wait_list::Waiter;

/// A channel of which receivers see the last value that was sent, and miss those before.
///
/// The receiver has seen `value`.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, mut receiver) = simoom::sync::watch::channel("starting");
/// let seen = simoom::spawn(async move {
///     let mut seen = vec![*receiver.borrow_and_update()];
///     while receiver.changed().await.is_ok() {
///         seen.push(*receiver.borrow_and_update());
///     }
///     seen
/// });
/// simoom::task::yield_now().await;
/// sender.send("running").unwrap();
/// sender.send("stopped").unwrap();
/// drop(sender);
/// assert_eq!(seen.await.unwrap(), ["starting", "stopped"]);
/// # });
/// ```
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(value, 1));
    let receiver = Receiver::new(shared.clone(), 0);
    (Sender { shared }, receiver)
}

/// Sends values to all receivers of a [`channel`]. Clones send into the same one.
///
/// # Examples
/// ```
/// use simoom::sync::watch::Sender;
///
/// let sender = Sender::new(1);
/// let receiver = sender.subscribe();
/// sender.send_modify(|value| *value += 1);
/// assert_eq!(*receiver.borrow(), 2);
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// The sender of a channel that has no receiver yet.
    pub fn new(value: T) -> Self {
        Self {
            shared: Arc::new(Shared::new(value, 0)),
        }
    }

    /// Sends `value` in place of the last one, which is dropped.
    ///
    /// # Errors
    /// Gives `value` back if there is no receiver. To have one that comes later see it, use
    /// [`send_replace`](Self::send_replace).
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.receiver_count() == 0 {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Changes the value where it is, and tells the receivers, if there are any.
    ///
    /// `modify` must not use the channel: the value is locked meanwhile.
    ///
    /// # Panics
    /// As `modify` does. The receivers are not told then, and see what it left.
    pub fn send_modify<F>(&self, modify: F)
    where
        F: FnOnce(&mut T),
    {
        self.shared.modify(|value| {
            modify(value);
            true
        });
    }

    /// As [`send_modify`](Self::send_modify), and tells the receivers only if `modify` returns `true`.
    /// Returns what it returned.
    ///
    /// # Panics
    /// As `modify` does.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = simoom::sync::watch::channel(1);
    /// let raised = |to: i32| sender.send_if_modified(|value| {
    ///     let before = std::mem::replace(value, to.max(*value));
    ///     before != *value
    /// });
    /// assert!(!raised(0));
    /// assert!(!receiver.has_changed().unwrap());
    /// assert!(raised(2));
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    pub fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        self.shared.modify(modify)
    }

    /// Sends `value`, even if there is no receiver, and returns the last one.
    ///
    /// # Examples
    /// ```
    /// let sender = simoom::sync::watch::Sender::new(1);
    /// assert_eq!(sender.send_replace(2), 1);
    /// assert_eq!(*sender.subscribe().borrow(), 2);
    /// ```
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|last| std::mem::swap(last, &mut value));
        value
    }

    /// The last value.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow(None).0
    }

    /// Whether there is no receiver now.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
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
    /// let (sender, receiver) = simoom::sync::watch::channel(());
    /// simoom::spawn(async move { drop(receiver) });
    /// sender.closed().await;
    /// # });
    /// ```
    #[track_caller]
    pub fn closed(&self) -> Closed<'_, T> {
        Closed {
            shared: &self.shared,
            location: Location::caller(),
            waiter: Waiter::new(()),
        }
    }

    /// Another receiver, which has seen the last value.
    pub fn subscribe(&self) -> Receiver<T> {
        self.shared.add_receiver();
        Receiver::new(self.shared.clone(), self.shared.version())
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }

    /// How many senders there are.
    #[must_use]
    pub fn sender_count(&self) -> usize {
        self.shared.senders()
    }

    /// Whether both send into the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.drop_sender();
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("shared", &self.shared)
            .finish()
    }
}

pin_project! {
    /// The future of [`Sender::closed`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Closed<'a, T> {
        shared: &'a Shared<T>,
        location: &'static Location<'static>,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T> PinnedDrop for Closed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.shared.leave_closed(this.waiter);
        }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.shared.poll_closed(cx, this.waiter, this.location)
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
