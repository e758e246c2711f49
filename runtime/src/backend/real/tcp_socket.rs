//! Sockets of TCP of the real world, before they listen or connect.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::local::Local;
use super::options;
use super::shared::Shared;
use super::tcp::{RealListener, RealStream};
use crate::backend::{Listener, SocketOption, Stream, TcpSockets, UnusedTcp};

struct RealUnused {
    socket: Socket,
    shared: Arc<Shared>,
}

impl TcpSockets for Local {
    fn tcp_socket(&self, is_v6: bool) -> io::Result<Box<dyn UnusedTcp>> {
        self.shared().tcp_socket(is_v6)
    }

    fn adopt_tcp_socket(&self, socket: std::net::TcpStream) -> io::Result<Box<dyn UnusedTcp>> {
        self.shared().adopt_tcp_socket(socket)
    }
}

impl TcpSockets for Shared {
    fn tcp_socket(&self, is_v6: bool) -> io::Result<Box<dyn UnusedTcp>> {
        let domain = if is_v6 { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        let shared = self.this();
        Ok(Box::new(RealUnused { socket, shared }))
    }

    fn adopt_tcp_socket(&self, socket: std::net::TcpStream) -> io::Result<Box<dyn UnusedTcp>> {
        let (socket, shared) = (socket.into(), self.this());
        Ok(Box::new(RealUnused { socket, shared }))
    }
}

impl UnusedTcp for RealUnused {
    fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(&SockAddr::from(addr))
    }

    fn connect(self: Box<Self>, addr: SocketAddr) -> io::Result<Arc<dyn Stream>> {
        match self.socket.connect(&SockAddr::from(addr)) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
            _ => {}
        }
        let stream = RealStream::connecting(self.shared, self.socket.into())?;
        Ok(Arc::new(stream))
    }

    fn listen(self: Box<Self>, backlog: u32) -> io::Result<Arc<dyn Listener>> {
        self.socket
            .listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        let listener = RealListener::adopt(self.shared, self.socket.into())?;
        Ok(Arc::new(listener))
    }

    fn option(&self, option: SocketOption) -> io::Result<u32> {
        options::option(&SockRef::from(&self.socket), option)
    }

    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        options::set_option(&SockRef::from(&self.socket), option, value)
    }

    fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.linger()
    }

    fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.set_linger(linger)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.socket.device()
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn device(&self) -> io::Result<Option<Vec<u8>>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.socket.bind_device(interface)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn bind_device(&self, _interface: Option<&[u8]>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let addr = self.socket.local_addr()?;
        addr.as_socket()
            .ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}
