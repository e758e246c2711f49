//! Handles of Unix sockets.
//!
//! Owns what tasks hold. Knows nothing of how bytes move.

mod datagram;
mod entry;
mod listener;
mod socket;
mod stream;

use self::datagram::SimUnixDatagram;
use self::listener::SimUnixListener;
use self::socket::SimUnixSocket;
use self::stream::SimUnixStream;
