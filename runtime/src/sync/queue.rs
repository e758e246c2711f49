//! Queues with any number of tasks at either end.
//!
//! Owns what users see of them. Who gets what is the business of `raw`, and in which order that of
//! `shelf`.

use std::fmt;
use std::panic::Location;

use self::error::{NothingToDo, PutError, ShutDown, TryGetError, TryPutError};
use self::futures::{Get, Join, Put};
use self::raw::RawQueue;
use self::shelf::{Fifo, Lifo, Priority};

pub(crate) mod error;
mod futures;
mod raw;
mod shelf;

/// A queue around a shelf. What several have in common is said once.
macro_rules! queue {
    ($(#[$doc:meta])* $name:ident, $shelf:ident $(, $bound:ident)?) => {
        $(#[$doc])*
        ///
        /// Shared by reference or in an `Arc`; putting and getting are fair: whoever has waited longest
        /// is served first, and one that goes away passes on what it was promised.
        ///
        /// # Under simulation
        /// Putting, getting and joining are points where the scheduler may let another task run first.
        pub struct $name<T $(: $bound)?> {
            raw: RawQueue<$shelf<T>>,
        }

        impl<T $(: $bound)?> $name<T> {
            /// A queue with room for so many items, or for any number if that is 0.
            #[must_use]
            pub fn new(maxsize: usize) -> Self {
                Self {
                    raw: RawQueue::new(maxsize),
                }
            }

            /// Waits until there is room, and puts `item` into the queue.
            ///
            /// # Errors
            /// Gives `item` back if the queue was shut down.
            ///
            /// # Cancel safety
            /// A dropped future has put nothing, and drops `item`.
            #[track_caller]
            pub fn put(&self, item: T) -> impl Future<Output = Result<(), PutError<T>>> {
                Put::new(&self.raw, item, Location::caller())
            }

            /// Puts `item` into the queue if there is room.
            ///
            /// # Errors
            /// Gives `item` back if there is none, or it is promised to tasks that wait, or the queue was
            /// shut down.
            pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
                self.raw.try_put(item)
            }

            /// Waits for an item and takes it out of the queue.
            ///
            /// # Errors
            /// If the queue was shut down and nothing is left in it.
            ///
            /// # Cancel safety
            /// Safe. A dropped future has taken nothing.
            #[track_caller]
            pub fn get(&self) -> impl Future<Output = Result<T, ShutDown>> {
                Get::new(&self.raw, Location::caller())
            }

            /// Takes an item out of the queue if one is there that is not promised to a task that waits.
            ///
            /// # Errors
            /// If there is none.
            pub fn try_get(&self) -> Result<T, TryGetError> {
                self.raw.try_get()
            }

            /// Says that what was to be done with an item is done: to be called once for each item that
            /// was got.
            ///
            /// # Errors
            /// If it was called as often as items were put.
            pub fn task_done(&self) -> Result<(), NothingToDo> {
                self.raw.task_done()
            }

            /// Waits until as many items were [done](Self::task_done) as were put.
            ///
            /// # Cancel safety
            /// Safe.
            #[track_caller]
            pub fn join(&self) -> impl Future<Output = ()> {
                Join::new(&self.raw, Location::caller())
            }

            /// Takes no item any more. Those that are there can be got, and then getting fails too.
            ///
            /// Who waits to put, or to get what cannot come, gets an error. Joining is as before.
            pub fn shutdown(&self) {
                self.raw.shut(false);
            }

            /// As [`shutdown`](Self::shutdown), and drops the items that are there, each of which counts
            /// as done. What was got before is still to be done.
            pub fn shutdown_now(&self) {
                self.raw.shut(true);
            }

            /// Whether the queue was shut down.
            #[must_use]
            pub fn is_shut_down(&self) -> bool {
                self.raw.is_shut()
            }

            /// How many items are there.
            #[must_use]
            pub fn len(&self) -> usize {
                self.raw.len()
            }

            /// Whether no item is there.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether as many items are there as there is room for.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.len() >= self.raw.most()
            }

            /// For how many items there is room; 0 if for any number.
            #[must_use]
            pub fn maxsize(&self) -> usize {
                match self.raw.most() {
                    usize::MAX => 0,
                    most => most,
                }
            }

            /// How many items were put and are not done.
            #[must_use]
            pub fn unfinished(&self) -> usize {
                self.raw.unfinished()
            }
        }

        impl<T $(: $bound)?> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("len", &self.len())
                    .field("maxsize", &self.maxsize())
                    .field("unfinished", &self.unfinished())
                    .finish_non_exhaustive()
            }
        }
    };
}

queue!(
    /// A queue of which the oldest item is got first.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::sync::Arc;
    /// use simoom::asyncio::Queue;
    ///
    /// let queue = Arc::new(Queue::new(2));
    /// let worker = simoom::spawn({
    ///     let queue = queue.clone();
    ///     async move {
    ///         let mut sum = 0;
    ///         while let Ok(number) = queue.get().await {
    ///             sum += number;
    ///             queue.task_done().unwrap();
    ///         }
    ///         sum
    ///     }
    /// });
    /// for number in 1..=4 {
    ///     queue.put(number).await.unwrap();
    /// }
    /// queue.join().await;
    /// queue.shutdown();
    /// assert_eq!(worker.await.unwrap(), 10);
    /// # });
    /// ```
    Queue,
    Fifo
);

queue!(
    /// A queue of which the youngest item is got first.
    ///
    /// # Examples
    /// ```
    /// let queue = simoom::asyncio::LifoQueue::new(0);
    /// for item in ["a", "b"] {
    ///     queue.try_put(item).unwrap();
    /// }
    /// assert_eq!((queue.try_get(), queue.try_get()), (Ok("b"), Ok("a")));
    /// ```
    LifoQueue,
    Lifo
);

queue!(
    /// A queue of which the least item is got first, and the oldest of equal ones.
    ///
    /// Comparing two items must not panic or use the queue.
    ///
    /// # Examples
    /// ```
    /// let queue = simoom::asyncio::PriorityQueue::new(0);
    /// for item in [(2, "later"), (1, "soon"), (3, "last")] {
    ///     queue.try_put(item).unwrap();
    /// }
    /// assert_eq!(queue.try_get(), Ok((1, "soon")));
    /// ```
    PriorityQueue,
    Priority,
    Ord
);

#[cfg(all(test, not(loom)))]
mod tests;
