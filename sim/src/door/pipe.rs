//! Handles of pipes.
//!
//! Owns what tasks hold. Knows nothing of how bytes move.

use std::fs::OpenOptions;
use std::io::{self, IoSlice};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use simoom::backend::{
    Direction, PipeAccess, PipeReceiver, PipeSender, Pipes, Polled, ReadBytes, Resource, Signs,
    WriteBytes,
};
use tokio::io::ReadBuf;

use super::inside::{inside, keep_waker, no_descriptor, try_ready};
use crate::backend::SimBackend;
use crate::remote::SimRemote;
use crate::world::World;
use crate::world::net::Side;
use crate::world::net::unix::SocketId;

/// One end of a pipe of a world.
struct SimPipe {
    world: u64,
    id: SocketId,
    side: Side,
    /// The direction in which bytes move.
    moving: Resource,
    /// The other one, in which nothing does.
    idle: Resource,
}

impl SimPipe {
    fn new(backend: &SimBackend, id: SocketId, side: Side) -> Arc<Self> {
        let moving = Resource::new();
        backend.with(|world| world.name_pipe(id, &moving));
        Arc::new(Self {
            world: backend.id(),
            id,
            side,
            moving,
            idle: Resource::new(),
        })
    }

    fn with<R>(&self, f: impl FnOnce(&mut World) -> io::Result<R>) -> io::Result<R> {
        inside(self.world, |backend| backend.with(f))
    }

    fn is_ready(&self, direction: Direction) -> io::Result<bool> {
        self.with(|world| world.pipe_is_ready(self.id, self.side, direction))
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

impl Polled for SimPipe {
    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        match self.is_ready(direction) {
            Err(error) => return Poll::Ready(Err(error)),
            Ok(true) => return Poll::Ready(Ok(())),
            Ok(false) => {}
        }
        // Cloning a waker runs foreign code.
        let waker = cx.waker().clone();
        let kept = self.with(|world| {
            let waiting = world.pipe_waiting(self.id, self.side)?;
            if let Some(spare) = keep_waker(&mut waiting.wakers, waker) {
                world.effects.drop(spare);
            }
            Ok(())
        });
        match kept {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        try_ready(
            directions,
            attempt,
            |direction| self.is_ready(direction),
            |direction| {
                self.with(|world| {
                    world.pipe_waiting(self.id, self.side)?.block(direction);
                    Ok(())
                })
            },
        )
    }

    fn signs(&self) -> Signs {
        let signs = self.with(|world| world.pipe_signs(self.id, self.side));
        signs.unwrap_or_default()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    fn resource(&self, direction: Direction) -> &Resource {
        match (self.side, direction) {
            (Side::Sender, Direction::Write) | (Side::Receiver, Direction::Read) => &self.moving,
            _ => &self.idle,
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl ReadBytes for SimPipe {
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let target = buf.initialize_unfilled();
        let count = self.with(|world| world.pipe_read(self.id, target))?;
        buf.advance(count);
        Ok(count)
    }
}

impl WriteBytes for SimPipe {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(bytes)])
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with(|world| world.pipe_write(self.id, parts))
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

impl Drop for SimPipe {
    fn drop(&mut self) {
        let _ = self.with(|world| {
            world.close_pipe(self.id, self.side);
            Ok(())
        });
    }
}

fn real_pipe() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a pipe of the operating system cannot enter a simulation: make one inside it",
    )
}
