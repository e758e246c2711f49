//! Unix sockets of the real world.
//!
//! Owns descriptors and the attempts on them. Knows nothing of who waits.

mod datagram;
mod entry;
mod listener;
mod socket;
mod stream;

pub(super) use self::datagram::RealUnixDatagram;
pub(super) use self::listener::RealUnixListener;
pub(super) use self::socket::RealUnixSocket;
pub(super) use self::stream::RealUnixStream;
