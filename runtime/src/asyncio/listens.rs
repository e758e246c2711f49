//! What a server can accept connections from.

use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::task::{Context, Poll};

use crate::net::{TcpListener, TcpStream, UnixListener, UnixStream, unix};

/// A listener: of TCP, or of Unix sockets.
pub trait Listens: sealed::Sealed + Send + Sync + 'static {
    /// A connection.
    type Stream: Send + 'static;

    /// Where it comes from.
    type Addr: Send + 'static;

    #[doc(hidden)]
    fn poll_accept_any(
        &self,
        cx: &mut Context<'_>,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<(Self::Stream, Self::Addr)>>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::TcpListener {}
    impl Sealed for super::UnixListener {}
}

impl Listens for TcpListener {
    type Stream = TcpStream;
    type Addr = SocketAddr;

    fn poll_accept_any(
        &self,
        cx: &mut Context<'_>,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.poll_accept_at(cx, None, site)
    }
}

impl Listens for UnixListener {
    type Stream = UnixStream;
    type Addr = unix::SocketAddr;

    fn poll_accept_any(
        &self,
        cx: &mut Context<'_>,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<(UnixStream, unix::SocketAddr)>> {
        self.poll_accept_at(cx, None, site)
    }
}
