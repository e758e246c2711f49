//! One end of a Unix stream.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};

use simoom::backend::{Credentials, Direction, Signs, UnixStream};

use super::super::handle::{Bytes, Handle, Socket, Waits};
use super::super::inside::no_descriptor;
use crate::backend::SimBackend;
use crate::native;
use crate::world::World;
use crate::world::net::unix::{Closing, End, SocketId, Waiting};

/// One end of a stream of a world.
pub(super) type SimUnixStream = Handle<UnixEnd>;

/// One end of a stream: its opener's, which is the first, or the other one.
#[derive(Clone, Copy)]
pub(super) struct UnixEnd {
    id: SocketId,
    end: usize,
}

/// The process of a node, as others see it: this and the node's number.
const FIRST_PROCESS: i32 = 1000;

impl UnixEnd {
    fn of(self, world: &mut World) -> io::Result<&mut End> {
        world.unix_end(self.id, self.end)
    }
}

impl SimUnixStream {
    pub(super) fn new(backend: &SimBackend, id: SocketId, end: usize) -> Self {
        let this = Self::of(backend.id(), UnixEnd { id, end });
        backend.with(|world| {
            world.name_unix_direction(id, end == 1, &this.reading);
            world.name_unix_direction(id, end == 0, &this.writing);
        });
        this
    }
}

impl Socket for UnixEnd {
    const WHAT: &'static str = "Unix stream";

    fn close(self, world: &mut World) {
        world.close_unix(self.id, Closing::Stream { end: self.end });
    }
}

impl Waits for UnixEnd {
    fn may_try(self, world: &mut World, direction: Direction) -> io::Result<bool> {
        let end = self.of(world)?;
        Ok(direction == Direction::Write || end.is_readable())
    }

    fn waiting(self, world: &mut World, direction: Direction) -> io::Result<&mut Waiting> {
        Ok(self.of(world)?.waiting(direction))
    }

    fn signs(self, world: &mut World) -> io::Result<Signs> {
        Ok(self.of(world)?.signs())
    }

    fn take_error(self, world: &mut World) -> io::Result<Option<io::Error>> {
        Ok(self.of(world)?.take_error())
    }
}

impl Bytes for UnixEnd {
    fn read(self, world: &mut World, targets: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        world.unix_read(self.id, self.end, targets)
    }

    fn write(self, world: &mut World, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        world.unix_write(self.id, self.end, parts)
    }
}

impl UnixStream for SimUnixStream {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let UnixEnd { id, end } = self.socket;
        self.with(|world| world.unix_shut(id, end, how))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.with(|world| Ok(self.socket.of(world)?.local.clone()))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.with(|world| Ok(self.socket.of(world)?.peer.clone()))
    }

    fn peer_cred(&self) -> io::Result<Credentials> {
        // Both ends are of one node.
        let node = self.with(|world| Ok(self.socket.of(world)?.node))?;
        let (uid, gid) = native::effective_ids();
        let pid = Some(FIRST_PROCESS + i32::from(node.0));
        Ok(Credentials { pid, uid, gid })
    }

    fn to_std(&self) -> io::Result<net::UnixStream> {
        Err(no_descriptor())
    }
}
