//! Pauses between items.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::stream::Stream;
use crate::time::timer::later;
use crate::time::{Instant, Sleep, sleep};

pin_project! {
    /// The stream of [`throttle`](crate::stream::StreamExt::throttle).
    #[must_use = "streams do nothing unless polled"]
    #[derive(Debug)]
    pub struct Throttle<S> {
        #[pin]
        stream: S,
        #[pin]
        pause: Sleep,
        duration: Duration,
        // An item was returned, and the pause after it is not over.
        is_pausing: bool,
    }
}

impl<S> Throttle<S> {
    #[track_caller]
    pub(in crate::stream) fn new(stream: S, duration: Duration) -> Self {
        Self {
            stream,
            pause: sleep(duration),
            duration,
            is_pausing: false,
        }
    }

    /// The stream within.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream within, for a change.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream within, without pauses.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: Stream> Stream for Throttle<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        if *this.is_pausing {
            ready!(this.pause.as_mut().poll(cx));
            *this.is_pausing = false;
        }
        let item = ready!(this.stream.poll_next(cx));
        if item.is_some() && !this.duration.is_zero() {
            this.pause.reset(later(Instant::now(), *this.duration));
            *this.is_pausing = true;
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}
