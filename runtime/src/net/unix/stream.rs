//! A stream between two sockets of one machine.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::unix::net;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::addr::{SocketAddr, address_of};
use super::cred::UCred;
use super::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, split, split_owned};
use crate::backend::{self, UnixKind};
use crate::io::ReadBuf;
use crate::net::attempt::{connected, poll_read, poll_shutdown, poll_write, poll_write_vectored};
use crate::net::byte_stream::{async_read, async_write, tries_to_read, tries_to_write};
use crate::net::halves::EndSending;
use crate::net::handle::{as_fd, debug_addresses, try_from_std};
use crate::net::lookup::in_current;
use crate::net::readiness::{tries_io, waits, waits_to_read, waits_to_write};

/// A stream between two sockets of one machine. Dropping it closes it.
///
/// Read and write it with the methods of [`AsyncReadExt`](crate::io::AsyncReadExt) and
/// [`AsyncWriteExt`](crate::io::AsyncWriteExt). What was written can be read by the peer at once.
/// Closing a stream with unread bytes tells the peer `ConnectionReset`, after what it can read.
///
/// # Examples
/// ```
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::UnixStream;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (mut one, mut two) = UnixStream::pair().unwrap();
/// one.write_all(b"ping").await.unwrap();
/// one.shutdown().await.unwrap();
/// let mut text = String::new();
/// two.read_to_string(&mut text).await.unwrap();
/// assert_eq!(text, "ping");
/// # });
/// ```
pub struct UnixStream {
    stream: Arc<dyn backend::UnixStream>,
    /// Where the stream was made: what reports name when no line of the user's is known.
    site: &'static Location<'static>,
}

impl UnixStream {
    /// Connects to the listener at `path`.
    ///
    /// The connection stands as soon as the listener has room for it, before it is accepted.
    ///
    /// # Errors
    /// `NotFound` if there is no such file; `ConnectionRefused` if nobody listens there any more,
    /// or at a name without a file; `WouldBlock` if too many connections wait to be accepted (on
    /// Linux); `InvalidInput` if the path is empty or too long; others of the operating system;
    /// outside a runtime.
    ///
    /// # Cancel safety
    /// Safe: a dropped future leaves no connection, though the listener may have seen one come and
    /// go.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn connect<P: AsRef<Path>>(path: P) -> impl Future<Output = io::Result<Self>> {
        let site = Location::caller();
        let addr = address_of(path.as_ref());
        async move { Self::connect_to(addr?, site).await }
    }

    /// As [`connect`](Self::connect), to an address.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    /// As [`connect`](Self::connect).
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn connect_addr(addr: &SocketAddr) -> impl Future<Output = io::Result<Self>> + use<> {
        Self::connect_to(addr.0.clone(), Location::caller())
    }

    async fn connect_to(
        addr: net::SocketAddr,
        site: &'static Location<'static>,
    ) -> io::Result<Self> {
        Self::finish(site, || {
            in_current(|backend| backend.unix_socket(UnixKind::Stream))?.connect(&addr)
        })
        .await
    }

    /// Waits for what came of `start`, which starts to connect.
    pub(super) async fn finish(
        site: &'static Location<'static>,
        start: impl FnOnce() -> io::Result<Arc<dyn backend::UnixStream>>,
    ) -> io::Result<Self> {
        let stream = connected(site, start).await?;
        Ok(Self { stream, site })
    }

    pub(super) fn from_backend(
        stream: Arc<dyn backend::UnixStream>,
        site: &'static Location<'static>,
    ) -> Self {
        Self { stream, site }
    }

    /// Two streams that are connected to each other, without addresses.
    ///
    /// # Errors
    /// When the process has no descriptors left; outside a runtime.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let site = Location::caller();
        let pair = in_current(|backend| backend.unix_stream_pair())?;
        let [one, two] = pair.map(|stream| Self { stream, site });
        Ok((one, two))
    }

    /// Takes over a stream of the standard library.
    ///
    /// It must be in non-blocking mode already: otherwise reading and writing stop the whole
    /// thread.
    ///
    /// # Errors
    /// Outside a runtime.
    ///
    /// # Under simulation
    /// An error: a simulated world takes no real sockets.
    #[track_caller]
    pub fn from_std(stream: net::UnixStream) -> io::Result<Self> {
        let site = Location::caller();
        let stream = in_current(|backend| backend.adopt_unix_stream(stream))?;
        Ok(Self { stream, site })
    }

    /// Gives the socket to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    ///
    /// # Under simulation
    /// An error: there is no real socket.
    pub fn into_std(self) -> io::Result<net::UnixStream> {
        self.stream.to_std()
    }

    /// Borrows the two directions, so that one task can read and write at once.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        split(self)
    }

    /// Parts the two directions, so that two tasks can have them.
    ///
    /// Dropping the write half ends the sent stream.
    #[must_use]
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split_owned(self)
    }

    waits!(READ_WRITE);
    waits_to_read!(
        READ_WRITE,
        poll_read_ready,
        "try_read",
        "reading",
        ///
        /// # Examples
        /// ```
        /// # let rt = simoom::runtime::Runtime::new().unwrap();
        /// # rt.block_on(async {
        /// let (one, two) = simoom::net::UnixStream::pair().unwrap();
        /// two.writable().await.unwrap();
        /// two.try_write(b"x").unwrap();
        /// one.readable().await.unwrap();
        /// assert_eq!(one.try_read(&mut [0; 8]).unwrap(), 1);
        /// # });
        /// ```
    );
    waits_to_write!(
        READ_WRITE,
        poll_write_ready,
        "try_write",
        "writing",
        ///
        /// On Linux a stream that was full can be tried again when three quarters of it were read.
        ///
        /// # Examples
        /// See [`readable`](Self::readable).
    );
    tries_to_read!();
    tries_to_write!("`BrokenPipe` if the peer no longer reads.");
    tries_io!();

    /// The address of this end: none, unless it was bound.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr().map(SocketAddr)
    }

    /// The address of the other end, also when that is gone.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr().map(SocketAddr)
    }

    /// Whose process the other end was when it connected, listened or was made.
    ///
    /// # Errors
    /// Those of the operating system.
    ///
    /// # Under simulation
    /// User and group are those of the test. The process is made up: it is the same for all
    /// sockets of a node, and another for every node.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        self.stream.peer_cred().map(UCred::new)
    }

    /// Takes the error that the connection failed with, if it was not reported yet.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stream.take_error()
    }

    fn polled(&self) -> &dyn backend::Polled {
        &*self.stream
    }

    pub(super) fn poll_read_at(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_read(&*self.stream, cx, buf, self.site)
    }

    pub(super) fn poll_write_at(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        poll_write(&*self.stream, cx, bytes, self.site)
    }

    pub(super) fn poll_write_vectored_at(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_write_vectored(&*self.stream, cx, parts, self.site)
    }

    pub(super) fn poll_shutdown_at(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_shutdown(&*self.stream, cx, self.site, || self.end_sending())
    }
}

impl EndSending for UnixStream {
    fn end_sending(&self) -> io::Result<()> {
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

async_read!(UnixStream);
async_write!(UnixStream);
debug_addresses!(UnixStream, "addr": local_addr, "peer": peer_addr);
try_from_std!(net::UnixStream => UnixStream);
as_fd!(UnixStream, stream);

impl AsRef<Self> for UnixStream {
    fn as_ref(&self) -> &Self {
        self
    }
}
