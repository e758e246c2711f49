//! Where a world's Unix sockets come from.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net;
use std::sync::Arc;

use simoom::backend::{Unix, UnixDatagram, UnixKind, UnixListener, UnixSocket, UnixStream};

use super::datagram::Messages;
use super::{SimUnixDatagram, SimUnixSocket, SimUnixStream};
use crate::backend::SimBackend;
use crate::remote::SimRemote;

impl Unix for SimBackend {
    fn unix_socket(&self, kind: UnixKind) -> io::Result<Box<dyn UnixSocket>> {
        self.refuse_dead()?;
        Ok(Box::new(SimUnixSocket::new(self, kind)))
    }

    fn unix_stream_pair(&self) -> io::Result<[Arc<dyn UnixStream>; 2]> {
        self.refuse_dead()?;
        let id = self.with(|world| world.unix_stream_pair());
        Ok([
            Arc::new(SimUnixStream::new(self, id, 0)),
            Arc::new(SimUnixStream::new(self, id, 1)),
        ])
    }

    fn unix_datagram_pair(&self) -> io::Result<[Arc<dyn UnixDatagram>; 2]> {
        self.refuse_dead()?;
        let [one, two] = self.with(|world| world.unix_datagram_pair())?;
        Ok([
            Arc::new(SimUnixDatagram::of(self.id(), Messages(one))),
            Arc::new(SimUnixDatagram::of(self.id(), Messages(two))),
        ])
    }

    fn adopt_unix_socket(&self, _it: OwnedFd) -> io::Result<(Box<dyn UnixSocket>, UnixKind)> {
        Err(real_socket())
    }

    fn adopt_unix_listener(&self, _it: net::UnixListener) -> io::Result<Arc<dyn UnixListener>> {
        Err(real_socket())
    }

    fn adopt_unix_stream(&self, _it: net::UnixStream) -> io::Result<Arc<dyn UnixStream>> {
        Err(real_socket())
    }

    fn adopt_unix_datagram(&self, _it: net::UnixDatagram) -> io::Result<Arc<dyn UnixDatagram>> {
        Err(real_socket())
    }
}

impl Unix for SimRemote {
    fn unix_socket(&self, kind: UnixKind) -> io::Result<Box<dyn UnixSocket>> {
        self.inside_or_fail(|backend| backend.unix_socket(kind))
    }

    fn unix_stream_pair(&self) -> io::Result<[Arc<dyn UnixStream>; 2]> {
        self.inside_or_fail(Unix::unix_stream_pair)
    }

    fn unix_datagram_pair(&self) -> io::Result<[Arc<dyn UnixDatagram>; 2]> {
        self.inside_or_fail(Unix::unix_datagram_pair)
    }

    fn adopt_unix_socket(&self, _it: OwnedFd) -> io::Result<(Box<dyn UnixSocket>, UnixKind)> {
        Err(real_socket())
    }

    fn adopt_unix_listener(&self, _it: net::UnixListener) -> io::Result<Arc<dyn UnixListener>> {
        Err(real_socket())
    }

    fn adopt_unix_stream(&self, _it: net::UnixStream) -> io::Result<Arc<dyn UnixStream>> {
        Err(real_socket())
    }

    fn adopt_unix_datagram(&self, _it: net::UnixDatagram) -> io::Result<Arc<dyn UnixDatagram>> {
        Err(real_socket())
    }
}

fn real_socket() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a socket of the operating system cannot enter a simulation: bind or connect inside it",
    )
}
