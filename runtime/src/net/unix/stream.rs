//! A stream between two sockets of one machine.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net;
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BufMut;

use super::addr::{SocketAddr, address_of};
use super::attempt::poll_io;
use super::cred::UCred;
use super::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, split, split_owned};
use super::ready::{Readable, ReadyFor, Writable, async_io, try_io};
use crate::backend::{self, Direction, Op, OpKind, UnixKind};
use crate::coop::proceed;
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
use crate::net::Interest;
use crate::net::buf::receive_into;
use crate::net::lookup::in_current;
use crate::net::tcp_listener::NO_DESCRIPTOR;

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
        let op = Op::private(OpKind::Connect, site);
        let (mut start, mut started) = (Some(start), None);
        poll_fn(|cx| {
            let progress = ready!(proceed(cx, &op));
            if let Some(start) = start.take() {
                started = Some(start()?);
            }
            if let Some(stream) = &started {
                ready!(stream.poll_ready(cx, Direction::Write))?;
            }
            progress.done();
            Poll::Ready(Ok::<(), io::Error>(()))
        })
        .await?;
        let stream = started.expect("the poll above has started the connection");
        match stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(Self { stream, site }),
        }
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

    /// Waits until one of `interest` can be tried.
    ///
    /// A try may still find that it would block.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn ready(&self, interest: Interest) -> ReadyFor<'_> {
        ReadyFor::new(self.polled(), interest, Location::caller())
    }

    /// Waits until [`try_read`](Self::try_read) can be tried, which may still find nothing.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
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
    #[track_caller]
    pub fn readable(&self) -> Readable<'_> {
        Readable(self.ready(Interest::READABLE))
    }

    /// Waits until [`try_write`](Self::try_write) can be tried, which may still find no room.
    ///
    /// On Linux a stream that was full can be tried again when three quarters of it were read.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// See [`readable`](Self::readable).
    #[track_caller]
    pub fn writable(&self) -> Writable<'_> {
        Writable(self.ready(Interest::WRITABLE))
    }

    /// `Ready` when reading can be tried, else has the task woken.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_ready(cx, Direction::Read)
    }

    /// `Ready` when writing can be tried, else has the task woken.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_ready(cx, Direction::Write)
    }

    /// Reads what is there, without waiting. 0 means that the peer has finished sending.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there, also when [`readable`](Self::readable) was not awaited
    /// since the last attempt; what the connection failed with.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(&mut ReadBuf::new(buf))
    }

    /// Reads into the first of several buffers that is not empty, without waiting.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    pub fn try_read_vectored(&self, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
        match bufs.iter_mut().find(|buf| !buf.is_empty()) {
            Some(buf) => self.try_read(buf),
            None => self.try_read(&mut []),
        }
    }

    /// Reads into the spare room of `buf`, without waiting.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        receive_into(buf, |buf| self.stream.try_read(buf))
    }

    /// Writes as much of `bytes` as there is room for, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room, also when [`writable`](Self::writable) was not awaited
    /// since the last attempt; `BrokenPipe` if the peer no longer reads.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.try_write(&[IoSlice::new(bytes)])
    }

    /// As [`try_write`](Self::try_write), from several buffers.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.try_write(parts)
    }

    /// Calls `f`, which does something with the descriptor, if one of `interest` may be tried.
    ///
    /// If `f` returns `WouldBlock`, the next attempt waits for something to change.
    ///
    /// # Errors
    /// `WouldBlock` if nothing may be tried; those of `f`.
    ///
    /// # Under simulation
    /// There is no descriptor: `f` can use the other methods of this stream alone.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        try_io(self.polled(), interest, f)
    }

    /// Calls `f`, which does something with the descriptor, whenever one of `interest` may be
    /// tried, until it returns anything but `WouldBlock`.
    ///
    /// # Errors
    /// Those of `f`; when the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe: `f` is not called by a future that was dropped.
    ///
    /// # Under simulation
    /// As [`try_io`](Self::try_io).
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn async_io<R>(
        &self,
        interest: Interest,
        f: impl FnMut() -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        async_io(self.polled(), interest, f, Location::caller())
    }

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
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let op = Op::write(
            OpKind::Read,
            self.stream.resource(Direction::Read),
            self.site,
        );
        let attempt = || self.stream.try_read(buf);
        poll_io(cx, &op, self.polled(), Direction::Read, attempt).map_ok(drop)
    }

    pub(super) fn poll_write_at(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = || self.stream.try_write(parts);
        poll_io(
            cx,
            &self.write_op(),
            self.polled(),
            Direction::Write,
            attempt,
        )
    }

    pub(super) fn poll_shutdown_at(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = ready!(proceed(cx, &self.write_op()));
        let result = self.end_sending();
        progress.done();
        Poll::Ready(result)
    }

    /// Tells the peer that nothing more will be sent. A peer that is gone needs not be told.
    pub(super) fn end_sending(&self) -> io::Result<()> {
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    fn write_op(&self) -> Op<'_> {
        Op::write(
            OpKind::Write,
            self.stream.resource(Direction::Write),
            self.site,
        )
    }
}

impl AsyncRead for UnixStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_at(cx, buf)
    }
}

impl AsyncWrite for UnixStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_at(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_at(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// There is nothing to flush: what was written is with the operating system.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown_at(cx)
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UnixStream");
        if let Ok(addr) = self.local_addr() {
            debug.field("addr", &addr);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.finish_non_exhaustive()
    }
}

impl TryFrom<net::UnixStream> for UnixStream {
    type Error = io::Error;

    #[track_caller]
    fn try_from(stream: net::UnixStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

/// # Panics
/// Under simulation, where there are no descriptors.
impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.descriptor().expect(NO_DESCRIPTOR)
    }
}

/// # Panics
/// Under simulation, where there are no descriptors.
impl AsRawFd for UnixStream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
