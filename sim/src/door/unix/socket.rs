//! A Unix socket that is yet to be put to use.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::SocketAddr;
use std::sync::Arc;

use simoom::backend::{UnixDatagram, UnixKind, UnixListener, UnixSocket, UnixStream};

use super::super::inside::inside;
use super::{Named, SimUnixDatagram, SimUnixListener, SimUnixStream};
use crate::backend::SimBackend;
use crate::world::net::unix::Closing;

/// A socket that is neither listening nor connected.
pub(super) enum SimUnixSocket {
    Stream(Named),
    Datagram(SimUnixDatagram),
}

impl SimUnixSocket {
    pub(super) fn new(backend: &SimBackend, kind: UnixKind) -> Self {
        match kind {
            UnixKind::Stream => {
                let id = backend.with(|world| world.unix_socket());
                Self::Stream(Named::new(backend.id(), id, Closing::Fresh))
            }
            UnixKind::Datagram => {
                let id = backend.with(|world| world.unix_datagram());
                Self::Datagram(SimUnixDatagram::new(backend.id(), id))
            }
        }
    }

    /// The handle, for what only streams do. The runtime asks nothing else of it.
    fn stream(&self) -> io::Result<&Named> {
        match self {
            Self::Stream(socket) => Ok(socket),
            Self::Datagram(_) => Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
        }
    }
}

impl UnixSocket for SimUnixSocket {
    fn bind(&self, address: &SocketAddr) -> io::Result<()> {
        match self {
            Self::Stream(socket) => socket.with(|world| world.unix_bind(socket.id, address)),
            Self::Datagram(socket) => socket.bind(address),
        }
    }

    fn listen(self: Box<Self>, backlog: u32) -> io::Result<Arc<dyn UnixListener>> {
        let socket = self.stream()?;
        let id = socket.with(|world| world.unix_listen(socket.id, backlog))?;
        Ok(Arc::new(SimUnixListener::new(socket.world(), id)))
    }

    fn connect(self: Box<Self>, address: &SocketAddr) -> io::Result<Arc<dyn UnixStream>> {
        let socket = self.stream()?;
        inside(socket.world(), |backend| {
            let id = backend.with(|world| world.unix_connect(socket.id, address))?;
            let stream: Arc<dyn UnixStream> = Arc::new(SimUnixStream::new(backend, id, 0));
            Ok(stream)
        })
    }

    fn datagram(self: Box<Self>) -> io::Result<Arc<dyn UnixDatagram>> {
        match *self {
            Self::Datagram(socket) => Ok(Arc::new(socket)),
            Self::Stream(_) => Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
