//! Channels, intervals, listeners and the like as streams: what has a next item, some time.
//!
//! The trait is that of `futures-core`, so the combinators of `futures` and of `tokio-stream` work on
//! them. Each wrapper gives back what it wraps. [`StreamExt`] has the combinators that need a clock,
//! or chance, under the names of `tokio-stream`; it stands beside `futures::StreamExt`, which has
//! the rest.
//!
//! # Generators
//! The crate [`async-stream`](https://docs.rs/async-stream) writes a stream as a function that
//! yields. It needs no runtime, so it works in every world:
//!
//! ```
//! use async_stream::stream;
//! use futures::StreamExt;
//! use simoom::stream::Stream;
//! use simoom::time::{Duration, sleep};
//!
//! fn count_down(from: u32) -> impl Stream<Item = u32> {
//!     stream! {
//!         for left in (1..=from).rev() {
//!             yield left;
//!             sleep(Duration::from_millis(1)).await;
//!         }
//!     }
//! }
//!
//! # let rt = simoom::runtime::Runtime::new().unwrap();
//! # rt.block_on(async {
//! let numbers: Vec<u32> = count_down(3).collect().await;
//! assert_eq!(numbers, [3, 2, 1]);
//! # });
//! ```
//!
//! A stream that is dropped halfway drops what the function holds, at the `yield` where it stands.
//! Nobody can ask for two items at once, since asking borrows the stream. A `yield` inside of a scope
//! of another future, such as the body of a [`TaskGroup`](crate::TaskGroup), does not compile:
//!
//! ```compile_fail
//! use simoom::TaskGroup;
//!
//! let numbers = async_stream::stream! {
//!     let group = TaskGroup::<()>::run(async |group| {
//!         yield 1;
//!         Ok(())
//!     });
//!     group.await.unwrap();
//! };
//! # drop(futures::StreamExt::boxed_local(numbers));
//! ```
//!
//! Without a macro there is `futures::stream::unfold`.
//!
//! # Under simulation
//! As the operations that they repeat.

pub mod adapters;
mod channels;
mod ext;
mod receivers;
mod repeated;

pub use futures_core::Stream;

pub use self::channels::{ReceiverStream, UnboundedReceiverStream};
pub use self::ext::StreamExt;
pub use self::receivers::{BroadcastStream, BroadcastStreamRecvError, WatchStream};
pub use self::repeated::{
    IntervalStream, LinesStream, ReadDirStream, SignalStream, SplitStream, TcpListenerStream,
    UnixListenerStream,
};
pub use crate::time::error::Elapsed;
