//! A listening Unix socket.

use std::io;
use std::os::unix::net::{self, SocketAddr};
use std::sync::Arc;

use simoom::backend::{Direction, Signs, UnixListener, UnixStream};

use super::super::handle::{Handle, Socket, Waits};
use super::super::inside::{inside, no_descriptor};
use super::SimUnixStream;
use crate::world::World;
use crate::world::net::unix::{Closing, SocketId, Waiting};

/// A listening socket of a world.
pub(super) type SimUnixListener = Handle<Listening>;

/// A listening socket.
#[derive(Clone, Copy)]
pub(super) struct Listening(pub(super) SocketId);

impl Socket for Listening {
    const WHAT: &'static str = "Unix listener";

    fn close(self, world: &mut World) {
        world.close_unix(self.0, Closing::Listener);
    }
}

impl Waits for Listening {
    fn may_try(self, world: &mut World, direction: Direction) -> io::Result<bool> {
        let listener = world.net.unix.listeners.get(self.0)?;
        Ok(direction == Direction::Read && listener.is_readable())
    }

    fn waiting(self, world: &mut World, _direction: Direction) -> io::Result<&mut Waiting> {
        Ok(&mut world.net.unix.listeners.get_mut(self.0)?.reading)
    }

    fn signs(self, _world: &mut World) -> io::Result<Signs> {
        Ok(Signs::default())
    }

    fn take_error(self, world: &mut World) -> io::Result<Option<io::Error>> {
        world.net.unix.listeners.get(self.0)?;
        Ok(None)
    }
}

impl UnixListener for SimUnixListener {
    fn try_accept(&self) -> io::Result<(Arc<dyn UnixStream>, SocketAddr)> {
        inside(self.world, |backend| {
            let (id, peer) = backend.with(|world| world.unix_accept(self.socket.0))?;
            let stream: Arc<dyn UnixStream> = Arc::new(SimUnixStream::new(backend, id, 1));
            Ok((stream, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.with(|world| {
            let listener = world.net.unix.listeners.get(self.socket.0)?;
            Ok(listener.local().clone())
        })
    }

    fn to_std(&self) -> io::Result<net::UnixListener> {
        Err(no_descriptor())
    }
}
