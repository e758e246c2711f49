//! Sockets of TCP that neither listen nor are connected yet.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Listener, SocketOption, Stream};

/// Where such sockets come from.
pub trait TcpSockets {
    /// Makes a socket of IPv4, or of IPv6.
    fn tcp_socket(&self, is_v6: bool) -> io::Result<Box<dyn UnusedTcp>>;

    /// Takes over a socket of the standard library.
    fn adopt_tcp_socket(&self, socket: std::net::TcpStream) -> io::Result<Box<dyn UnusedTcp>>;
}

/// A socket of TCP that neither listens nor is connected. Dropping it closes it.
pub trait UnusedTcp: Send + Sync {
    /// Gives it an address; port 0 asks for a free one.
    fn bind(&self, addr: SocketAddr) -> io::Result<()>;

    /// Starts to connect, as [`Net::tcp_connect`](super::Net::tcp_connect).
    fn connect(self: Box<Self>, addr: SocketAddr) -> io::Result<Arc<dyn Stream>>;

    /// Starts to listen.
    fn listen(self: Box<Self>, backlog: u32) -> io::Result<Arc<dyn Listener>>;

    /// The value of a setting.
    fn option(&self, option: SocketOption) -> io::Result<u32>;

    /// Changes a setting.
    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()>;

    /// How long closing waits for unsent bytes.
    fn linger(&self) -> io::Result<Option<Duration>>;

    /// Sets how long closing waits for unsent bytes; zero resets the connection.
    fn set_linger(&self, linger: Option<Duration>) -> io::Result<()>;

    /// The interface it is bound to.
    fn device(&self) -> io::Result<Option<Vec<u8>>>;

    /// Binds it to an interface.
    fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()>;

    /// The address it is bound to.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The pending error of the socket, if any.
    fn take_error(&self) -> io::Result<Option<io::Error>>;

    /// The descriptor, where there is one.
    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>>;
}
