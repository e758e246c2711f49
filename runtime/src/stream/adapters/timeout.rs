//! Errors where an item is late, one for each.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::deadline::Deadline;
use super::fuse::Fuse;
use crate::stream::{Elapsed, Stream};

pin_project! {
    /// The stream of [`timeout`](crate::stream::StreamExt::timeout).
    #[must_use = "streams do nothing unless polled"]
    #[derive(Debug)]
    pub struct Timeout<S> {
        #[pin]
        stream: Fuse<S>,
        deadline: Deadline,
        // The item that is waited for was said to be late.
        is_told: bool,
    }
}

impl<S> Timeout<S> {
    pub(in crate::stream) fn new(
        stream: S,
        duration: Duration,
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            stream: Fuse::new(stream),
            deadline: Deadline::new(duration, site),
            is_told: false,
        }
    }
}

impl<S: Stream> Stream for Timeout<S> {
    type Item = Result<S::Item, Elapsed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if let Poll::Ready(item) = this.stream.poll_next(cx) {
            if item.is_some() {
                this.deadline.restart();
                *this.is_told = false;
            }
            return Poll::Ready(item.map(Ok));
        }
        if *this.is_told {
            return Poll::Pending;
        }
        ready!(this.deadline.poll(cx));
        *this.is_told = true;
        Poll::Ready(Some(Err(Elapsed::new())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.stream.size_hint();
        // An error before each item, and one before the end.
        let most = most.and_then(|most| most.checked_mul(2)?.checked_add(1));
        (least, most)
    }
}
