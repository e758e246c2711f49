//! Handles of Unix sockets.
//!
//! Owns what tasks hold. Knows nothing of how bytes move.

mod datagram;
mod entry;
mod listener;
mod named;
mod socket;
mod stream;

use self::datagram::SimUnixDatagram;
use self::listener::SimUnixListener;
use self::named::Named;
use self::socket::SimUnixSocket;
use self::stream::SimUnixStream;
