//! TCP handles.
//!
//! Owns the streams and listeners that tasks hold. Knows nothing of how a connection moves.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use simoom::backend::{
    Direction, Listener, Polled, ReadBytes, Resource, Signs, SocketOption, Stream, WriteBytes,
};
use tokio::io::ReadBuf;

use super::inside::{inside, keep_waker, no_descriptor, try_ready};
use crate::backend::SimBackend;
use crate::world::World;
use crate::world::net::waiting::is_news;
use crate::world::net::{ConnectionId, End, ListenerId, no_listener, of_kind};

/// A listening socket of a world.
pub(crate) struct SimListener {
    world: u64,
    id: ListenerId,
    resource: Resource,
}

impl SimListener {
    pub(crate) fn new(world: u64, id: ListenerId) -> Self {
        Self {
            world,
            id,
            resource: Resource::new(),
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut World) -> io::Result<R>) -> io::Result<R> {
        inside(self.world, |backend| backend.with(f))
    }

    fn is_ready(&self) -> io::Result<bool> {
        self.with(|world| {
            let listener = world.net.listener(self.id).ok_or_else(no_listener)?;
            Ok(!listener.accepted.is_empty())
        })
    }
}

impl Polled for SimListener {
    fn poll_ready(&self, cx: &mut Context<'_>, _direction: Direction) -> Poll<io::Result<()>> {
        match self.is_ready() {
            Err(error) => return Poll::Ready(Err(error)),
            Ok(true) => return Poll::Ready(Ok(())),
            Ok(false) => {}
        }
        let waker = cx.waker().clone();
        let kept = self.with(|world| {
            let listener = world.net.listener_mut(self.id).ok_or_else(no_listener)?;
            if let Some(spare) = keep_waker(&mut listener.wakers, waker) {
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
        try_ready(directions, attempt, |_| self.is_ready(), |_| Ok(()))
    }

    fn signs(&self) -> Signs {
        Signs::default()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    fn resource(&self, _direction: Direction) -> &Resource {
        &self.resource
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl Listener for SimListener {
    fn try_accept(&self) -> io::Result<(Arc<dyn Stream>, SocketAddr)> {
        inside(self.world, |backend| {
            let (id, peer) = backend.with(|world| {
                let id = world.accept(self.id)?;
                let connection = world.net.connection(id).ok_or_else(no_listener)?;
                let end = &connection.ends[1];
                Ok::<_, io::Error>((id, end.shown(end.peer)))
            })?;
            let stream: Arc<dyn Stream> = Arc::new(SimStream::new(backend, id, 1));
            Ok((stream, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.with(|world| Ok(world.net.listener(self.id).ok_or_else(no_listener)?.local))
    }

    fn ttl(&self) -> io::Result<u32> {
        self.with(|world| {
            Ok(world
                .net
                .listener(self.id)
                .ok_or_else(no_listener)?
                .options
                .value(SocketOption::Ttl))
        })
    }

    fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.with(|world| {
            let listener = world.net.listener_mut(self.id).ok_or_else(no_listener)?;
            listener.options.set(SocketOption::Ttl, ttl)
        })
    }

    fn to_std(&self) -> io::Result<std::net::TcpListener> {
        Err(no_descriptor())
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let _ = self.with(|world| {
            world.close_listener(self.id);
            Ok(())
        });
    }
}

/// One end of a connection of a world.
pub(crate) struct SimStream {
    world: u64,
    id: ConnectionId,
    end: usize,
    reading: Resource,
    writing: Resource,
}

impl SimStream {
    pub(crate) fn new(backend: &SimBackend, id: ConnectionId, end: usize) -> Self {
        let (reading, writing) = (Resource::new(), Resource::new());
        backend.with(|world| {
            world.name_direction(id, end == 1, &reading);
            world.name_direction(id, end == 0, &writing);
        });
        Self {
            world: backend.id(),
            id,
            end,
            reading,
            writing,
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut World) -> io::Result<R>) -> io::Result<R> {
        inside(self.world, |backend| backend.with(f))
    }

    fn end<R>(&self, f: impl FnOnce(&mut End) -> R) -> io::Result<R> {
        self.with(|world| Ok(f(world.net.end_mut(self.id, self.end)?)))
    }

    fn is_ready(&self, direction: Direction) -> io::Result<bool> {
        self.end(|end| {
            let may_be_tried = match direction {
                Direction::Read => end.is_readable(),
                Direction::Write => end.is_writable(),
                other => is_news(other, end.signs()),
            };
            may_be_tried && !end.waiting(direction).is_blocked(direction)
        })
    }
}

impl Polled for SimStream {
    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        match self.is_ready(direction) {
            Err(error) => return Poll::Ready(Err(error)),
            Ok(true) => return Poll::Ready(Ok(())),
            Ok(false) => {}
        }
        let waker = cx.waker().clone();
        let kept = self.with(|world| {
            let end = world.net.end_mut(self.id, self.end)?;
            if let Some(spare) = keep_waker(&mut end.waiting(direction).wakers, waker) {
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
            |direction| self.end(|end| end.waiting(direction).block(direction)),
        )
    }

    fn signs(&self) -> Signs {
        self.end(|end| end.signs()).unwrap_or_default()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.end(|end| end.error.take().map(of_kind))
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

impl ReadBytes for SimStream {
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let target = buf.initialize_unfilled();
        let count = self.with(|world| world.read(self.id, self.end, target))?;
        buf.advance(count);
        Ok(count)
    }
}

impl WriteBytes for SimStream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|world| world.write(self.id, self.end, &[io::IoSlice::new(bytes)]))
    }

    fn try_write_vectored(&self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.with(|world| world.write(self.id, self.end, parts))
    }
}

impl Stream for SimStream {
    fn try_peek(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let target = buf.initialize_unfilled();
        let count = self.with(|world| world.peek(self.id, self.end, target))?;
        buf.advance(count);
        Ok(count)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.with(|world| world.shut(self.id, self.end, how))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.end(|end| end.shown(end.local))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.end(|end| end.peer())?
    }

    fn option(&self, option: SocketOption) -> io::Result<u32> {
        self.end(|end| end.options.get(option))?
    }

    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        self.with(|world| {
            let end = world.net.end_mut(self.id, self.end)?;
            end.options.set(option, value)?;
            world.option_was_set(self.id, self.end, option);
            Ok(())
        })
    }

    fn linger(&self) -> io::Result<Option<Duration>> {
        self.end(|end| end.linger_s.map(Duration::from_secs))
    }

    fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        // The operating system counts whole seconds.
        self.end(|end| end.linger_s = linger.map(|linger| linger.as_secs()))
    }

    fn to_std(&self) -> io::Result<std::net::TcpStream> {
        Err(no_descriptor())
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let _ = self.with(|world| {
            world.close(self.id, self.end);
            Ok(())
        });
    }
}
