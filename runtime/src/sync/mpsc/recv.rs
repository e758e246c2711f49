//! The futures of the receiving side.

use std::fmt;
use std::marker::{PhantomData, PhantomPinned};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::chan::Chan;
use crate::site::Site;

pin_project! {
    /// The future of [`Receiver::recv`](super::Receiver::recv), and of an unbounded receiver's.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Recv<'a, T> {
        chan: &'a Chan<T>,
        location: Site,
        // The receiver is mutably borrowed: it has one waker.
        receiver: PhantomData<&'a mut ()>,
        #[pin]
        pinned: PhantomPinned,
    }

    impl<T> PinnedDrop for Recv<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            this.chan.leave_as_receiver();
        }
    }
}

impl<'a, T> Recv<'a, T> {
    pub(super) fn new(chan: &'a Chan<T>, location: &'static Location<'static>) -> Self {
        Self {
            chan,
            location: Site::new(location),
            receiver: PhantomData,
            pinned: PhantomPinned,
        }
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let received = self.chan.poll_recv(cx, self.location.used(), true);
        if received.is_ready() {
            self.chan.leave_as_receiver();
        }
        received
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Receiver::recv_many`](super::Receiver::recv_many), and of an unbounded
    /// receiver's.
    #[must_use = "futures do nothing unless awaited"]
    pub struct RecvMany<'a, T> {
        chan: &'a Chan<T>,
        buffer: &'a mut Vec<T>,
        limit: usize,
        location: Site,
        #[pin]
        pinned: PhantomPinned,
    }

    impl<T> PinnedDrop for RecvMany<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            this.chan.leave_as_receiver();
        }
    }
}

impl<'a, T> RecvMany<'a, T> {
    pub(super) fn new(
        chan: &'a Chan<T>,
        buffer: &'a mut Vec<T>,
        limit: usize,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            chan,
            buffer,
            limit,
            location: Site::new(location),
            pinned: PhantomPinned,
        }
    }
}

impl<T> Future for RecvMany<'_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.project();
        let received =
            this.chan
                .poll_recv_many(cx, this.buffer, *this.limit, this.location.used(), true);
        if received.is_ready() {
            this.chan.leave_as_receiver();
        }
        received
    }
}

impl<T> fmt::Debug for RecvMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvMany").finish_non_exhaustive()
    }
}
