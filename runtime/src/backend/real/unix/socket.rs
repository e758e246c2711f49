//! A Unix socket that is yet to be put to use.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{self, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Domain, SockAddr, Socket, Type};

use super::super::shared::Shared;
use super::super::source::{READABLE, WRITABLE};
use super::datagram::raw_address;
use super::{RealUnixDatagram, RealUnixListener, RealUnixStream};
use crate::backend::{UnixDatagram, UnixKind, UnixListener, UnixSocket, UnixStream};

/// A socket that is neither listening nor connected.
pub(in super::super) struct RealUnixSocket {
    socket: Socket,
    shared: Arc<Shared>,
    /// Somebody else may hold a descriptor of it.
    has_twin: AtomicBool,
}

impl RealUnixSocket {
    pub(super) fn new(shared: Arc<Shared>, kind: UnixKind) -> io::Result<Self> {
        let kind = match kind {
            UnixKind::Stream => Type::STREAM,
            UnixKind::Datagram => Type::DGRAM,
        };
        let socket = Socket::new(Domain::UNIX, kind, None)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            shared,
            has_twin: AtomicBool::new(false),
        })
    }

    /// Takes over a socket, and says what it transports.
    pub(super) fn adopt(shared: Arc<Shared>, socket: OwnedFd) -> io::Result<(Self, UnixKind)> {
        let socket = Socket::from(socket);
        let kind = match socket.r#type()? {
            Type::DGRAM => UnixKind::Datagram,
            _ => UnixKind::Stream,
        };
        let has_twin = AtomicBool::new(true);
        let this = Self {
            socket,
            shared,
            has_twin,
        };
        Ok((this, kind))
    }
}

impl UnixSocket for RealUnixSocket {
    fn bind(&self, address: &SocketAddr) -> io::Result<()> {
        self.socket.bind(&raw_address(address)?)
    }

    fn listen(self: Box<Self>, backlog: u32) -> io::Result<Arc<dyn UnixListener>> {
        self.socket
            .listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        let listener = net::UnixListener::from(OwnedFd::from(self.socket));
        Ok(Arc::new(RealUnixListener::adopt(self.shared, listener)?))
    }

    fn connect(self: Box<Self>, address: &SocketAddr) -> io::Result<Arc<dyn UnixStream>> {
        let address: SockAddr = raw_address(address)?;
        let readiness = match self.socket.connect(&address) {
            Ok(()) => READABLE | WRITABLE,
            // Nothing is ready before the kernel says that the attempt has ended. On Linux it ends
            // at once.
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => 0,
            Err(error) => return Err(error),
        };
        let stream = net::UnixStream::from(OwnedFd::from(self.socket));
        let stream = mio::net::UnixStream::from_std(stream);
        let stream = RealUnixStream::new(self.shared, stream, readiness)?;
        if self.has_twin.into_inner() {
            stream.note_twin();
        }
        Ok(Arc::new(stream))
    }

    fn datagram(self: Box<Self>) -> io::Result<Arc<dyn UnixDatagram>> {
        let datagram = net::UnixDatagram::from(OwnedFd::from(self.socket));
        Ok(Arc::new(RealUnixDatagram::adopt(self.shared, datagram)?))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.has_twin.store(true, Ordering::Relaxed);
        Some(self.socket.as_fd())
    }
}
