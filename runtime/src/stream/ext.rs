//! The combinators that need a clock, or chance.
//!
//! Owns their names, which are those of `tokio-stream`. What `futures` has is not here.

use std::panic::Location;
use std::time::Duration;

use super::Stream;
use super::adapters::{ChunksTimeout, Merge, Throttle, Timeout, TimeoutRepeating};
use crate::time::Interval;

/// What a stream can do in time, beside what `futures::StreamExt` has; both can be imported.
///
/// The names, and what they mean, are those of `tokio_stream::StreamExt`.
///
/// # Cancel safety
/// What waits for an item of a stream, as `next` does, may be dropped: what has been taken from the
/// streams within is in the combinator, and comes out of it later.
///
/// # Examples
/// ```
/// use futures::StreamExt as _;
/// use simoom::stream::{IntervalStream, StreamExt};
/// use simoom::time::{Duration, interval};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let ticks = IntervalStream::new(interval(Duration::from_millis(1)));
/// let pairs = ticks.map(|_| "tick").take(5).chunks_timeout(2, Duration::from_secs(1));
/// let sizes: Vec<usize> = pairs.map(|pair| pair.len()).collect().await;
/// assert_eq!(sizes, [2, 2, 1]);
/// # });
/// ```
pub trait StreamExt: Stream {
    /// The items of both streams, as they come. It ends when both have.
    ///
    /// Where both have an item the two take turns, and so neither keeps the other back. A merge of
    /// merges does not share evenly: use `futures::stream::select_all` for many streams.
    ///
    /// # Under simulation
    /// Which of the two goes first, after a time in which neither had anything, is a choice as that of
    /// a [`select!`](crate::select), and told as one.
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt as _;
    /// use simoom::stream::{ReceiverStream, StreamExt};
    /// use simoom::sync::mpsc;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (keys, typed) = mpsc::channel(8);
    /// let (net, received) = mpsc::channel(8);
    /// keys.send("from here").await.unwrap();
    /// net.send("from there").await.unwrap();
    /// drop((keys, net));
    /// let both = ReceiverStream::new(typed).merge(ReceiverStream::new(received));
    /// let mut lines: Vec<&str> = both.collect().await;
    /// lines.sort();
    /// assert_eq!(lines, ["from here", "from there"]);
    /// # });
    /// ```
    #[track_caller]
    fn merge<U>(self, other: U) -> Merge<Self, U>
    where
        U: Stream<Item = Self::Item>,
        Self: Sized,
    {
        Merge::new(self, other, Location::caller())
    }

    /// The items, and an error where one has not come within `duration`: after the one before it, and
    /// for the first after this call.
    ///
    /// The stream goes on after an error: the item may still come, and until it has, there is no
    /// second error. For that there is [`timeout_repeating`](Self::timeout_repeating).
    ///
    /// The stream is polled first, then the clock is looked at: an item that is there is never late,
    /// and an item never comes too late for want of budget.
    ///
    /// # Errors
    /// Items are [`Elapsed`](super::Elapsed) where the time was over.
    ///
    /// # Panics
    /// When polled outside a runtime, unless the stream is ready.
    ///
    /// # Examples
    /// ```
    /// use std::pin::pin;
    /// use futures::StreamExt as _;
    /// use simoom::stream::{IntervalStream, StreamExt};
    /// use simoom::time::{Duration, interval};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let ticks = IntervalStream::new(interval(Duration::from_millis(40)));
    /// let mut ticks = pin!(ticks.timeout(Duration::from_millis(5)));
    /// assert!(ticks.next().await.unwrap().is_ok());
    /// assert!(ticks.next().await.unwrap().is_err());
    /// assert!(ticks.next().await.unwrap().is_ok());
    /// # });
    /// ```
    #[track_caller]
    fn timeout(self, duration: Duration) -> Timeout<Self>
    where
        Self: Sized,
    {
        Timeout::new(self, duration, Location::caller())
    }

    /// The items, and an error for each tick of `interval` while none comes. An item puts off the
    /// next tick by a whole period.
    ///
    /// The first tick of [`interval`](crate::time::interval()) is due at once: unless an item is there
    /// when the stream is first polled, it begins with an error. Start later with
    /// [`interval_at`](crate::time::interval_at).
    ///
    /// # Errors
    /// Items are [`Elapsed`](super::Elapsed) where a tick came first.
    ///
    /// # Panics
    /// When polled outside a runtime, unless the stream is ready.
    ///
    /// # Examples
    /// ```
    /// use std::pin::pin;
    /// use futures::StreamExt as _;
    /// use simoom::stream::StreamExt;
    /// use simoom::time::{Duration, interval};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let silent = futures::stream::pending::<u32>();
    /// let mut silent = pin!(silent.timeout_repeating(interval(Duration::from_millis(1))));
    /// for _ in 0..3 {
    ///     assert!(silent.next().await.unwrap().is_err());
    /// }
    /// # });
    /// ```
    #[track_caller]
    fn timeout_repeating(self, interval: Interval) -> TimeoutRepeating<Self>
    where
        Self: Sized,
    {
        TimeoutRepeating::new(self, interval, Location::caller())
    }

    /// The items, no two of them sooner after each other than `duration`. With zero, as they come.
    ///
    /// An item is not taken from the stream before it is due. The end comes after the pause, too.
    ///
    /// # Panics
    /// When polled outside a runtime.
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt as _;
    /// use simoom::stream::StreamExt;
    /// use simoom::time::{Duration, Instant};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let start = Instant::now();
    /// let numbers = futures::stream::iter(1..=3).throttle(Duration::from_millis(2));
    /// assert_eq!(numbers.collect::<Vec<_>>().await, [1, 2, 3]);
    /// assert!(start.elapsed() >= Duration::from_millis(4));
    /// # });
    /// ```
    #[track_caller]
    fn throttle(self, duration: Duration) -> Throttle<Self>
    where
        Self: Sized,
    {
        Throttle::new(self, duration)
    }

    /// The items in vectors, of `max_size`, or of what there was `duration` after the first of them.
    /// None is empty. At the end of the stream, what there is comes at once.
    ///
    /// # Panics
    /// If `max_size` is zero. When polled outside a runtime, unless a vector is full.
    ///
    /// # Cancel safety
    /// As all of these, and what is gathered when the combinator itself is given up, gives
    /// [`into_remainder`](ChunksTimeout::into_remainder).
    ///
    /// # Examples
    /// ```
    /// use std::pin::pin;
    /// use futures::StreamExt as _;
    /// use simoom::stream::{ReceiverStream, StreamExt};
    /// use simoom::sync::mpsc;
    /// use simoom::time::Duration;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (send, rows) = mpsc::channel(8);
    /// let mut batches = pin!(ReceiverStream::new(rows).chunks_timeout(3, Duration::from_millis(1)));
    /// for row in 1..=4 {
    ///     send.send(row).await.unwrap();
    /// }
    /// assert_eq!(batches.next().await, Some(vec![1, 2, 3]));
    /// // Nobody sends any more, and still it comes.
    /// assert_eq!(batches.next().await, Some(vec![4]));
    /// # });
    /// ```
    #[track_caller]
    fn chunks_timeout(self, max_size: usize, duration: Duration) -> ChunksTimeout<Self>
    where
        Self: Sized,
    {
        ChunksTimeout::new(self, max_size, duration, Location::caller())
    }
}

impl<S: Stream + ?Sized> StreamExt for S {}
