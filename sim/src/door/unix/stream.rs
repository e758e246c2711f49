//! One end of a Unix stream.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::net::{self, SocketAddr};
use std::task::{Context, Poll};

use simoom::backend::{
    Credentials, Direction, Polled, ReadBytes, Resource, Signs, UnixStream, WriteBytes,
};
use tokio::io::ReadBuf;

use super::super::inside::no_descriptor;
use super::Named;
use crate::backend::SimBackend;
use crate::native;
use crate::world::net::unix::{Closing, SocketId};

/// One end of a stream of a world.
pub(super) struct SimUnixStream {
    socket: Named,
    end: usize,
}

/// The process of a node, as others see it: this and the node's number.
const FIRST_PROCESS: i32 = 1000;

impl SimUnixStream {
    pub(super) fn new(backend: &SimBackend, id: SocketId, end: usize) -> Self {
        let socket = Named::new(backend.id(), id, Closing::Stream { end });
        backend.with(|world| {
            world.name_unix_direction(id, end == 1, &socket.reading);
            world.name_unix_direction(id, end == 0, &socket.writing);
        });
        Self { socket, end }
    }
}

impl Polled for SimUnixStream {
    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        let (id, end) = (self.socket.id, self.end);
        self.socket.poll_ready(
            cx,
            |world| Ok(world.unix_end(id, end)?.is_ready(direction)),
            |world| Ok(world.unix_end(id, end)?.waiting(direction)),
        )
    }

    fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let (id, end) = (self.socket.id, self.end);
        self.socket.try_io(
            directions,
            attempt,
            |world, direction| Ok(world.unix_end(id, end)?.is_ready(direction)),
            |world, direction| Ok(world.unix_end(id, end)?.waiting(direction)),
        )
    }

    fn signs(&self) -> Signs {
        let (id, end) = (self.socket.id, self.end);
        let signs = self
            .socket
            .with(|world| Ok(world.unix_end(id, end)?.signs()));
        signs.unwrap_or_default()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        let (id, end) = (self.socket.id, self.end);
        self.socket
            .with(|world| Ok(world.unix_end(id, end)?.take_error()))
    }

    fn resource(&self, direction: Direction) -> &Resource {
        self.socket.resource(direction)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl ReadBytes for SimUnixStream {
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let target = buf.initialize_unfilled();
        let count = self
            .socket
            .with(|world| world.unix_read(self.socket.id, self.end, target))?;
        buf.advance(count);
        Ok(count)
    }
}

impl WriteBytes for SimUnixStream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(bytes)])
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket
            .with(|world| world.unix_write(self.socket.id, self.end, parts))
    }
}

impl UnixStream for SimUnixStream {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket
            .with(|world| world.unix_shut(self.socket.id, self.end, how))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let (id, end) = (self.socket.id, self.end);
        self.socket
            .with(|world| Ok(world.unix_end(id, end)?.local.clone()))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        let (id, end) = (self.socket.id, self.end);
        self.socket
            .with(|world| Ok(world.unix_end(id, end)?.peer.clone()))
    }

    fn peer_cred(&self) -> io::Result<Credentials> {
        let (id, end) = (self.socket.id, self.end);
        // Both ends are of one node.
        let node = self
            .socket
            .with(|world| Ok(world.unix_end(id, end)?.node))?;
        let (uid, gid) = native::effective_ids();
        let pid = Some(FIRST_PROCESS + i32::from(node.0));
        Ok(Credentials { pid, uid, gid })
    }

    fn to_std(&self) -> io::Result<net::UnixStream> {
        Err(no_descriptor())
    }
}
