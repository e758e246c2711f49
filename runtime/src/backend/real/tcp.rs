//! TCP sockets of the real world.
//!
//! Owns descriptors and the attempts on them. Knows nothing of who waits.

use std::io::{self, IoSlice, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::io::ReadBuf;

use super::options;
use super::shared::Shared;
use super::source::{READABLE, WRITABLE};
use super::sys;
use super::watched::{Watched, is_all};
use crate::backend::{Closed, Direction, Listener, Resource, SocketOption, Stream};

/// A listening socket.
pub(super) struct RealListener {
    watched: Watched<TcpListener>,
    resource: Resource,
}

impl RealListener {
    pub(super) fn bind(shared: Arc<Shared>, addr: SocketAddr, backlog: u32) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // A restarted server must not wait for connections of its predecessor to time out.
        socket.set_reuse_address(true)?;
        socket.bind(&SockAddr::from(addr))?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Self::adopt(shared, socket.into())
    }

    pub(super) fn adopt(shared: Arc<Shared>, listener: std::net::TcpListener) -> io::Result<Self> {
        let io = TcpListener::from_std(listener);
        Ok(Self {
            watched: Watched::new(io, shared, READABLE)?,
            resource: Resource::new(),
        })
    }
}

impl Listener for RealListener {
    fn try_accept(&self) -> io::Result<(Arc<dyn Stream>, SocketAddr)> {
        let accept = |io: &TcpListener| io.accept().map(|accepted| (accepted, false));
        let (stream, addr) = self.watched.attempt(Direction::Read, accept)?;
        let stream = RealStream::new(self.watched.shared().clone(), stream, READABLE | WRITABLE)?;
        Ok((Arc::new(stream), addr))
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched.poll_ready(cx, Direction::Read)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.watched.io().local_addr()
    }

    fn ttl(&self) -> io::Result<u32> {
        self.watched.io().ttl()
    }

    fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.watched.io().set_ttl(ttl)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.watched.io().take_error()
    }

    fn to_std(&self) -> io::Result<std::net::TcpListener> {
        Ok(self.watched.twin()?.into())
    }

    fn resource(&self) -> &Resource {
        &self.resource
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.watched.descriptor())
    }
}

/// A stream.
pub(super) struct RealStream {
    watched: Watched<TcpStream>,
    reading: Resource,
    writing: Resource,
}

impl RealStream {
    pub(super) fn connect(shared: Arc<Shared>, addr: SocketAddr) -> io::Result<Self> {
        // Nothing is ready before the kernel says that the attempt has ended.
        Self::new(shared, TcpStream::connect(addr)?, 0)
    }

    /// Takes over a socket whose attempt to connect is under way.
    pub(super) fn connecting(shared: Arc<Shared>, stream: std::net::TcpStream) -> io::Result<Self> {
        Self::new(shared, TcpStream::from_std(stream), 0)
    }

    pub(super) fn adopt(shared: Arc<Shared>, stream: std::net::TcpStream) -> io::Result<Self> {
        Self::new(shared, TcpStream::from_std(stream), READABLE | WRITABLE)
    }

    fn new(shared: Arc<Shared>, io: TcpStream, readiness: usize) -> io::Result<Self> {
        Ok(Self {
            watched: Watched::new(io, shared, readiness)?,
            reading: Resource::new(),
            writing: Resource::new(),
        })
    }

    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self.watched.io())
    }
}

impl Stream for RealStream {
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let free = buf.remaining();
        self.watched.attempt(Direction::Read, |io| {
            let received = sys::receive(io.as_fd(), buf)?;
            Ok((received, is_all(received, free)))
        })
    }

    fn try_peek(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.watched.attempt(Direction::Read, |io| {
            Ok((sys::peek(io.as_fd(), buf)?, false))
        })
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.watched.attempt(Direction::Write, |mut io| {
            let sent = io.write(bytes)?;
            Ok((sent, is_all(sent, bytes.len())))
        })
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        // More parts than the kernel takes at once make a write partial: no sign of a full socket.
        self.watched.attempt(Direction::Write, |mut io| {
            Ok((io.write_vectored(parts)?, false))
        })
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.watched.io().shutdown(how)
    }

    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        self.watched.poll_ready(cx, direction)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.watched.io().local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.watched.io().peer_addr()
    }

    fn option(&self, option: SocketOption) -> io::Result<u32> {
        options::option(&self.socket(), option)
    }

    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        options::set_option(&self.socket(), option, value)
    }

    fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        self.watched.try_io(directions, attempt)
    }

    fn closed(&self) -> Closed {
        self.watched.closed()
    }

    fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket().linger()
    }

    fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket().set_linger(linger)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.watched.io().take_error()
    }

    fn to_std(&self) -> io::Result<std::net::TcpStream> {
        Ok(self.watched.twin()?.into())
    }

    fn resource(&self, direction: Direction) -> &Resource {
        match direction {
            Direction::Read => &self.reading,
            Direction::Write => &self.writing,
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.watched.descriptor())
    }
}
