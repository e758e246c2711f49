//! Channels, intervals, listeners and the like as streams: what has a next item, some time.
//!
//! The trait is that of `futures-core`, so the combinators of `futures` and of `tokio-stream` work on
//! them. Each wrapper gives back what it wraps.
//!
//! # Under simulation
//! As the operations that they repeat.

mod channels;
mod receivers;
mod repeated;

pub use futures_core::Stream;

pub use self::channels::{ReceiverStream, UnboundedReceiverStream};
pub use self::receivers::{BroadcastStream, BroadcastStreamRecvError, WatchStream};
pub use self::repeated::{
    IntervalStream, LinesStream, ReadDirStream, SignalStream, SplitStream, TcpListenerStream,
    UnixListenerStream,
};
