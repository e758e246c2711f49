//! The seam's part for sockets of one machine.
//!
//! Owns what a world must offer so that Unix sockets work. Knows nothing of how it does that.

use std::io;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::{self, SocketAddr};
use std::sync::Arc;

use tokio::io::ReadBuf;

use super::{Polled, ReadBytes, WriteBytes};

/// Where Unix sockets come from.
pub trait Unix {
    /// A socket that is neither bound nor connected.
    fn unix_socket(&self, kind: UnixKind) -> io::Result<Box<dyn UnixSocket>>;

    /// Takes over a socket of the operating system that is neither connected nor listening, and
    /// says what it transports.
    fn adopt_unix_socket(&self, socket: OwnedFd) -> io::Result<(Box<dyn UnixSocket>, UnixKind)>;

    /// Two streams that are connected to each other.
    fn unix_stream_pair(&self) -> io::Result<[Arc<dyn UnixStream>; 2]>;

    /// Two datagram sockets that are connected to each other.
    fn unix_datagram_pair(&self) -> io::Result<[Arc<dyn UnixDatagram>; 2]>;

    /// Takes over a listener of the standard library, which must be in non-blocking mode.
    fn adopt_unix_listener(&self, it: net::UnixListener) -> io::Result<Arc<dyn UnixListener>>;

    /// Takes over a stream of the standard library, which must be in non-blocking mode.
    fn adopt_unix_stream(&self, it: net::UnixStream) -> io::Result<Arc<dyn UnixStream>>;

    /// Takes over a socket of the standard library, which must be in non-blocking mode.
    fn adopt_unix_datagram(&self, it: net::UnixDatagram) -> io::Result<Arc<dyn UnixDatagram>>;
}

/// What a Unix socket transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnixKind {
    /// A stream of bytes.
    Stream,
    /// Messages.
    Datagram,
}

/// A socket that is yet to be put to use. Dropping it closes it.
pub trait UnixSocket: Send + Sync {
    /// Gives it a name.
    fn bind(&self, address: &SocketAddr) -> io::Result<()>;

    /// Lets others connect to it. `backlog` bounds how many of them wait.
    fn listen(self: Box<Self>, backlog: u32) -> io::Result<Arc<dyn UnixListener>>;

    /// Connects it. The stream turns writable when the outcome is known, which
    /// [`Polled::take_error`] then tells.
    fn connect(self: Box<Self>, address: &SocketAddr) -> io::Result<Arc<dyn UnixStream>>;

    /// Makes it transport messages.
    fn datagram(self: Box<Self>) -> io::Result<Arc<dyn UnixDatagram>>;

    /// The descriptor, where there is one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

/// A listening socket. Dropping it closes it, and leaves the file that it is bound to.
pub trait UnixListener: Polled {
    /// Takes a waiting connection; `WouldBlock` if there is none.
    fn try_accept(&self) -> io::Result<(Arc<dyn UnixStream>, SocketAddr)>;

    /// The address it listens on.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// A second handle of the standard library to the same socket.
    fn to_std(&self) -> io::Result<net::UnixListener>;
}

/// A connected stream. Dropping it closes it.
pub trait UnixStream: ReadBytes + WriteBytes {
    /// Closes one direction or both.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// The address of this end.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The address of the other end.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// Whose process the other end is.
    fn peer_cred(&self) -> io::Result<Credentials>;

    /// A second handle of the standard library to the same socket.
    fn to_std(&self) -> io::Result<net::UnixStream>;
}

/// A socket for messages. Dropping it closes it, and leaves the file that it is bound to.
pub trait UnixDatagram: Polled {
    /// Sets whom it sends to, and from whom alone it receives.
    fn connect(&self, address: &SocketAddr) -> io::Result<()>;

    /// Sends to `target`, else to whom it is connected; `WouldBlock` if there is no room.
    fn try_send(&self, bytes: &[u8], target: Option<&SocketAddr>) -> io::Result<usize>;

    /// Copies the next message into `buf`; what does not fit is lost.
    fn try_recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize>;

    /// As [`try_recv`](Self::try_recv), and says who sent it.
    fn try_recv_from(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, SocketAddr)>;

    /// Closes one direction or both.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// The address of this socket.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The address of the socket that it is connected to.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// A second handle of the standard library to the same socket.
    fn to_std(&self) -> io::Result<net::UnixDatagram>;
}

/// Whose a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The process.
    pub pid: Option<i32>,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}
