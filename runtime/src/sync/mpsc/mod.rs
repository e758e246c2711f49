//! A channel from many senders to one receiver.
//!
//! Owns the values on their way, and the slots that bound how many there can be. Knows nothing of
//! who decides which sender runs.

mod bounded;
mod chan;
pub mod error;
mod permit;
mod recv;
mod send;
mod unbounded;

pub use self::bounded::{Receiver, Sender, WeakSender, channel};
pub use self::permit::{OwnedPermit, Permit, PermitIterator};
pub use self::unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
};

/// The futures of both sorts of channel.
pub mod futures {
    pub use super::recv::{Recv, RecvMany};
    pub use super::send::{Closed, Reserve, ReserveMany, ReserveOwned, Send};
}

#[cfg(all(test, not(loom)))]
mod tests;
