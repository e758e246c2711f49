//! The side that receives.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::chan::{Chan, Shared};
use super::error::{RecvError, TryRecvError};
use crate::block;
use crate::shim::{Arc, lock};
use crate::site::Site;
use crate::sync::wait_list::Waiter;

/// Receives what is sent into a [`channel`](super::channel), in that order, or learns how much it has
/// missed.
///
/// # Under simulation
/// Receiving is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, mut receiver) = simoom::sync::broadcast::channel(4);
/// sender.send("hello").unwrap();
/// drop(sender);
/// assert_eq!(receiver.recv().await, Ok("hello"));
/// assert!(receiver.recv().await.is_err());
/// # });
/// ```
pub struct Receiver<T> {
    chan: Arc<Chan<T>>,
    /// The number of the value that it gets next.
    next: u64,
}

impl<T> Receiver<T> {
    /// The receiver has been counted, and gets the values from that number on.
    pub(super) fn new(chan: Arc<Chan<T>>, next: u64) -> Self {
        Self { chan, next }
    }

    /// How many values were sent that this receiver has not got. If they are more than the channel
    /// keeps, it has missed some.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = simoom::sync::broadcast::channel(1);
    /// sender.send(1).unwrap();
    /// sender.send(2).unwrap();
    /// assert_eq!((receiver.len(), sender.len()), (2, 1));
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.chan.next() - self.next).unwrap_or(usize::MAX)
    }

    /// Whether it has got all values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both are of the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chan, &other.chan)
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

    /// Whether all senders are gone. Values may still wait.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.chan.is_ended()
    }
}

impl<T: Clone> Receiver<T> {
    /// Another receiver, which gets what is sent from now on.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = simoom::sync::broadcast::channel(4);
    /// sender.send(1).unwrap();
    /// let mut other = receiver.resubscribe();
    /// sender.send(2).unwrap();
    /// assert_eq!(other.try_recv(), Ok(2));
    /// ```
    pub fn resubscribe(&self) -> Self {
        let next = self.chan.add_receiver();
        Self::new(self.chan.clone(), next)
    }

    /// Waits for the next value.
    ///
    /// The value is cloned while no other receiver may clone it: a `Clone` that receives from this
    /// channel waits for itself.
    ///
    /// # Errors
    /// [`Lagged`](RecvError::Lagged) if it and perhaps others were missed: the next call goes on with the
    /// oldest that is there. [`Closed`](RecvError::Closed) if none waits and all senders are gone.
    ///
    /// # Panics
    /// As cloning the value does; the value is missed then.
    ///
    /// # Cancel safety
    /// Safe. A dropped future has received nothing.
    #[track_caller]
    pub fn recv(&mut self) -> Recv<'_, T> {
        self.recv_at(Location::caller())
    }

    pub(crate) fn recv_at(&mut self, location: &'static Location<'static>) -> Recv<'_, T> {
        Recv {
            chan: &self.chan,
            next: &mut self.next,
            location: Site::new(location),
            waiter: Waiter::new(()),
        }
    }

    /// The next value, if one waits.
    ///
    /// # Errors
    /// If none does, or it was missed.
    ///
    /// # Panics
    /// As cloning the value does; the value is missed then.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        Ok(copy(self.chan.try_recv(&mut self.next)?))
    }

    /// As [`recv`](Self::recv), blocking this thread instead of a task.
    ///
    /// For threads that run no tasks, such as those of
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Errors
    /// As for [`recv`](Self::recv).
    ///
    /// # Panics
    /// On a thread that runs tasks, and as [`recv`](Self::recv) does.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::broadcast::channel(1);
    /// let received = simoom::task::spawn_blocking(move || receiver.blocking_recv());
    /// sender.send(1).unwrap();
    /// assert_eq!(received.await.unwrap(), Ok(1));
    /// # });
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        block::wait("blocking_recv", self.recv())
    }
}

/// A copy of a value, made while nobody else makes one.
fn copy<T: Clone>(value: Shared<T>) -> T {
    lock(&value).clone()
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.chan.drop_receiver(self.next);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Receiver::recv`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Recv<'a, T> {
        chan: &'a Chan<T>,
        next: &'a mut u64,
        location: Site,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T> PinnedDrop for Recv<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.chan.leave_recv(this.waiter);
        }
    }
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let taken = ready!(
            this.chan
                .poll_recv(cx, this.waiter, this.next, this.location.used())
        );
        Poll::Ready(taken.map(copy))
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}
