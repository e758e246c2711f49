//! A listening Unix socket.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::{self, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use simoom::backend::{Direction, Polled, Resource, Signs, UnixListener, UnixStream};

use super::super::inside::{inside, no_descriptor};
use super::{Named, SimUnixStream};
use crate::world::net::unix::{Closing, SocketId};

/// A listening socket of a world.
pub(super) struct SimUnixListener {
    socket: Named,
}

impl SimUnixListener {
    pub(super) fn new(world: u64, id: SocketId) -> Self {
        let socket = Named::new(world, id, Closing::Listener);
        Self { socket }
    }
}

impl Polled for SimUnixListener {
    fn poll_ready(&self, cx: &mut Context<'_>, _direction: Direction) -> Poll<io::Result<()>> {
        let id = self.socket.id;
        self.socket.poll_ready(
            cx,
            |world| Ok(world.net.unix.listeners.get(id)?.is_ready()),
            |world| Ok(&mut world.net.unix.listeners.get_mut(id)?.reading),
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
            |world, _| Ok(world.net.unix.listeners.get(id)?.is_ready()),
            |world, _| Ok(&mut world.net.unix.listeners.get_mut(id)?.reading),
        )
    }

    fn signs(&self) -> Signs {
        Signs::default()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.with(|world| {
            world.net.unix.listeners.get(self.socket.id)?;
            Ok(None)
        })
    }

    fn resource(&self, direction: Direction) -> &Resource {
        self.socket.resource(direction)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl UnixListener for SimUnixListener {
    fn try_accept(&self) -> io::Result<(Arc<dyn UnixStream>, SocketAddr)> {
        inside(self.socket.world(), |backend| {
            let (id, peer) = backend.with(|world| world.unix_accept(self.socket.id))?;
            let stream: Arc<dyn UnixStream> = Arc::new(SimUnixStream::new(backend, id, 1));
            Ok((stream, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let id = self.socket.id;
        let local = |world: &mut crate::world::World| {
            let listener = world.net.unix.listeners.get(id)?;
            Ok(listener.local().clone())
        };
        self.socket.with(local)
    }

    fn to_std(&self) -> io::Result<net::UnixListener> {
        Err(no_descriptor())
    }
}
