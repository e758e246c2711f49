//! A Unix socket that is yet to be put to use.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::SocketAddr;
use std::sync::Arc;

use simoom::backend::{UnixDatagram, UnixKind, UnixListener, UnixSocket, UnixStream};

use super::super::handle::{Handle, Socket};
use super::super::inside::inside;
use super::datagram::Messages;
use super::listener::Listening;
use super::{SimUnixDatagram, SimUnixListener, SimUnixStream};
use crate::backend::SimBackend;
use crate::world::World;
use crate::world::net::unix::{Closing, SocketId};

/// A socket that is neither listening nor connected.
pub(super) enum SimUnixSocket {
    Stream(Handle<Fresh>),
    Datagram(SimUnixDatagram),
}

/// A socket for streams that is yet to be put to use.
#[derive(Clone, Copy)]
pub(super) struct Fresh(SocketId);

impl Socket for Fresh {
    const WHAT: &'static str = "Unix socket";

    fn close(self, world: &mut World) {
        world.close_unix(self.0, Closing::Fresh);
    }
}

impl SimUnixSocket {
    pub(super) fn new(backend: &SimBackend, kind: UnixKind) -> Self {
        match kind {
            UnixKind::Stream => {
                let id = backend.with(|world| world.unix_socket());
                Self::Stream(Handle::of(backend.id(), Fresh(id)))
            }
            UnixKind::Datagram => {
                let id = backend.with(|world| world.unix_datagram());
                Self::Datagram(SimUnixDatagram::of(backend.id(), Messages(id)))
            }
        }
    }

    /// The handle, for what only streams do. The runtime asks nothing else of it.
    fn stream(&self) -> io::Result<&Handle<Fresh>> {
        match self {
            Self::Stream(socket) => Ok(socket),
            Self::Datagram(_) => Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
        }
    }
}

impl UnixSocket for SimUnixSocket {
    fn bind(&self, address: &SocketAddr) -> io::Result<()> {
        match self {
            Self::Stream(socket) => socket.with(|world| world.unix_bind(socket.socket.0, address)),
            Self::Datagram(socket) => socket.bind(address),
        }
    }

    fn listen(self: Box<Self>, backlog: u32) -> io::Result<Arc<dyn UnixListener>> {
        let socket = self.stream()?;
        let id = socket.with(|world| world.unix_listen(socket.socket.0, backlog))?;
        Ok(Arc::new(SimUnixListener::of(socket.world, Listening(id))))
    }

    fn connect(self: Box<Self>, address: &SocketAddr) -> io::Result<Arc<dyn UnixStream>> {
        let socket = self.stream()?;
        inside(socket.world, |backend| {
            let id = backend.with(|world| world.unix_connect(socket.socket.0, address))?;
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
