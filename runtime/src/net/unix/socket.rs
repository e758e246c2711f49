//! A Unix socket that is yet to be put to use.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::path::Path;

use super::addr::address_of;
use super::{UnixDatagram, UnixListener, UnixStream};
use crate::backend::{self, UnixKind};
use crate::net::handle::as_fd;
use crate::net::lookup::in_current;

/// A Unix socket that is neither connected nor listening: for a client with an address of its own,
/// or a listener with a backlog of its own.
///
/// # Examples
/// ```
/// use simoom::net::{UnixSocket, UnixStream};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let name = format!("\0simoom-doc-socket-{}", std::process::id());
/// // A name that starts with a NUL byte has no file.
/// let socket = UnixSocket::new_stream().unwrap();
/// socket.bind(&name).unwrap();
/// let listener = socket.listen(16).unwrap();
/// let _client = UnixStream::connect(&name).await.unwrap();
/// listener.accept().await.unwrap();
/// # });
/// ```
pub struct UnixSocket {
    socket: Box<dyn backend::UnixSocket>,
    kind: UnixKind,
}

impl UnixSocket {
    /// A socket for messages.
    ///
    /// # Errors
    /// When the process has no descriptors left; outside a runtime.
    pub fn new_datagram() -> io::Result<Self> {
        Self::new(UnixKind::Datagram)
    }

    /// A socket for a stream or a listener.
    ///
    /// # Errors
    /// When the process has no descriptors left; outside a runtime.
    pub fn new_stream() -> io::Result<Self> {
        Self::new(UnixKind::Stream)
    }

    fn new(kind: UnixKind) -> io::Result<Self> {
        let socket = in_current(|backend| backend.unix_socket(kind))?;
        Ok(Self { socket, kind })
    }

    /// Takes over a socket that is neither connected nor listening. It must be in non-blocking mode.
    pub(in crate::net) fn adopt(socket: OwnedFd) -> io::Result<Self> {
        let (socket, kind) = in_current(|backend| backend.adopt_unix_socket(socket))?;
        Ok(Self { socket, kind })
    }

    /// Gives the socket the address `path`, and creates the file.
    ///
    /// # Errors
    /// `AddrInUse` if the file or the name exists; `InvalidInput` if the socket has an address or
    /// the path is too long; others of the operating system.
    pub fn bind(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.socket.bind(&address_of(path.as_ref())?)
    }

    /// Listens. `backlog` connections and one more wait to be accepted; further ones are turned
    /// away with `WouldBlock`.
    ///
    /// # Errors
    /// If it is a socket for messages; `InvalidInput` if it has no address; others of the operating
    /// system.
    pub fn listen(self, backlog: u32) -> io::Result<UnixListener> {
        self.must_be(
            UnixKind::Stream,
            "listen cannot be called on a datagram socket",
        )?;
        Ok(UnixListener::from_backend(self.socket.listen(backlog)?))
    }

    /// Connects to the listener at `path`.
    ///
    /// # Errors
    /// If it is a socket for messages; else as [`UnixStream::connect`].
    ///
    /// # Cancel safety
    /// Safe: a dropped future leaves no connection, though the listener may have seen one come and
    /// go.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn connect(self, path: impl AsRef<Path>) -> impl Future<Output = io::Result<UnixStream>> {
        let site = Location::caller();
        let addr = self
            .must_be(
                UnixKind::Stream,
                "connect cannot be called on a datagram socket",
            )
            .and_then(|()| address_of(path.as_ref()));
        async move {
            let addr = addr?;
            UnixStream::finish(site, || self.socket.connect(&addr)).await
        }
    }

    /// Makes it a [`UnixDatagram`].
    ///
    /// # Errors
    /// If it is a socket for a stream.
    pub fn datagram(self) -> io::Result<UnixDatagram> {
        self.must_be(
            UnixKind::Datagram,
            "datagram cannot be called on a stream socket",
        )?;
        Ok(UnixDatagram::from_backend(self.socket.datagram()?))
    }

    fn must_be(&self, kind: UnixKind, message: &'static str) -> io::Result<()> {
        if self.kind == kind {
            return Ok(());
        }
        Err(io::Error::other(message))
    }
}

impl fmt::Debug for UnixSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixSocket")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

as_fd!(UnixSocket, socket);
