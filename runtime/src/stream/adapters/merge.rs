//! Two streams as one.
//!
//! Owns whose turn it is. With every poll it is the other's, as in tokio-stream; a world may have it
//! start otherwise after each time that nothing was there.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedStream;
use pin_project_lite::pin_project;

use super::fuse::Fuse;
use crate::context;
use crate::stream::Stream;

pin_project! {
    /// The stream of [`merge`](crate::stream::StreamExt::merge).
    #[must_use = "streams do nothing unless polled"]
    #[derive(Debug)]
    pub struct Merge<A, B> {
        #[pin]
        a: Fuse<A>,
        #[pin]
        b: Fuse<B>,
        is_turn_of_b: bool,
        // Nothing was there when it was last polled, or it has not been.
        was_idle: bool,
        site: &'static Location<'static>,
    }
}

impl<A, B> Merge<A, B> {
    pub(in crate::stream) fn new(a: A, b: B, site: &'static Location<'static>) -> Self {
        Self {
            a: Fuse::new(a),
            b: Fuse::new(b),
            is_turn_of_b: false,
            was_idle: true,
            site,
        }
    }
}

impl<A, B> Stream for Merge<A, B>
where
    A: Stream,
    B: Stream<Item = A::Item>,
{
    type Item = A::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<A::Item>> {
        let this = self.project();
        let are_two = !this.a.is_terminated() && !this.b.is_terminated();
        if *this.was_idle && are_two {
            *this.is_turn_of_b ^= turn(this.site) == 1;
        }
        let polled = if *this.is_turn_of_b {
            poll_in_order(this.b, this.a, cx)
        } else {
            poll_in_order(this.a, this.b, cx)
        };
        *this.is_turn_of_b = !*this.is_turn_of_b;
        *this.was_idle = polled.is_pending();
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (a, a_most) = self.a.size_hint();
        let (b, b_most) = self.b.size_hint();
        let most = a_most.zip(b_most).and_then(|(a, b)| a.checked_add(b));
        (a.saturating_add(b), most)
    }
}

impl<A, B> FusedStream for Merge<A, B>
where
    A: Stream,
    B: Stream<Item = A::Item>,
{
    fn is_terminated(&self) -> bool {
        self.a.is_terminated() && self.b.is_terminated()
    }
}

/// 0 where it stays whose turn it is, and outside a runtime.
fn turn(site: &'static Location<'static>) -> u32 {
    context::with_current(|backend| backend.map_or(0, |backend| backend.turn(2, site)))
}

fn poll_in_order<T>(
    first: Pin<&mut impl Stream<Item = T>>,
    second: Pin<&mut impl Stream<Item = T>>,
    cx: &mut Context<'_>,
) -> Poll<Option<T>> {
    let first = first.poll_next(cx);
    if let Poll::Ready(Some(_)) = first {
        return first;
    }
    match second.poll_next(cx) {
        // Both have ended, or the first has not.
        Poll::Ready(None) => first,
        polled => polled,
    }
}
