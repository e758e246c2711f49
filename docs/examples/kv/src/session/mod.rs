//! What one connection is, and what its requests do.
//!
//! Owns the order of understanding, locking, doing and committing, and what is told of the server.
//! Knows nothing of sockets.

mod requests;

mod blocking;

mod describe;
mod information;

pub(crate) use self::blocking::Blocked;
pub(crate) use self::requests::{Next, Session};
