//! A Unix socket for messages.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};

use simoom::backend::{Direction, Signs, UnixDatagram};
use tokio::io::ReadBuf;

use super::super::handle::{Handle, Socket, Waits};
use super::super::inside::no_descriptor;
use crate::world::World;
use crate::world::net::unix::{Closing, SocketId, Waiting};

/// A socket for messages of a world.
pub(super) type SimUnixDatagram = Handle<Messages>;

/// A socket for messages.
#[derive(Clone, Copy)]
pub(super) struct Messages(pub(super) SocketId);

impl SimUnixDatagram {
    pub(super) fn bind(&self, address: &SocketAddr) -> io::Result<()> {
        self.with(|world| world.unix_datagram_bind(self.socket.0, address))
    }
}

impl Socket for Messages {
    const WHAT: &'static str = "Unix datagram socket";

    fn close(self, world: &mut World) {
        world.close_unix(self.0, Closing::Datagram);
    }
}

impl Waits for Messages {
    fn may_try(self, world: &mut World, direction: Direction) -> io::Result<bool> {
        let socket = world.net.unix.datagrams.get(self.0)?;
        Ok(direction == Direction::Write || socket.is_readable())
    }

    fn waiting(self, world: &mut World, direction: Direction) -> io::Result<&mut Waiting> {
        Ok(world.net.unix.datagrams.get_mut(self.0)?.waiting(direction))
    }

    fn signs(self, world: &mut World) -> io::Result<Signs> {
        Ok(world.net.unix.datagrams.get(self.0)?.signs())
    }

    fn take_error(self, world: &mut World) -> io::Result<Option<io::Error>> {
        Ok(world.net.unix.datagrams.get_mut(self.0)?.take_error())
    }
}

impl UnixDatagram for SimUnixDatagram {
    fn connect(&self, address: &SocketAddr) -> io::Result<()> {
        let id = self.socket.0;
        self.with(|world| world.unix_datagram_connect(id, address))
    }

    fn try_send(&self, bytes: &[u8], target: Option<&SocketAddr>) -> io::Result<usize> {
        let id = self.socket.0;
        self.with(|world| world.unix_send(id, bytes, target))
    }

    fn try_recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.try_recv_from(buf).map(|(count, _)| count)
    }

    fn try_recv_from(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, SocketAddr)> {
        let target = buf.initialize_unfilled();
        let received = self.with(|world| world.unix_recv(self.socket.0, target))?;
        buf.advance(received.0);
        Ok(received)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let id = self.socket.0;
        self.with(|world| world.unix_datagram_shut(id, how))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let id = self.socket.0;
        self.with(|world| Ok(world.net.unix.datagrams.get(id)?.local()))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        let id = self.socket.0;
        self.with(|world| world.net.unix.datagrams.get(id)?.peer())
    }

    fn to_std(&self) -> io::Result<net::UnixDatagram> {
        Err(no_descriptor())
    }
}
