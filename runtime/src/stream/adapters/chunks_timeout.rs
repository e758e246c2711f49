//! Items in vectors, full or in time.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::deadline::Deadline;
use super::fuse::Fuse;
use crate::stream::Stream;

pin_project! {
    /// The stream of [`chunks_timeout`](crate::stream::StreamExt::chunks_timeout).
    #[must_use = "streams do nothing unless polled"]
    #[derive(Debug)]
    pub struct ChunksTimeout<S: Stream> {
        #[pin]
        stream: Fuse<S>,
        // Counts from the first of `items`.
        deadline: Deadline,
        items: Vec<S::Item>,
        size_max: usize,
    }
}

impl<S: Stream> ChunksTimeout<S> {
    #[track_caller]
    pub(in crate::stream) fn new(
        stream: S,
        size_max: usize,
        duration: Duration,
        site: &'static Location<'static>,
    ) -> Self {
        assert!(size_max > 0, "`max_size` must be non-zero.");
        Self {
            stream: Fuse::new(stream),
            deadline: Deadline::new(duration, site),
            items: Vec::new(),
            size_max,
        }
    }

    /// What was taken from the stream and has not been returned.
    ///
    /// # Examples
    /// ```
    /// use std::pin::pin;
    /// use futures::{FutureExt, StreamExt as _};
    /// use simoom::stream::StreamExt;
    /// use simoom::time::Duration;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let numbers = futures::stream::iter([1, 2]).chain(futures::stream::pending());
    /// let mut chunks = pin!(numbers.chunks_timeout(3, Duration::from_secs(60)));
    /// assert!(chunks.next().now_or_never().is_none());
    /// assert_eq!(chunks.into_remainder(), [1, 2]);
    /// # });
    /// ```
    #[must_use]
    pub fn into_remainder(self: Pin<&mut Self>) -> Vec<S::Item> {
        std::mem::take(self.project().items)
    }
}

impl<S: Stream> Stream for ChunksTimeout<S> {
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let items = this.items;
        while let Poll::Ready(next) = this.stream.as_mut().poll_next(cx) {
            let Some(item) = next else {
                let last = std::mem::take(items);
                return Poll::Ready((!last.is_empty()).then_some(last));
            };
            if items.is_empty() {
                this.deadline.restart();
            }
            items.push(item);
            if items.len() >= *this.size_max {
                return Poll::Ready(Some(std::mem::take(items)));
            }
        }
        if items.is_empty() {
            return Poll::Pending;
        }
        ready!(this.deadline.poll(cx));
        Poll::Ready(Some(std::mem::take(items)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let begun = usize::from(!self.items.is_empty());
        let (least, most) = self.stream.size_hint();
        let least = (least / self.size_max).saturating_add(begun);
        (least, most.and_then(|most| most.checked_add(begun)))
    }
}
