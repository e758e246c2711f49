//! TCP streams and listeners, UDP and Unix sockets, and looking up names.

mod address;
mod cancel;
mod close;
mod dual;
mod helpers;
mod interest;
mod listener;
mod scripts;
mod split;
mod stream;
mod tcp_socket;
mod udp;
mod unix;
mod vectored;
mod waiting;

use simoom::net::{TcpListener, TcpStream};
use std::net::SocketAddr;

/// A listener on a free port of this host.
async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// The two ends of a connection: the one that connected, and the one that was accepted.
async fn pair() -> (TcpStream, TcpStream) {
    let (listener, addr) = listener().await;
    let client = TcpStream::connect(addr).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

/// An address of this host at which nobody listens.
async fn nobody() -> SocketAddr {
    listener().await.1
}

/// Bytes that show where they stand.
fn pattern(count: usize) -> Vec<u8> {
    (0..count as u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}
