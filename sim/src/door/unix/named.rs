//! What all handles of this folder share.

use std::io;
use std::task::{Context, Poll, Waker};

use simoom::backend::{Direction, Resource};

use super::super::inside::{inside, keep_waker, try_ready};
use crate::world::World;
use crate::world::net::unix::{Closing, SocketId, Waiting};

/// A socket of a world, with the names of its directions. Dropping it closes the socket.
pub(super) struct Named {
    world: u64,
    pub(super) id: SocketId,
    sort: Closing,
    pub(super) reading: Resource,
    pub(super) writing: Resource,
}

impl Named {
    pub(super) fn new(world: u64, id: SocketId, sort: Closing) -> Self {
        Self {
            world,
            id,
            sort,
            reading: Resource::new(),
            writing: Resource::new(),
        }
    }

    pub(super) fn world(&self) -> u64 {
        self.world
    }

    pub(super) fn with<R>(&self, f: impl FnOnce(&mut World) -> io::Result<R>) -> io::Result<R> {
        inside(self.world, |backend| backend.with(f))
    }

    pub(super) fn resource(&self, direction: Direction) -> &Resource {
        match direction {
            Direction::Write => &self.writing,
            Direction::Read | Direction::Error | Direction::Priority => &self.reading,
        }
    }

    /// `Ready` if `is_ready` says so, else keeps the waker where `waiting` says.
    pub(super) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        is_ready: impl FnOnce(&mut World) -> io::Result<bool>,
        waiting: impl FnOnce(&mut World) -> io::Result<&mut Waiting>,
    ) -> Poll<io::Result<()>> {
        match self.with(is_ready) {
            Err(error) => return Poll::Ready(Err(error)),
            Ok(true) => return Poll::Ready(Ok(())),
            Ok(false) => {}
        }
        // Cloning a waker runs foreign code.
        let waker: Waker = cx.waker().clone();
        let kept = self.with(|world| {
            if let Some(spare) = keep_waker(&mut waiting(world)?.wakers, waker) {
                world.effects.drop(spare);
            }
            Ok(())
        });
        match kept {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Calls `attempt` if one of `directions` is ready, and notes if it would block.
    pub(super) fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
        is_ready: impl Fn(&mut World, Direction) -> io::Result<bool>,
        waiting: impl Fn(&mut World, Direction) -> io::Result<&mut Waiting>,
    ) -> io::Result<()> {
        try_ready(
            directions,
            attempt,
            |direction| self.with(|world| is_ready(world, direction)),
            |direction| {
                self.with(|world| {
                    waiting(world, direction)?.block(direction);
                    Ok(())
                })
            },
        )
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = self.with(|world| {
            world.close_unix(self.id, self.sort);
            Ok(())
        });
    }
}
