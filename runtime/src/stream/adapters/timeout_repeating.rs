//! Errors while no item comes.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::deadline::Turn;
use super::fuse::Fuse;
use crate::stream::{Elapsed, Stream};
use crate::time::Interval;

pin_project! {
    /// The stream of [`timeout_repeating`](crate::stream::StreamExt::timeout_repeating).
    #[must_use = "streams do nothing unless polled"]
    #[derive(Debug)]
    pub struct TimeoutRepeating<S> {
        #[pin]
        stream: Fuse<S>,
        interval: Interval,
        turn: Turn,
        site: &'static Location<'static>,
    }
}

impl<S> TimeoutRepeating<S> {
    pub(in crate::stream) fn new(
        stream: S,
        interval: Interval,
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            stream: Fuse::new(stream),
            interval,
            turn: Turn::default(),
            site,
        }
    }
}

impl<S: Stream> Stream for TimeoutRepeating<S> {
    type Item = Result<S::Item, Elapsed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if let Poll::Ready(item) = this.stream.poll_next(cx) {
            if item.is_some() {
                this.interval.reset();
                *this.turn = Turn::default();
            }
            return Poll::Ready(item.map(Ok));
        }
        ready!(this.interval.poll_due(cx));
        ready!(this.turn.poll(cx, this.site));
        this.interval.take_tick();
        Poll::Ready(Some(Err(Elapsed::new())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.stream.size_hint().0, None)
    }
}
