//! Sockets for datagrams of the real world.
//!
//! Owns descriptors and the attempts on them. Knows nothing of who waits.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use mio::net::UdpSocket;
use socket2::SockRef;
use tokio::io::ReadBuf;

use super::local::Local;
use super::named::{Named, polled};
use super::options;
use super::shared::Shared;
use super::source::{READABLE, WRITABLE};
use super::sys;
use crate::backend::{Datagram, DatagramNet, Direction, Interface, SocketOption};

/// A socket for datagrams.
pub(super) struct RealDatagram {
    socket: Named<UdpSocket>,
}

impl RealDatagram {
    pub(super) fn bind(shared: Arc<Shared>, addr: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            socket: Named::new(UdpSocket::bind(addr)?, shared, READABLE | WRITABLE)?,
        })
    }

    pub(super) fn adopt(shared: Arc<Shared>, socket: std::net::UdpSocket) -> io::Result<Self> {
        let io = UdpSocket::from_std(socket);
        Ok(Self {
            socket: Named::adopted(io, shared, READABLE | WRITABLE)?,
        })
    }

    fn options(&self) -> SockRef<'_> {
        SockRef::from(self.socket.io())
    }
}

impl DatagramNet for Local {
    fn udp_bind(&self, addr: SocketAddr) -> io::Result<Arc<dyn Datagram>> {
        self.shared().udp_bind(addr)
    }

    fn adopt_datagram(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn Datagram>> {
        self.shared().adopt_datagram(socket)
    }
}

impl DatagramNet for Shared {
    fn udp_bind(&self, addr: SocketAddr) -> io::Result<Arc<dyn Datagram>> {
        Ok(Arc::new(RealDatagram::bind(self.this(), addr)?))
    }

    fn adopt_datagram(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn Datagram>> {
        Ok(Arc::new(RealDatagram::adopt(self.this(), socket)?))
    }
}

polled!(RealDatagram);

impl Datagram for RealDatagram {
    fn try_send(&self, bytes: &[u8], target: Option<SocketAddr>) -> io::Result<usize> {
        self.socket.attempt(Direction::Write, |io| {
            let sent = match target {
                Some(target) => io.send_to(bytes, target),
                None => io.send(bytes),
            };
            Ok((sent?, false))
        })
    }

    fn try_receive(&self, buf: &mut ReadBuf<'_>, peek: bool) -> io::Result<SocketAddr> {
        self.socket.attempt(Direction::Read, |io| {
            let (_, from) = sys::receive_from(io.as_fd(), buf, peek)?;
            let from = from.as_socket().ok_or(io::ErrorKind::InvalidData)?;
            Ok((from, false))
        })
    }

    fn connect(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.io().connect(addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().peer_addr()
    }

    fn option(&self, option: SocketOption) -> io::Result<u32> {
        options::option(&self.options(), option)
    }

    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        options::set_option(&self.options(), option, value)
    }

    fn group(&self, group: IpAddr, interface: Interface, joins: bool) -> io::Result<()> {
        let socket = self.options();
        match (group, interface, joins) {
            (IpAddr::V4(group), Interface::Address(address), true) => {
                socket.join_multicast_v4(&group, &address)
            }
            (IpAddr::V4(group), Interface::Address(address), false) => {
                socket.leave_multicast_v4(&group, &address)
            }
            (IpAddr::V6(group), Interface::Index(index), true) => {
                socket.join_multicast_v6(&group, index)
            }
            (IpAddr::V6(group), Interface::Index(index), false) => {
                socket.leave_multicast_v6(&group, index)
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.options().device()
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn device(&self) -> io::Result<Option<Vec<u8>>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.options().bind_device(interface)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn bind_device(&self, _interface: Option<&[u8]>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn to_std(&self) -> io::Result<std::net::UdpSocket> {
        Ok(self.socket.twin()?.into())
    }
}
