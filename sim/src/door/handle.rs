//! Handles of sockets and pipes that tasks hold.
//!
//! Owns what every one of them can be asked: whether it can be tried, its bytes, and to close it.
//! Knows nothing of what a handle names, which is a [`Socket`].

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll};

use simoom::backend::{Direction, Polled, ReadBytes, Resource, Seat, Signs, WriteBytes};
use tokio::io::ReadBuf;

use super::inside::{enter, inside, inside_to_close};
use crate::checkers::leaks::Leak;
use crate::world::World;
use crate::world::net::Waiting;
use crate::world::net::waiting::is_news;

/// What a handle names: a socket or an end of one, in plain numbers.
pub(crate) trait Socket: Copy + Send + Sync {
    /// What people call it.
    const WHAT: &'static str;

    /// Closes it, as dropping its only handle does.
    fn close(self, world: &mut World);
}

/// A socket that can be waited for.
pub(crate) trait Waits: Socket {
    /// Whether an attempt in `direction`, in which bytes move, would not block.
    fn may_try(self, world: &mut World, direction: Direction) -> io::Result<bool>;

    /// Who waits for `direction`.
    fn waiting(self, world: &mut World, direction: Direction) -> io::Result<&mut Waiting>;

    /// What is known of it.
    fn signs(self, world: &mut World) -> io::Result<Signs>;

    /// The pending error, if any.
    fn take_error(self, world: &mut World) -> io::Result<Option<io::Error>>;
}

/// An end of a stream or a pipe.
pub(crate) trait Bytes: Waits {
    /// Moves received bytes to `targets`, one after the other.
    fn read(self, world: &mut World, targets: &mut [IoSliceMut<'_>]) -> io::Result<usize>;

    /// Takes over some of the bytes of `parts`.
    fn write(self, world: &mut World, parts: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// A socket of a world, with the names of its directions. Dropping it closes the socket.
pub(crate) struct Handle<S: Socket> {
    pub(super) world: u64,
    pub(super) socket: S,
    pub(super) reading: Resource,
    pub(super) writing: Resource,
    /// Its number in the books of what programs hold, or 0.
    number: u64,
}

impl<S: Socket> Handle<S> {
    pub(crate) fn of(world: u64, socket: S) -> Self {
        Self {
            world,
            socket,
            reading: Resource::new(),
            writing: Resource::new(),
            number: enter(world, Leak::Socket, S::WHAT),
        }
    }

    pub(super) fn with<R>(&self, f: impl FnOnce(&mut World) -> io::Result<R>) -> io::Result<R> {
        inside(self.world, |backend| backend.with(f))
    }
}

impl<S: Waits> Handle<S> {
    fn is_ready(&self, world: &mut World, direction: Direction) -> io::Result<bool> {
        let may_try = match direction {
            Direction::Read | Direction::Write => self.socket.may_try(world, direction)?,
            Direction::Error | Direction::Priority => is_news(direction, self.socket.signs(world)?),
        };
        Ok(may_try && !self.socket.waiting(world, direction)?.is_blocked(direction))
    }
}

impl<S: Waits> Polled for Handle<S> {
    fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        seat: Option<&mut Seat>,
    ) -> Poll<io::Result<()>> {
        let number = seat.map(|seat| seat.number(direction));
        let has_to_wait = self.with(|world| {
            if self.is_ready(world, direction)? {
                return Ok(None);
            }
            let waiters = &self.socket.waiting(world, direction)?.waiters;
            Ok(Some(waiters.keeps(number.as_deref().copied(), cx.waker())))
        });
        match has_to_wait {
            Ok(None) => return Poll::Ready(Ok(())),
            Ok(Some(true)) => return Poll::Pending,
            Ok(Some(false)) => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        // Cloning a waker runs foreign code, which may have made the socket ready, or ended it.
        let waker = cx.waker().clone();
        let is_ready = self.with(|world| {
            let is_ready = self.is_ready(world, direction);
            if let Ok(false) = is_ready
                && let Ok(waiting) = self.socket.waiting(world, direction)
            {
                let previous = waiting.waiters.keep(number, waker);
                world.effects.drop_some(previous);
            } else {
                world.effects.drop(waker);
            }
            is_ready
        });
        match is_ready {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn leave(&self, seat: &mut Seat) {
        for direction in [Direction::Read, Direction::Write] {
            let number = std::mem::take(seat.number(direction));
            if number == 0 {
                continue;
            }
            // A socket that is gone keeps nobody.
            let _ = self.with(|world| {
                let left = self.socket.waiting(world, direction)?.waiters.leave(number);
                world.effects.drop_some(left);
                Ok(())
            });
        }
    }

    fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut ready = [false; 4];
        self.with(|world| {
            for (ready, &direction) in ready.iter_mut().zip(directions) {
                *ready = self.is_ready(world, direction)?;
            }
            Ok(())
        })?;
        if !ready.contains(&true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = attempt();
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::WouldBlock
        {
            let tried = directions.iter().zip(ready).filter(|(_, ready)| *ready);
            self.with(|world| {
                for (&direction, _) in tried {
                    self.socket.waiting(world, direction)?.block(direction);
                }
                Ok(())
            })?;
        }
        result
    }

    fn signs(&self) -> Signs {
        let signs = self.with(|world| self.socket.signs(world));
        signs.unwrap_or_default()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.with(|world| self.socket.take_error(world))
    }

    fn resource(&self, direction: Direction) -> &Resource {
        match direction {
            Direction::Write => &self.writing,
            Direction::Read | Direction::Error | Direction::Priority => &self.reading,
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl<S: Bytes> ReadBytes for Handle<S> {
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let target = IoSliceMut::new(buf.initialize_unfilled());
        let count = self.try_read_vectored(&mut [target])?;
        buf.advance(count);
        Ok(count)
    }

    fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.with(|world| self.socket.read(world, bufs))
    }
}

impl<S: Bytes> WriteBytes for Handle<S> {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(bytes)])
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with(|world| {
            let taken = self.socket.write(world, parts)?;
            world.wrote(&self.writing, parts, taken);
            Ok(taken)
        })
    }
}

impl<S: Socket> Drop for Handle<S> {
    fn drop(&mut self) {
        // Elsewhere its world closes it by itself.
        inside_to_close(self.world, |backend| {
            backend.with(|world| {
                world.strike_out(self.number);
                self.socket.close(world);
            });
        });
    }
}
