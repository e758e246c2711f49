//! Where sockets for datagrams come from, and what they do.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::ReadBuf;

use super::{Polled, SocketOption};

/// Where sockets for datagrams come from.
pub trait DatagramNet {
    /// Binds a socket to `addr`; port 0 asks for a free one.
    fn udp_bind(&self, addr: SocketAddr) -> io::Result<Arc<dyn Datagram>>;

    /// Takes over a socket of the standard library, which must be in non-blocking mode.
    fn adopt_datagram(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn Datagram>>;
}

/// A socket for datagrams. Dropping it closes it.
pub trait Datagram: Polled {
    /// Sends `bytes` to `target`, or to the connected peer; `WouldBlock` if there is no room.
    fn try_send(&self, bytes: &[u8], target: Option<SocketAddr>) -> io::Result<usize>;

    /// Copies the next datagram into `buf`, as much of it as there is room for, and says where it
    /// came from. `peek` leaves it where it is. `WouldBlock` if there is none.
    fn try_receive(&self, buf: &mut ReadBuf<'_>, peek: bool) -> io::Result<SocketAddr>;

    /// Fixes the peer.
    fn connect(&self, addr: SocketAddr) -> io::Result<()>;

    /// The address it is bound to.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The peer, if one was fixed.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// The value of a setting.
    fn option(&self, option: SocketOption) -> io::Result<u32>;

    /// Changes a setting.
    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()>;

    /// Joins a group, or leaves it.
    fn group(&self, group: IpAddr, interface: Interface, joins: bool) -> io::Result<()>;

    /// The interface it is bound to.
    fn device(&self) -> io::Result<Option<Vec<u8>>>;

    /// Binds it to an interface.
    fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()>;

    /// A second handle of the standard library to the same socket.
    fn to_std(&self) -> io::Result<std::net::UdpSocket>;
}

/// Names an interface of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// By an address that it has; the unspecified one leaves it to the system.
    Address(std::net::Ipv4Addr),
    /// By its number; 0 leaves it to the system.
    Index(u32),
}
