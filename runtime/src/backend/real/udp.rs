//! Sockets for datagrams of the real world.
//!
//! Owns descriptors and the attempts on them. Knows nothing of who waits.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use mio::net::UdpSocket;
use socket2::SockRef;
use tokio::io::ReadBuf;

use super::local::Local;
use super::options;
use super::shared::Shared;
use super::source::{READABLE, WRITABLE};
use super::watched::Watched;
use crate::backend::{Datagram, DatagramNet, Direction, Interface, Resource, SocketOption};

/// A socket for datagrams.
pub(super) struct RealDatagram {
    watched: Watched<UdpSocket>,
    reading: Resource,
    writing: Resource,
}

impl RealDatagram {
    pub(super) fn bind(shared: Arc<Shared>, addr: SocketAddr) -> io::Result<Self> {
        Self::new(shared, UdpSocket::bind(addr)?)
    }

    pub(super) fn adopt(shared: Arc<Shared>, socket: std::net::UdpSocket) -> io::Result<Self> {
        Self::new(shared, UdpSocket::from_std(socket))
    }

    fn new(shared: Arc<Shared>, io: UdpSocket) -> io::Result<Self> {
        Ok(Self {
            watched: Watched::new(io, shared, READABLE | WRITABLE)?,
            reading: Resource::new(),
            writing: Resource::new(),
        })
    }

    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self.watched.io())
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

impl Datagram for RealDatagram {
    fn try_send(&self, bytes: &[u8], target: Option<SocketAddr>) -> io::Result<usize> {
        self.watched.attempt(Direction::Write, |io| {
            let sent = match target {
                Some(target) => io.send_to(bytes, target),
                None => io.send(bytes),
            };
            Ok((sent?, false))
        })
    }

    fn try_receive(&self, buf: &mut ReadBuf<'_>, peek: bool) -> io::Result<SocketAddr> {
        // Already initialised where the caller gave a slice.
        let target = buf.initialize_unfilled();
        let (count, from) = self.watched.attempt(Direction::Read, |io| {
            let received = if peek {
                io.peek_from(target)
            } else {
                io.recv_from(target)
            };
            Ok((received?, false))
        })?;
        buf.advance(count);
        Ok(from)
    }

    fn connect(&self, addr: SocketAddr) -> io::Result<()> {
        self.watched.io().connect(addr)
    }

    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        self.watched.poll_ready(cx, direction)
    }

    fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        self.watched.try_io(directions, attempt)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.watched.io().local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.watched.io().peer_addr()
    }

    fn option(&self, option: SocketOption) -> io::Result<u32> {
        options::option(&self.socket(), option)
    }

    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        options::set_option(&self.socket(), option, value)
    }

    fn group(&self, group: IpAddr, interface: Interface, joins: bool) -> io::Result<()> {
        let socket = self.socket();
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
        self.socket().device()
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn device(&self) -> io::Result<Option<Vec<u8>>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.socket().bind_device(interface)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn bind_device(&self, _interface: Option<&[u8]>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.watched.io().take_error()
    }

    fn to_std(&self) -> io::Result<std::net::UdpSocket> {
        Ok(self.watched.twin()?.into())
    }

    fn resource(&self, direction: Direction) -> &Resource {
        match direction {
            Direction::Read => &self.reading,
            Direction::Write => &self.writing,
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.watched.descriptor())
    }
}
