//! Handles of TCP sockets that neither listen nor are connected.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use simoom::backend::{Listener, SocketOption, Stream, TcpSockets, UnusedTcp};

use super::inside::{device, enter, inside};
use super::tcp::{SimListener, SimStream};
use crate::backend::{SimBackend, real_socket};
use crate::checkers::leaks::Leak;
use crate::remote::{SimRemote, outside};
use crate::world::World;
use crate::world::net::{Unused, UnusedId};

struct SimUnused {
    world: u64,
    id: UnusedId,
    /// Its number in the books of what programs hold, or 0.
    number: u64,
}

impl SimUnused {
    fn with<R>(&self, f: impl FnOnce(&mut World) -> io::Result<R>) -> io::Result<R> {
        inside(self.world, |backend| backend.with(f))
    }

    fn socket<R>(&self, f: impl FnOnce(&mut Unused) -> io::Result<R>) -> io::Result<R> {
        self.with(|world| f(world.unused(self.id)?))
    }
}

impl TcpSockets for SimBackend {
    fn tcp_socket(&self, is_v6: bool) -> io::Result<Box<dyn UnusedTcp>> {
        self.refuse_dead()?;
        let id = self.with(|world| world.tcp_socket(is_v6))?;
        let world = self.id();
        let number = enter(world, Leak::Socket, "TCP socket");
        Ok(Box::new(SimUnused { world, id, number }))
    }

    fn adopt_tcp_socket(&self, _socket: std::net::TcpStream) -> io::Result<Box<dyn UnusedTcp>> {
        Err(real_socket())
    }
}

impl TcpSockets for SimRemote {
    fn tcp_socket(&self, is_v6: bool) -> io::Result<Box<dyn UnusedTcp>> {
        self.inside(|backend| match backend {
            Some(backend) => backend.tcp_socket(is_v6),
            None => Err(outside()),
        })
    }

    fn adopt_tcp_socket(&self, _socket: std::net::TcpStream) -> io::Result<Box<dyn UnusedTcp>> {
        Err(outside())
    }
}

impl UnusedTcp for SimUnused {
    fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.with(|world| world.bind_unused(self.id, addr))
    }

    fn connect(self: Box<Self>, addr: SocketAddr) -> io::Result<Arc<dyn Stream>> {
        inside(self.world, |backend| {
            let id = backend.with(|world| world.connect_unused(self.id, addr))?;
            let stream: Arc<dyn Stream> = Arc::new(SimStream::new(backend, id, 0));
            Ok(stream)
        })
    }

    fn listen(self: Box<Self>, backlog: u32) -> io::Result<Arc<dyn Listener>> {
        let id = self.with(|world| world.listen_unused(self.id, backlog as usize))?;
        Ok(Arc::new(SimListener::of(self.world, id)))
    }

    fn option(&self, option: SocketOption) -> io::Result<u32> {
        self.socket(|socket| socket.options.get(option))
    }

    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        self.socket(|socket| socket.options.set(option, value))
    }

    fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket(|socket| Ok(socket.linger_s.map(Duration::from_secs)))
    }

    fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket(|socket| {
            socket.linger_s = linger.map(|linger| linger.as_secs());
            Ok(())
        })
    }

    fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.socket(|socket| Ok(socket.device.clone()))
    }

    fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        let device = device(interface)?;
        self.socket(|socket| {
            socket.device = device;
            Ok(())
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket(|socket| Ok(socket.shown_local()))
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket(|_| Ok(None))
    }

    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}

impl Drop for SimUnused {
    fn drop(&mut self) {
        let _ = self.with(|world| {
            world.strike_out(self.number);
            world.close_unused(self.id);
            Ok(())
        });
    }
}
