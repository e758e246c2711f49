//! UDP handles.
//!
//! Owns the sockets for datagrams that tasks hold. Knows nothing of how a datagram travels.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use simoom::backend::{
    Datagram, DatagramNet, Direction, Interface, Polled, Resource, Signs, SocketOption,
};
use tokio::io::ReadBuf;

use super::inside::{inside, keep_waker, no_descriptor, try_ready};
use crate::backend::{SimBackend, real_socket};
use crate::remote::{SimRemote, outside};
use crate::world::World;
use crate::world::net::waiting::is_news;
use crate::world::net::{Udp, UdpId, os};

/// A socket for datagrams of a world.
pub(crate) struct SimDatagram {
    world: u64,
    id: UdpId,
    reading: Resource,
    writing: Resource,
}

impl SimDatagram {
    pub(crate) fn new(world: u64, id: UdpId) -> Self {
        Self {
            world,
            id,
            reading: Resource::new(),
            writing: Resource::new(),
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut World) -> io::Result<R>) -> io::Result<R> {
        inside(self.world, |backend| backend.with(f))
    }

    fn socket<R>(&self, f: impl FnOnce(&mut Udp) -> io::Result<R>) -> io::Result<R> {
        self.with(|world| f(world.net.udp_mut(self.id)?))
    }

    /// Whether an attempt makes sense. Sending never waits: the network takes everything.
    fn is_ready(&self, direction: Direction) -> io::Result<bool> {
        self.socket(|socket| {
            let may_be_tried = match direction {
                Direction::Read => socket.is_readable(),
                Direction::Write => true,
                other => is_news(other, socket.signs()),
            };
            Ok(may_be_tried && !socket.waiting(direction).is_blocked(direction))
        })
    }
}

impl DatagramNet for SimBackend {
    fn udp_bind(&self, addr: SocketAddr) -> io::Result<Arc<dyn Datagram>> {
        self.refuse_dead()?;
        let id = self.with(|world| world.udp_bind(addr))?;
        Ok(Arc::new(SimDatagram::new(self.id(), id)))
    }

    fn adopt_datagram(&self, _socket: std::net::UdpSocket) -> io::Result<Arc<dyn Datagram>> {
        Err(real_socket())
    }
}

impl DatagramNet for SimRemote {
    fn udp_bind(&self, addr: SocketAddr) -> io::Result<Arc<dyn Datagram>> {
        self.inside(|backend| match backend {
            Some(backend) => backend.udp_bind(addr),
            None => Err(outside()),
        })
    }

    fn adopt_datagram(&self, _socket: std::net::UdpSocket) -> io::Result<Arc<dyn Datagram>> {
        Err(outside())
    }
}

impl Polled for SimDatagram {
    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        match self.is_ready(direction) {
            Err(error) => return Poll::Ready(Err(error)),
            Ok(true) => return Poll::Ready(Ok(())),
            Ok(false) => {}
        }
        let waker = cx.waker().clone();
        let kept = self.with(|world| {
            let socket = world.net.udp_mut(self.id)?;
            if let Some(spare) = keep_waker(&mut socket.waiting(direction).wakers, waker) {
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
                self.socket(|socket| {
                    socket.waiting(direction).block(direction);
                    Ok(())
                })
            },
        )
    }

    fn signs(&self) -> Signs {
        self.socket(|socket| Ok(socket.signs())).unwrap_or_default()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket(|socket| Ok(socket.error.take().map(os)))
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

impl Datagram for SimDatagram {
    fn try_send(&self, bytes: &[u8], target: Option<SocketAddr>) -> io::Result<usize> {
        self.with(|world| world.udp_send(self.id, bytes, target))
    }

    fn try_receive(&self, buf: &mut ReadBuf<'_>, peek: bool) -> io::Result<SocketAddr> {
        let target = buf.initialize_unfilled();
        let (count, from) = self.with(|world| world.udp_receive(self.id, target, peek))?;
        buf.advance(count);
        Ok(from)
    }

    fn connect(&self, addr: SocketAddr) -> io::Result<()> {
        self.with(|world| world.udp_connect(self.id, addr))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket(|socket| Ok(socket.local))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket(|socket| socket.peer.ok_or_else(|| os(libc::ENOTCONN)))
    }

    fn option(&self, option: SocketOption) -> io::Result<u32> {
        self.socket(|socket| socket.options.get(option))
    }

    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        self.socket(|socket| socket.options.set(option, value))
    }

    fn group(&self, group: IpAddr, interface: Interface, joins: bool) -> io::Result<()> {
        self.with(|world| world.udp_group(self.id, group, interface, joins))
    }

    fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.socket(|socket| Ok(socket.device.clone()))
    }

    fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        let known = matches!(interface, None | Some(b"" | b"lo" | b"eth0"));
        if !known {
            return Err(os(libc::ENODEV));
        }
        self.socket(|socket| {
            socket.device = interface
                .filter(|name| !name.is_empty())
                .map(<[u8]>::to_vec);
            Ok(())
        })
    }

    fn to_std(&self) -> io::Result<std::net::UdpSocket> {
        Err(no_descriptor())
    }
}

impl Drop for SimDatagram {
    fn drop(&mut self) {
        let _ = self.with(|world| {
            world.close_udp(self.id);
            Ok(())
        });
    }
}
