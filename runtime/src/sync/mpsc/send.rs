//! The futures of the sending side.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::bounded::Sender;
use super::chan::{Chan, Slots};
use super::error::SendError;
use super::permit::{OwnedPermit, Permit, PermitIterator};
use crate::site::Site;
use crate::sync::wait_list::Waiter;

pin_project! {
    /// The future of [`Sender::send`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Send<'a, T> {
        chan: &'a Chan<T>,
        value: Option<T>,
        location: Site,
        #[pin]
        waiter: Waiter<Slots>,
    }

    impl<T> PinnedDrop for Send<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.chan.abandon(this.waiter);
        }
    }
}

impl<'a, T> Send<'a, T> {
    pub(super) fn new(chan: &'a Chan<T>, value: T, location: &'static Location<'static>) -> Self {
        Self {
            chan,
            value: Some(value),
            location: Site::new(location),
            waiter: Waiter::new(Slots::wanted(1)),
        }
    }
}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        assert!(this.value.is_some(), "a value was to be sent twice");
        let outcome =
            ready!(
                this.chan
                    .poll_send(cx, this.waiter, this.value, this.location.used())
            );
        Poll::Ready(match (outcome, this.value.take()) {
            (Err(()), Some(value)) => Err(SendError(value)),
            _ => Ok(()),
        })
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Sender::reserve`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Reserve<'a, T> {
        sender: &'a Sender<T>,
        location: Site,
        #[pin]
        waiter: Waiter<Slots>,
    }

    impl<T> PinnedDrop for Reserve<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.sender.chan.abandon(this.waiter);
        }
    }
}

impl<'a, T> Reserve<'a, T> {
    pub(super) fn new(sender: &'a Sender<T>, location: &'static Location<'static>) -> Self {
        Self {
            sender,
            location: Site::new(location),
            waiter: Waiter::new(Slots::wanted(1)),
        }
    }
}

impl<'a, T> Future for Reserve<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let chan = &this.sender.chan;
        let outcome = ready!(chan.poll_reserve(cx, this.waiter, 1, this.location.used()));
        Poll::Ready(match outcome {
            Ok(()) => Ok(Permit::new(this.sender)),
            Err(()) => Err(SendError(())),
        })
    }
}

impl<T> fmt::Debug for Reserve<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Sender::reserve_many`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct ReserveMany<'a, T> {
        sender: &'a Sender<T>,
        count: usize,
        location: Site,
        #[pin]
        waiter: Waiter<Slots>,
    }

    impl<T> PinnedDrop for ReserveMany<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.sender.chan.abandon(this.waiter);
        }
    }
}

impl<'a, T> ReserveMany<'a, T> {
    pub(super) fn new(
        sender: &'a Sender<T>,
        count: usize,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            sender,
            count,
            location: Site::new(location),
            waiter: Waiter::new(Slots::wanted(count)),
        }
    }
}

impl<'a, T> Future for ReserveMany<'a, T> {
    type Output = Result<PermitIterator<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (chan, count) = (&this.sender.chan, *this.count);
        if count > chan.capacity_max() {
            return Poll::Ready(Err(SendError(())));
        }
        let outcome = ready!(chan.poll_reserve(cx, this.waiter, count, this.location.used()));
        Poll::Ready(match outcome {
            Ok(()) => Ok(PermitIterator::new(this.sender, count)),
            Err(()) => Err(SendError(())),
        })
    }
}

impl<T> fmt::Debug for ReserveMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveMany").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Sender::reserve_owned`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct ReserveOwned<T> {
        sender: Option<Sender<T>>,
        location: Site,
        #[pin]
        waiter: Waiter<Slots>,
    }

    impl<T> PinnedDrop for ReserveOwned<T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(sender) = this.sender {
                sender.chan.abandon(this.waiter);
            }
        }
    }
}

impl<T> ReserveOwned<T> {
    pub(super) fn new(sender: Sender<T>, location: &'static Location<'static>) -> Self {
        Self {
            sender: Some(sender),
            location: Site::new(location),
            waiter: Waiter::new(Slots::wanted(1)),
        }
    }
}

impl<T> Future for ReserveOwned<T> {
    type Output = Result<OwnedPermit<T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(sender) = this.sender else {
            panic!("a slot was awaited again after it had been given")
        };
        let outcome = ready!(
            sender
                .chan
                .poll_reserve(cx, this.waiter, 1, this.location.used())
        );
        Poll::Ready(match (outcome, this.sender.take()) {
            (Ok(()), Some(sender)) => Ok(OwnedPermit::new(sender)),
            _ => Err(SendError(())),
        })
    }
}

impl<T> fmt::Debug for ReserveOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveOwned").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Sender::closed`], and of an unbounded sender's.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Closed<'a, T> {
        chan: &'a Chan<T>,
        location: Site,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T> PinnedDrop for Closed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.chan.abandon_closed(this.waiter);
        }
    }
}

impl<'a, T> Closed<'a, T> {
    pub(super) fn new(chan: &'a Chan<T>, location: &'static Location<'static>) -> Self {
        Self {
            chan,
            location: Site::new(location),
            waiter: Waiter::new(()),
        }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.chan.poll_closed(cx, this.waiter, this.location.used())
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
