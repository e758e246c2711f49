//! A channel of which every receiver gets every value.
//!
//! Owns the values until all have got them, or newer ones take their places. Knows nothing of who
//! decides which receiver runs.

mod chan;
pub mod error;
mod receiver;
mod sender;

pub use self::receiver::Receiver;
pub use self::sender::{Sender, WeakSender, channel};

/// The futures of either side.
pub mod futures {
    pub use super::receiver::Recv;
    pub use super::sender::Closed;
}

#[cfg(all(test, not(loom)))]
mod tests;
