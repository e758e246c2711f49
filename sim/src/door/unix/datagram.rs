//! A Unix socket for messages.

use std::io;
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::net::{self, SocketAddr};
use std::task::{Context, Poll};

use simoom::backend::{Direction, Polled, Resource, Signs, UnixDatagram};
use tokio::io::ReadBuf;

use super::super::inside::no_descriptor;
use super::Named;
use crate::world::net::unix::{Closing, SocketId};

/// A socket for messages of a world.
pub(super) struct SimUnixDatagram {
    socket: Named,
}

impl SimUnixDatagram {
    pub(super) fn new(world: u64, id: SocketId) -> Self {
        let socket = Named::new(world, id, Closing::Datagram);
        Self { socket }
    }

    pub(super) fn bind(&self, address: &SocketAddr) -> io::Result<()> {
        let id = self.socket.id;
        self.socket
            .with(|world| world.unix_datagram_bind(id, address))
    }
}

impl Polled for SimUnixDatagram {
    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        let id = self.socket.id;
        self.socket.poll_ready(
            cx,
            |world| Ok(world.net.unix.datagrams.get(id)?.is_ready(direction)),
            |world| Ok(world.net.unix.datagrams.get_mut(id)?.waiting(direction)),
        )
    }

    fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let id = self.socket.id;
        self.socket.try_io(
            directions,
            attempt,
            |world, direction| Ok(world.net.unix.datagrams.get(id)?.is_ready(direction)),
            |world, direction| Ok(world.net.unix.datagrams.get_mut(id)?.waiting(direction)),
        )
    }

    fn signs(&self) -> Signs {
        let id = self.socket.id;
        let signs = self
            .socket
            .with(|world| Ok(world.net.unix.datagrams.get(id)?.signs()));
        signs.unwrap_or_default()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        let id = self.socket.id;
        self.socket
            .with(|world| Ok(world.net.unix.datagrams.get_mut(id)?.take_error()))
    }

    fn resource(&self, direction: Direction) -> &Resource {
        self.socket.resource(direction)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl UnixDatagram for SimUnixDatagram {
    fn connect(&self, address: &SocketAddr) -> io::Result<()> {
        let id = self.socket.id;
        self.socket
            .with(|world| world.unix_datagram_connect(id, address))
    }

    fn try_send(&self, bytes: &[u8], target: Option<&SocketAddr>) -> io::Result<usize> {
        let id = self.socket.id;
        self.socket.with(|world| world.unix_send(id, bytes, target))
    }

    fn try_recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.try_recv_from(buf).map(|(count, _)| count)
    }

    fn try_recv_from(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, SocketAddr)> {
        let target = buf.initialize_unfilled();
        let received = self
            .socket
            .with(|world| world.unix_recv(self.socket.id, target))?;
        buf.advance(received.0);
        Ok(received)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let id = self.socket.id;
        self.socket.with(|world| world.unix_datagram_shut(id, how))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let id = self.socket.id;
        self.socket
            .with(|world| Ok(world.net.unix.datagrams.get(id)?.local()))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        let id = self.socket.id;
        self.socket
            .with(|world| world.net.unix.datagrams.get(id)?.peer())
    }

    fn to_std(&self) -> io::Result<net::UnixDatagram> {
        Err(no_descriptor())
    }
}
