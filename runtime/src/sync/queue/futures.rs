//! The futures of either end.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::error::{PutError, ShutDown};
use super::raw::{Granted, RawQueue};
use super::shelf::Shelf;
use crate::site::Site;
use crate::sync::wait_list::Waiter;

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub(super) struct Put<'a, S: Shelf> {
        queue: &'a RawQueue<S>,
        item: Option<S::Item>,
        location: Site,
        #[pin]
        waiter: Waiter<Granted>,
    }

    impl<S: Shelf> PinnedDrop for Put<'_, S> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.queue.abandon_put(this.waiter);
        }
    }
}

impl<'a, S: Shelf> Put<'a, S> {
    pub(super) fn new(
        queue: &'a RawQueue<S>,
        item: S::Item,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            queue,
            item: Some(item),
            location: Site::new(location),
            waiter: Waiter::new(false),
        }
    }
}

impl<S: Shelf> Future for Put<'_, S> {
    type Output = Result<(), PutError<S::Item>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        assert!(this.item.is_some(), "an item was to be put twice");
        let put = ready!(
            this.queue
                .poll_put(cx, this.waiter, this.item, this.location.used())
        );
        Poll::Ready(match (put, this.item.take()) {
            (Err(ShutDown), Some(item)) => Err(PutError(item)),
            _ => Ok(()),
        })
    }
}

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub(super) struct Get<'a, S: Shelf> {
        queue: &'a RawQueue<S>,
        location: Site,
        #[pin]
        waiter: Waiter<Granted>,
    }

    impl<S: Shelf> PinnedDrop for Get<'_, S> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.queue.abandon_get(this.waiter);
        }
    }
}

impl<'a, S: Shelf> Get<'a, S> {
    pub(super) fn new(queue: &'a RawQueue<S>, location: &'static Location<'static>) -> Self {
        Self {
            queue,
            location: Site::new(location),
            waiter: Waiter::new(false),
        }
    }
}

impl<S: Shelf> Future for Get<'_, S> {
    type Output = Result<S::Item, ShutDown>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.queue.poll_get(cx, this.waiter, this.location.used())
    }
}

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub(super) struct Join<'a, S: Shelf> {
        queue: &'a RawQueue<S>,
        location: Site,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<S: Shelf> PinnedDrop for Join<'_, S> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.queue.leave_join(this.waiter);
        }
    }
}

impl<'a, S: Shelf> Join<'a, S> {
    pub(super) fn new(queue: &'a RawQueue<S>, location: &'static Location<'static>) -> Self {
        Self {
            queue,
            location: Site::new(location),
            waiter: Waiter::new(()),
        }
    }
}

impl<S: Shelf> Future for Join<'_, S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.queue.poll_join(cx, this.waiter, this.location.used())
    }
}
