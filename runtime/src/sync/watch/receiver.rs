//! The side that looks.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::error::RecvError;
use super::shared::{Ref, Shared};
use crate::shim::Arc;
use crate::site::Site;
use crate::sync::wait_list::Waiter;

/// Sees the last value of a [`channel`](super::channel), and is told when there is another.
///
/// A clone has seen what this one has.
///
/// # Under simulation
/// Waiting is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, mut receiver) = simoom::sync::watch::channel(1);
/// assert_eq!(*receiver.borrow(), 1);
/// simoom::spawn(async move { sender.send(2) });
/// receiver.changed().await.unwrap();
/// assert_eq!(*receiver.borrow(), 2);
/// assert!(receiver.changed().await.is_err());
/// # });
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The version that it has seen.
    seen: usize,
}

impl<T> Receiver<T> {
    /// The receiver has been counted, and has seen that version.
    pub(super) fn new(shared: Arc<Shared<T>>, seen: usize) -> Self {
        Self { shared, seen }
    }

    /// The last value, which does not count as seen by that.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow(Some(self.seen)).0
    }

    /// The last value, which counts as seen.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = simoom::sync::watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert_eq!(*receiver.borrow(), 2);
    /// assert!(receiver.has_changed().unwrap());
    /// assert_eq!(*receiver.borrow_and_update(), 2);
    /// assert!(!receiver.has_changed().unwrap());
    /// ```
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let (value, version) = self.shared.borrow(Some(self.seen));
        self.seen = version;
        value
    }

    /// Whether there is a value that this receiver has not seen.
    ///
    /// # Errors
    /// If all senders are gone, even if there is one.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        if self.is_closed() {
            return Err(RecvError(()));
        }
        Ok(self.shared.version() != self.seen)
    }

    /// Whether all senders are gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Has the last value count as not seen.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = simoom::sync::watch::channel(1);
    /// receiver.mark_changed();
    /// assert!(receiver.has_changed().unwrap());
    /// receiver.mark_unchanged();
    /// assert!(!receiver.has_changed().unwrap());
    /// # drop(sender);
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.version().wrapping_sub(1);
    }

    /// Has the last value count as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version();
    }

    /// Waits until there is a value that this receiver has not seen, which counts as seen then.
    ///
    /// # Errors
    /// If all senders are gone, and the last value was seen.
    ///
    /// # Cancel safety
    /// Safe. A dropped future has seen nothing.
    #[track_caller]
    pub fn changed(&mut self) -> Changed<'_, T> {
        self.changed_at(Location::caller())
    }

    pub(crate) fn changed_at(&mut self, location: &'static Location<'static>) -> Changed<'_, T> {
        Changed {
            shared: &self.shared,
            seen: &mut self.seen,
            location: Site::new(location),
            waiter: Waiter::new(()),
        }
    }

    /// Waits until `predicate` returns `true` for the last value, be it seen or not, and returns
    /// that value, which counts as seen.
    ///
    /// It is called for the value that is there and then for each that is there when it looks again;
    /// it misses some if they come in between. It must not send into the channel: the value is locked
    /// meanwhile.
    ///
    /// # Errors
    /// If all senders are gone, and `predicate` returned `false` for the last value.
    ///
    /// # Panics
    /// As `predicate` does.
    ///
    /// # Cancel safety
    /// Safe. What a dropped future has seen is what `predicate` returned `false` for.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, mut receiver) = simoom::sync::watch::channel(1);
    /// simoom::spawn(async move {
    ///     for number in 2..5 {
    ///         sender.send(number).unwrap();
    ///         simoom::task::yield_now().await;
    ///     }
    /// });
    /// assert!(*receiver.wait_for(|number| *number >= 3).await.unwrap() >= 3);
    /// assert!(receiver.wait_for(|number| *number > 4).await.is_err());
    /// # });
    /// ```
    #[track_caller]
    pub fn wait_for<F>(&mut self, predicate: F) -> WaitFor<'_, T, F>
    where
        F: FnMut(&T) -> bool,
    {
        self.wait_for_at(predicate, Site::new(Location::caller()))
    }

    pub(crate) fn wait_for_at<F>(&mut self, predicate: F, location: Site) -> WaitFor<'_, T, F>
    where
        F: FnMut(&T) -> bool,
    {
        WaitFor {
            shared: &self.shared,
            seen: &mut self.seen,
            looked: false,
            predicate,
            location,
            waiter: Waiter::new(()),
        }
    }

    /// Whether both are of the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.add_receiver();
        Self::new(self.shared.clone(), self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.drop_receiver();
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Receiver::changed`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Changed<'a, T> {
        shared: &'a Shared<T>,
        seen: &'a mut usize,
        location: Site,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T> PinnedDrop for Changed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.shared.leave_changed(this.waiter);
        }
    }
}

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (shared, seen) = (this.shared, **this.seen);
        let changed = ready!(shared.poll_changed(cx, this.waiter, seen, this.location.used()));
        Poll::Ready(changed.map(|version| **this.seen = version))
    }
}

impl<T> fmt::Debug for Changed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changed").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Receiver::wait_for`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct WaitFor<'a, T, F> {
        shared: &'a Shared<T>,
        seen: &'a mut usize,
        looked: bool,
        predicate: F,
        location: Site,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T, F> PinnedDrop for WaitFor<'_, T, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.shared.leave_changed(this.waiter);
        }
    }
}

impl<'a, T, F: FnMut(&T) -> bool> Future for WaitFor<'a, T, F> {
    type Output = Result<Ref<'a, T>, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let shared: &'a Shared<T> = this.shared;
        let (seen, looked, predicate) = (this.seen, this.looked, this.predicate);
        shared.poll_wait_for(
            cx,
            this.waiter,
            seen,
            looked,
            predicate,
            this.location.used(),
        )
    }
}

impl<T, F> fmt::Debug for WaitFor<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor").finish_non_exhaustive()
    }
}
