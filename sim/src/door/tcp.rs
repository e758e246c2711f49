//! TCP handles.
//!
//! Owns the streams and listeners that tasks hold. Knows nothing of how a connection moves.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use simoom::backend::{Direction, Listener, Signs, SocketOption, Stream};
use tokio::io::ReadBuf;

use super::handle::{Bytes, Handle, Socket, Waits};
use super::inside::{inside, no_descriptor};
use crate::backend::SimBackend;
use crate::world::World;
use crate::world::net::{ConnectionId, End, ListenerId, Waiting, no_listener, of_kind, shown};

/// A listening socket of a world.
pub(crate) type SimListener = Handle<ListenerId>;

impl Socket for ListenerId {
    const WHAT: &'static str = "TCP listener";

    fn close(self, world: &mut World) {
        world.close_listener(self);
    }
}

impl Waits for ListenerId {
    fn may_try(self, world: &mut World, direction: Direction) -> io::Result<bool> {
        let listener = world.net.listener(self).ok_or_else(no_listener)?;
        Ok(direction == Direction::Read && !listener.accepted.is_empty())
    }

    fn waiting(self, world: &mut World, _direction: Direction) -> io::Result<&mut Waiting> {
        let listener = world.net.listener_mut(self).ok_or_else(no_listener)?;
        Ok(&mut listener.waiting)
    }

    fn signs(self, _world: &mut World) -> io::Result<Signs> {
        Ok(Signs::default())
    }

    fn take_error(self, world: &mut World) -> io::Result<Option<io::Error>> {
        world.net.listener(self).ok_or_else(no_listener)?;
        Ok(None)
    }
}

impl Listener for SimListener {
    fn try_accept(&self) -> io::Result<(Arc<dyn Stream>, SocketAddr)> {
        inside(self.world, |backend| {
            let (id, peer) = backend.with(|world| {
                let id = world.accept(self.socket)?;
                let connection = world.net.connection(id).ok_or_else(no_listener)?;
                let end = &connection.ends[1];
                Ok::<_, io::Error>((id, end.shown(end.peer)))
            })?;
            let stream: Arc<dyn Stream> = Arc::new(SimStream::new(backend, id, 1));
            Ok((stream, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.with(|world| {
            let listener = world.net.listener(self.socket).ok_or_else(no_listener)?;
            Ok(shown(listener.local, listener.is_v6))
        })
    }

    fn ttl(&self) -> io::Result<u32> {
        self.with(|world| {
            let listener = world.net.listener(self.socket).ok_or_else(no_listener)?;
            Ok(listener.options.value(SocketOption::Ttl))
        })
    }

    fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.with(|world| {
            let listener = world.net.listener_mut(self.socket);
            let listener = listener.ok_or_else(no_listener)?;
            listener.options.set(SocketOption::Ttl, ttl)
        })
    }

    fn to_std(&self) -> io::Result<std::net::TcpListener> {
        Err(no_descriptor())
    }
}

/// One end of a connection of a world.
pub(crate) type SimStream = Handle<TcpEnd>;

/// One end of a connection: its opener's, which is the first, or the other one.
#[derive(Clone, Copy)]
pub(crate) struct TcpEnd {
    id: ConnectionId,
    end: usize,
}

impl TcpEnd {
    fn of(self, world: &mut World) -> io::Result<&mut End> {
        world.net.end_mut(self.id, self.end)
    }
}

impl SimStream {
    pub(crate) fn new(backend: &SimBackend, id: ConnectionId, end: usize) -> Self {
        let this = Self::of(backend.id(), TcpEnd { id, end });
        backend.with(|world| {
            world.name_direction(id, end == 1, &this.reading);
            world.name_direction(id, end == 0, &this.writing);
        });
        this
    }

    fn end<R>(&self, f: impl FnOnce(&mut End) -> R) -> io::Result<R> {
        self.with(|world| Ok(f(self.socket.of(world)?)))
    }
}

impl Socket for TcpEnd {
    const WHAT: &'static str = "TCP stream";

    fn close(self, world: &mut World) {
        world.close(self.id, self.end);
    }
}

impl Waits for TcpEnd {
    fn may_try(self, world: &mut World, direction: Direction) -> io::Result<bool> {
        let end = self.of(world)?;
        Ok(match direction {
            Direction::Write => end.is_writable(),
            _ => end.is_readable(),
        })
    }

    fn waiting(self, world: &mut World, direction: Direction) -> io::Result<&mut Waiting> {
        Ok(self.of(world)?.waiting(direction))
    }

    fn signs(self, world: &mut World) -> io::Result<Signs> {
        Ok(self.of(world)?.signs())
    }

    fn take_error(self, world: &mut World) -> io::Result<Option<io::Error>> {
        Ok(self.of(world)?.error.take().map(of_kind))
    }
}

impl Bytes for TcpEnd {
    fn read(self, world: &mut World, targets: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        world.read(self.id, self.end, targets)
    }

    fn write(self, world: &mut World, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        world.write(self.id, self.end, parts)
    }
}

impl Stream for SimStream {
    fn try_peek(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let target = buf.initialize_unfilled();
        let TcpEnd { id, end } = self.socket;
        let count = self.with(|world| world.peek(id, end, target))?;
        buf.advance(count);
        Ok(count)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let TcpEnd { id, end } = self.socket;
        self.with(|world| world.shut(id, end, how))
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
        let TcpEnd { id, end } = self.socket;
        self.with(|world| {
            self.socket.of(world)?.options.set(option, value)?;
            world.option_was_set(id, end, option);
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
