//! Handles of pipes.
//!
//! Owns what tasks hold. Knows nothing of how bytes move.

use std::fs::OpenOptions;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use simoom::backend::{Direction, PipeAccess, PipeReceiver, PipeSender, Pipes, Signs};

use super::handle::{Bytes, Handle, Socket, Waits};
use super::inside::no_descriptor;
use crate::backend::SimBackend;
use crate::remote::SimRemote;
use crate::world::World;
use crate::world::net::unix::SocketId;
use crate::world::net::{Side, Waiting};

/// One end of a pipe of a world.
type SimPipe = Handle<PipeEnd>;

/// One end of a pipe.
#[derive(Clone, Copy)]
struct PipeEnd {
    id: SocketId,
    side: Side,
}

impl SimPipe {
    fn new(backend: &SimBackend, id: SocketId, side: Side) -> Arc<Self> {
        let this = Self::of(backend.id(), PipeEnd { id, side });
        let moving = match side {
            Side::Sender => &this.writing,
            Side::Receiver => &this.reading,
        };
        backend.with(|world| world.name_pipe(id, moving));
        Arc::new(this)
    }
}

impl Socket for PipeEnd {
    const WHAT: &'static str = "end of a pipe";

    fn close(self, world: &mut World) {
        world.close_pipe(self.id, self.side);
    }
}

impl Waits for PipeEnd {
    fn may_try(self, world: &mut World, direction: Direction) -> io::Result<bool> {
        let pipe = world.net.pipes.get_mut(self.id, self.side)?;
        Ok(pipe.may_try(self.side, direction))
    }

    /// There is one for all directions, as bytes move in one alone.
    fn waiting(self, world: &mut World, _direction: Direction) -> io::Result<&mut Waiting> {
        let pipe = world.net.pipes.get_mut(self.id, self.side)?;
        Ok(pipe.waiting(self.side))
    }

    fn signs(self, world: &mut World) -> io::Result<Signs> {
        let pipe = world.net.pipes.get_mut(self.id, self.side)?;
        Ok(pipe.signs(self.side))
    }

    fn take_error(self, _world: &mut World) -> io::Result<Option<io::Error>> {
        Ok(None)
    }
}

impl Bytes for PipeEnd {
    fn read(self, world: &mut World, targets: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        world.pipe_read(self.id, targets)
    }

    fn write(self, world: &mut World, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        world.pipe_write(self.id, parts)
    }
}

impl Pipes for SimBackend {
    fn pipe(&self) -> io::Result<(Arc<dyn PipeSender>, Arc<dyn PipeReceiver>)> {
        self.refuse_dead()?;
        let id = self.with(World::pipe);
        Ok((
            SimPipe::new(self, id, Side::Sender),
            SimPipe::new(self, id, Side::Receiver),
        ))
    }

    fn open_pipe(&self, _: &Path, _: &OpenOptions, _: bool) -> io::Result<OwnedFd> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "pipes with names are not simulated: use a pipe without one, or a Unix socket",
        ))
    }

    fn check_pipe(&self, _: OwnedFd, _: PipeAccess) -> io::Result<OwnedFd> {
        Err(real_pipe())
    }

    fn adopt_pipe_sender(&self, _: OwnedFd) -> io::Result<Arc<dyn PipeSender>> {
        Err(real_pipe())
    }

    fn adopt_pipe_receiver(&self, _: OwnedFd) -> io::Result<Arc<dyn PipeReceiver>> {
        Err(real_pipe())
    }
}

impl Pipes for SimRemote {
    fn pipe(&self) -> io::Result<(Arc<dyn PipeSender>, Arc<dyn PipeReceiver>)> {
        self.inside_or_fail(Pipes::pipe)
    }

    fn open_pipe(&self, path: &Path, options: &OpenOptions, any: bool) -> io::Result<OwnedFd> {
        self.inside_or_fail(|backend| backend.open_pipe(path, options, any))
    }

    fn check_pipe(&self, _: OwnedFd, _: PipeAccess) -> io::Result<OwnedFd> {
        Err(real_pipe())
    }

    fn adopt_pipe_sender(&self, _: OwnedFd) -> io::Result<Arc<dyn PipeSender>> {
        Err(real_pipe())
    }

    fn adopt_pipe_receiver(&self, _: OwnedFd) -> io::Result<Arc<dyn PipeReceiver>> {
        Err(real_pipe())
    }
}

impl PipeSender for SimPipe {
    fn to_fd(&self, _blocking: bool) -> io::Result<OwnedFd> {
        Err(no_descriptor())
    }
}

impl PipeReceiver for SimPipe {
    fn to_fd(&self, _blocking: bool) -> io::Result<OwnedFd> {
        Err(no_descriptor())
    }
}

fn real_pipe() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a pipe of the operating system cannot enter a simulation: make one inside it",
    )
}
