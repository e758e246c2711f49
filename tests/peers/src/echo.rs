//! What both ends of the echo rows agree on.

use std::io::Write;
use std::net::SocketAddr;

/// Bytes of a message.
pub const MESSAGE: usize = 1024;

/// Bytes of the servers' buffers: larger than a message, so that a read that does not fill it
/// tells that the socket is empty.
pub const BUFFER: usize = 4096;

/// Tells the parent where the server listens.
pub fn announce(address: SocketAddr) {
    println!("{}", address.port());
    let _ = std::io::stdout().flush();
}
