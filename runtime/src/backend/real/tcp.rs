//! TCP sockets of the real world.
//!
//! Owns descriptors and the attempts on them. Knows nothing of who waits.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::io::ReadBuf;

use super::named::{Named, polled};
use super::options;
use super::shared::Shared;
use super::source::{READABLE, WRITABLE};
use super::sys;
use super::watched::is_all;
use crate::backend::{Direction, Listener, ReadBytes, SocketOption, Stream, WriteBytes};

/// A listening socket.
pub(super) struct RealListener {
    socket: Named<TcpListener>,
}

impl RealListener {
    pub(super) fn bind(shared: Arc<Shared>, addr: SocketAddr, backlog: u32) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // A restarted server must not wait for connections of its predecessor to time out.
        socket.set_reuse_address(true)?;
        socket.bind(&SockAddr::from(addr))?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        let io = TcpListener::from_std(socket.into());
        Ok(Self {
            socket: Named::new(io, shared, READABLE)?,
        })
    }

    pub(super) fn adopt(shared: Arc<Shared>, listener: std::net::TcpListener) -> io::Result<Self> {
        let io = TcpListener::from_std(listener);
        Ok(Self {
            socket: Named::adopted(io, shared, READABLE)?,
        })
    }
}

polled!(RealListener);

impl Listener for RealListener {
    fn try_accept(&self) -> io::Result<(Arc<dyn Stream>, SocketAddr)> {
        let accept = |io: &TcpListener| io.accept().map(|accepted| (accepted, false));
        let (stream, addr) = self.socket.attempt(Direction::Read, accept)?;
        let stream = RealStream::new(self.socket.shared().clone(), stream, READABLE | WRITABLE)?;
        Ok((Arc::new(stream), addr))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    fn ttl(&self) -> io::Result<u32> {
        self.socket.io().ttl()
    }

    fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.io().set_ttl(ttl)
    }

    fn to_std(&self) -> io::Result<std::net::TcpListener> {
        Ok(self.socket.twin()?.into())
    }
}

/// A stream.
pub(super) struct RealStream {
    socket: Named<TcpStream>,
}

impl RealStream {
    pub(super) fn connect(shared: Arc<Shared>, addr: SocketAddr) -> io::Result<Self> {
        // Nothing is ready before the kernel says that the attempt has ended.
        Self::new(shared, TcpStream::connect(addr)?, 0)
    }

    /// Takes over a socket whose attempt to connect is under way.
    pub(super) fn connecting(shared: Arc<Shared>, stream: std::net::TcpStream) -> io::Result<Self> {
        Self::adopt_with(shared, stream, 0)
    }

    pub(super) fn adopt(shared: Arc<Shared>, stream: std::net::TcpStream) -> io::Result<Self> {
        Self::adopt_with(shared, stream, READABLE | WRITABLE)
    }

    fn adopt_with(
        shared: Arc<Shared>,
        stream: std::net::TcpStream,
        readiness: usize,
    ) -> io::Result<Self> {
        let io = TcpStream::from_std(stream);
        Ok(Self {
            socket: Named::adopted(io, shared, readiness)?,
        })
    }

    fn new(shared: Arc<Shared>, io: TcpStream, readiness: usize) -> io::Result<Self> {
        Ok(Self {
            socket: Named::new(io, shared, readiness)?,
        })
    }

    fn options(&self) -> SockRef<'_> {
        SockRef::from(self.socket.io())
    }
}

polled!(RealStream);

impl ReadBytes for RealStream {
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let free = buf.remaining();
        self.socket.attempt(Direction::Read, |io| {
            let received = sys::receive(io.as_fd(), buf)?;
            Ok((received, is_all(received, free)))
        })
    }

    fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket.attempt(Direction::Read, |io| {
            Ok((sys::read_vectored(io, bufs)?, false))
        })
    }
}

impl WriteBytes for RealStream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.attempt(Direction::Write, |mut io| {
            let sent = io.write(bytes)?;
            Ok((sent, is_all(sent, bytes.len())))
        })
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        // More parts than the kernel takes at once make a write partial: no sign of a full socket.
        self.socket.attempt(Direction::Write, |mut io| {
            Ok((io.write_vectored(parts)?, false))
        })
    }
}

impl Stream for RealStream {
    fn try_peek(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.socket.attempt(Direction::Read, |io| {
            Ok((sys::peek(io.as_fd(), buf)?, false))
        })
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.io().shutdown(how)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().peer_addr()
    }

    fn option(&self, option: SocketOption) -> io::Result<u32> {
        options::option(&self.options(), option)
    }

    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        options::set_option(&self.options(), option, value)
    }

    fn linger(&self) -> io::Result<Option<Duration>> {
        self.options().linger()
    }

    fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.options().set_linger(linger)
    }

    fn to_std(&self) -> io::Result<std::net::TcpStream> {
        Ok(self.socket.twin()?.into())
    }
}
