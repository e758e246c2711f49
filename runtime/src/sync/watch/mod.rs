//! A channel that keeps the last value only.
//!
//! Owns that value, and what each receiver has seen of it. Knows nothing of who decides which receiver
//! runs.

pub mod error;
mod receiver;
mod sender;
mod shared;

pub use self::receiver::Receiver;
pub use self::sender::{Sender, channel};
pub use self::shared::Ref;

/// The futures of either side.
pub mod futures {
    pub use super::receiver::{Changed, WaitFor};
    pub use super::sender::Closed;
}

#[cfg(all(test, not(loom)))]
mod tests;
