//! What one connection is, and what its requests do.
//!
//! Owns the order of understanding, locking, doing and committing, and what is told of the server.
//! Knows nothing of sockets.

mod requests;

mod blocking;
mod replicas;

mod describe;
mod information;

pub(crate) use self::blocking::{Blocked, WaitEnd, leave_line};
pub(crate) use self::replicas::ForReplicas;
pub(crate) use self::requests::{Next, Session};
