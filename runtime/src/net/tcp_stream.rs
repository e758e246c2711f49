//! A TCP connection.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::addr::ToSocketAddrs;
use super::attempt::{
    connected, poll_io, poll_read, poll_shutdown, poll_write, poll_write_vectored,
};
use super::byte_stream::{async_read, async_write, tries_to_read, tries_to_write};
use super::halves::EndSending;
use super::handle::{as_fd, debug_addresses, try_from_std};
use super::lookup::{in_current, resolve};
use super::readiness::{Held, tries_io, waits, waits_to_read, waits_to_write};
use super::tcp::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, split, split_owned};
use super::tcp_listener::no_address;
use crate::backend::{Direction, Op, OpKind, Polled, Seat, Stream};
use crate::io::ReadBuf;

/// A TCP connection. Dropping it closes it.
///
/// Read and write it with the methods of [`AsyncReadExt`](crate::io::AsyncReadExt) and
/// [`AsyncWriteExt`](crate::io::AsyncWriteExt).
///
/// # Examples
/// ```
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::{TcpListener, TcpStream};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
/// let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
/// client.write_all(b"ping").await.unwrap();
/// client.shutdown().await.unwrap();
///
/// let (mut server, _) = listener.accept().await.unwrap();
/// let mut text = String::new();
/// server.read_to_string(&mut text).await.unwrap();
/// assert_eq!(text, "ping");
/// # });
/// ```
pub struct TcpStream {
    pub(super) stream: Arc<dyn Stream>,
    /// Where the stream was made: what reports name when no line of the user's is known.
    site: &'static Location<'static>,
}

impl TcpStream {
    /// Connects to the first of the addresses of `addr` that answers, in their order.
    ///
    /// # Errors
    /// That of the last address; when `addr` names no address; outside a runtime.
    ///
    /// # Cancel safety
    /// Safe: a dropped future leaves no connection, though the peer may have seen one come and go.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn connect<A: ToSocketAddrs>(addr: A) -> impl Future<Output = io::Result<Self>> {
        let named = addr.named();
        let site = Location::caller();
        async move {
            let mut last = None;
            for addr in resolve(named, site).await? {
                match connect_to(addr, site).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = Some(error),
                }
            }
            Err(last.unwrap_or_else(no_address))
        }
    }

    pub(super) fn from_backend(stream: Arc<dyn Stream>, site: &'static Location<'static>) -> Self {
        Self { stream, site }
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
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        let site = Location::caller();
        let stream = in_current(|backend| backend.adopt_stream(stream))?;
        Ok(Self { stream, site })
    }

    /// Gives the socket to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    ///
    /// # Under simulation
    /// An error: there is no real socket.
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
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
    waits_to_read!(READ_WRITE, poll_read_ready, "try_read", "reading");
    waits_to_write!(READ_WRITE, poll_write_ready, "try_write", "writing");
    tries_to_read!();
    tries_to_write!("what the connection failed with.");
    tries_io!();

    /// Waits for bytes and copies them into `buf` without taking them from the stream.
    ///
    /// Returns how many were copied. 0 means that the peer has finished sending.
    ///
    /// # Errors
    /// What the connection failed with; when the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Peek<'a> {
        Peek {
            held: Held::new(self.polled()),
            stream: self,
            buf,
            site: Location::caller(),
        }
    }

    /// As [`peek`](Self::peek), by polling.
    ///
    /// # Errors
    /// As [`peek`](Self::peek).
    #[track_caller]
    pub fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.poll_peek_at(cx, buf, None, Location::caller())
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` if the connection is gone; others of the operating system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// Takes the error that the connection failed with, if it was not reported yet.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stream.take_error()
    }

    fn polled(&self) -> &dyn Polled {
        &*self.stream
    }

    pub(super) fn poll_read_at(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_read(&*self.stream, cx, buf, self.site)
    }

    fn poll_peek_at(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        seat: Option<&mut Seat>,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<usize>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(0));
        }
        let op = Op::read(OpKind::Read, self.stream.resource(Direction::Read), site);
        let stream = &*self.stream;
        let attempt = || stream.try_peek(buf);
        poll_io(cx, &op, stream, Direction::Read, seat, attempt)
    }

    pub(super) fn poll_write_at(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
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

impl EndSending for TcpStream {
    fn end_sending(&self) -> io::Result<()> {
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

async_read!(TcpStream);
async_write!(TcpStream);
debug_addresses!(TcpStream, "addr": local_addr, "peer": peer_addr);
try_from_std!(std::net::TcpStream => TcpStream);
as_fd!(TcpStream, stream);

impl AsRef<Self> for TcpStream {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Connects to `addr`.
pub(super) async fn connect_to(
    addr: SocketAddr,
    site: &'static Location<'static>,
) -> io::Result<TcpStream> {
    let start = move || in_current(|backend| backend.tcp_connect(addr));
    let stream = connected(site, start).await?;
    Ok(TcpStream { stream, site })
}

/// The future of [`TcpStream::peek`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Peek<'a> {
    held: Held<'a>,
    stream: &'a TcpStream,
    buf: &'a mut [u8],
    site: &'static Location<'static>,
}

impl Future for Peek<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut buf = ReadBuf::new(this.buf);
        let seat = Some(&mut this.held.seat);
        this.stream.poll_peek_at(cx, &mut buf, seat, this.site)
    }
}
