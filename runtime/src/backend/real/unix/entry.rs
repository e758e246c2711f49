//! Where the real world's Unix sockets come from.
//!
//! Owns the seam's calls. Knows nothing of what a socket does.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net;
use std::sync::Arc;

use super::super::local::Local;
use super::super::shared::Shared;
use super::{RealUnixDatagram, RealUnixListener, RealUnixSocket, RealUnixStream};
use crate::backend::{Unix, UnixDatagram, UnixKind, UnixListener, UnixSocket, UnixStream};

impl Unix for Shared {
    fn unix_socket(&self, kind: UnixKind) -> io::Result<Box<dyn UnixSocket>> {
        Ok(Box::new(RealUnixSocket::new(self.this(), kind)?))
    }

    fn adopt_unix_socket(&self, it: OwnedFd) -> io::Result<(Box<dyn UnixSocket>, UnixKind)> {
        let (socket, kind) = RealUnixSocket::adopt(self.this(), it)?;
        Ok((Box::new(socket), kind))
    }

    fn unix_stream_pair(&self) -> io::Result<[Arc<dyn UnixStream>; 2]> {
        let (one, two) = mio::net::UnixStream::pair()?;
        Ok([
            Arc::new(RealUnixStream::open(self.this(), one)?),
            Arc::new(RealUnixStream::open(self.this(), two)?),
        ])
    }

    fn unix_datagram_pair(&self) -> io::Result<[Arc<dyn UnixDatagram>; 2]> {
        let (one, two) = net::UnixDatagram::pair()?;
        one.set_nonblocking(true)?;
        two.set_nonblocking(true)?;
        Ok([
            self.adopt_unix_datagram(one)?,
            self.adopt_unix_datagram(two)?,
        ])
    }

    fn adopt_unix_listener(&self, it: net::UnixListener) -> io::Result<Arc<dyn UnixListener>> {
        Ok(Arc::new(RealUnixListener::adopt(self.this(), it)?))
    }

    fn adopt_unix_stream(&self, it: net::UnixStream) -> io::Result<Arc<dyn UnixStream>> {
        Ok(Arc::new(RealUnixStream::adopt(self.this(), it)?))
    }

    fn adopt_unix_datagram(&self, it: net::UnixDatagram) -> io::Result<Arc<dyn UnixDatagram>> {
        Ok(Arc::new(RealUnixDatagram::adopt(self.this(), it)?))
    }
}

impl Unix for Local {
    fn unix_socket(&self, kind: UnixKind) -> io::Result<Box<dyn UnixSocket>> {
        self.shared().unix_socket(kind)
    }

    fn adopt_unix_socket(&self, it: OwnedFd) -> io::Result<(Box<dyn UnixSocket>, UnixKind)> {
        self.shared().adopt_unix_socket(it)
    }

    fn unix_stream_pair(&self) -> io::Result<[Arc<dyn UnixStream>; 2]> {
        self.shared().unix_stream_pair()
    }

    fn unix_datagram_pair(&self) -> io::Result<[Arc<dyn UnixDatagram>; 2]> {
        self.shared().unix_datagram_pair()
    }

    fn adopt_unix_listener(&self, it: net::UnixListener) -> io::Result<Arc<dyn UnixListener>> {
        self.shared().adopt_unix_listener(it)
    }

    fn adopt_unix_stream(&self, it: net::UnixStream) -> io::Result<Arc<dyn UnixStream>> {
        self.shared().adopt_unix_stream(it)
    }

    fn adopt_unix_datagram(&self, it: net::UnixDatagram) -> io::Result<Arc<dyn UnixDatagram>> {
        self.shared().adopt_unix_datagram(it)
    }
}
