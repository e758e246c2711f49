//! UDP handles.
//!
//! Owns the sockets for datagrams that tasks hold. Knows nothing of how a datagram travels.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use simoom::backend::{Datagram, DatagramNet, Direction, Interface, Signs, SocketOption};
use tokio::io::ReadBuf;

use super::handle::{Handle, Socket, Waits};
use super::inside::{device, no_descriptor};
use crate::backend::{SimBackend, real_socket};
use crate::remote::{SimRemote, outside};
use crate::world::World;
use crate::world::net::{Udp, UdpId, Waiting, os};

/// A socket for datagrams of a world.
type SimDatagram = Handle<UdpId>;

impl Socket for UdpId {
    const WHAT: &'static str = "UDP socket";

    fn close(self, world: &mut World) {
        world.close_udp(self);
    }
}

impl Waits for UdpId {
    /// Sending never waits: the network takes everything.
    fn may_try(self, world: &mut World, direction: Direction) -> io::Result<bool> {
        let socket = world.net.udp(self)?;
        Ok(direction == Direction::Write || socket.is_readable())
    }

    fn waiting(self, world: &mut World, direction: Direction) -> io::Result<&mut Waiting> {
        Ok(world.net.udp_mut(self)?.waiting(direction))
    }

    fn signs(self, world: &mut World) -> io::Result<Signs> {
        Ok(world.net.udp(self)?.signs())
    }

    fn take_error(self, world: &mut World) -> io::Result<Option<io::Error>> {
        Ok(world.net.udp_mut(self)?.error.take().map(os))
    }
}

impl SimDatagram {
    fn socket<R>(&self, f: impl FnOnce(&mut Udp) -> io::Result<R>) -> io::Result<R> {
        self.with(|world| f(world.net.udp_mut(self.socket)?))
    }
}

impl DatagramNet for SimBackend {
    fn udp_bind(&self, addr: SocketAddr) -> io::Result<Arc<dyn Datagram>> {
        self.refuse_dead()?;
        let id = self.with(|world| world.udp_bind(addr))?;
        Ok(Arc::new(SimDatagram::of(self.id(), id)))
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

impl Datagram for SimDatagram {
    fn try_send(&self, bytes: &[u8], target: Option<SocketAddr>) -> io::Result<usize> {
        self.with(|world| world.udp_send(self.socket, bytes, target))
    }

    fn try_receive(&self, buf: &mut ReadBuf<'_>, peek: bool) -> io::Result<SocketAddr> {
        let target = buf.initialize_unfilled();
        let (count, from) = self.with(|world| world.udp_receive(self.socket, target, peek))?;
        buf.advance(count);
        Ok(from)
    }

    fn connect(&self, addr: SocketAddr) -> io::Result<()> {
        self.with(|world| world.udp_connect(self.socket, addr))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket(|socket| Ok(socket.shown(socket.local)))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket(|socket| {
            let peer = socket.peer.ok_or_else(|| os(libc::ENOTCONN))?;
            Ok(socket.shown(peer))
        })
    }

    fn option(&self, option: SocketOption) -> io::Result<u32> {
        self.socket(|socket| socket.options.get(option))
    }

    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        self.socket(|socket| socket.options.set(option, value))
    }

    fn group(&self, group: IpAddr, interface: Interface, joins: bool) -> io::Result<()> {
        self.with(|world| world.udp_group(self.socket, group, interface, joins))
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

    fn to_std(&self) -> io::Result<std::net::UdpSocket> {
        Err(no_descriptor())
    }
}
