//! How connections move.
//!
//! Follows RFC 9293 as Linux carries it out where a program can tell: what is readable stays
//! readable after a reset, the pending error is returned once, closing with unread bytes resets.

mod bytes;
mod closing;
mod handshake;
mod keepalive;
mod nagle;
mod patience;
mod ports;
mod unused;
mod wire;

pub(in crate::world::net) use self::ports::Reuse;
pub(crate) use self::unused::{Unused, UnusedId};
