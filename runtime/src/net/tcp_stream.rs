//! A TCP connection.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::addr::ToSocketAddrs;
use super::keep_alive::TcpKeepalive;
use super::lookup::{in_current, resolve};
use super::ready::{Interest, Ready};
use super::tcp::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, split, split_owned};
use super::tcp_listener::{NO_DESCRIPTOR, no_address};
use super::udp_socket::attempt_with;
use crate::backend::{Direction, Op, OpKind, SocketOption, Stream};
use crate::coop::proceed;
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};

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
    stream: Arc<dyn Stream>,
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
        ReadyFor {
            stream: self,
            interest,
            site: Location::caller(),
        }
    }

    /// Waits until [`try_read`](Self::try_read) can be tried, which may still find nothing.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn readable(&self) -> Readable<'_> {
        Readable(self.ready(Interest::READABLE))
    }

    /// Waits until [`try_write`](Self::try_write) can be tried, which may still find no room.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
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

    /// Writes as much of `bytes` as there is room for, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room, also when [`writable`](Self::writable) was not awaited
    /// since the last attempt; what the connection failed with.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.try_write(bytes)
    }

    /// As [`try_write`](Self::try_write), from several buffers.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.try_write_vectored(parts)
    }

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
        self.poll_peek_at(cx, buf, Location::caller())
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

    /// Whether small writes are sent at once (`TCP_NODELAY`). Off in a new stream.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.stream.option(SocketOption::NoDelay)? != 0)
    }

    /// Sets whether small writes are sent at once.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.stream
            .set_option(SocketOption::NoDelay, nodelay.into())
    }

    /// How long closing waits for unsent bytes (`SO_LINGER`). `None` in a new stream: closing
    /// returns at once and the bytes are sent in the background.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.stream.linger()
    }

    /// Sets how long closing waits for unsent bytes. Zero resets the connection instead.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.stream.set_linger(linger)
    }

    /// How many routers its packets may pass.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.stream.option(SocketOption::Ttl)
    }

    /// Sets how many routers its packets may pass.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.stream.set_option(SocketOption::Ttl, ttl)
    }

    /// Has closing reset the connection: as [`set_linger`](Self::set_linger) with zero.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// Whether acknowledgements are sent at once (`TCP_QUICKACK`).
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn quickack(&self) -> io::Result<bool> {
        Ok(self.stream.option(SocketOption::QuickAck)? != 0)
    }

    /// Sets whether acknowledgements are sent at once, for now: see tcp(7).
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    ///
    /// # Under simulation
    /// Kept, and without effect: acknowledgements are not simulated.
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.stream
            .set_option(SocketOption::QuickAck, quickack.into())
    }

    /// Whether the connection is probed when it is idle (`SO_KEEPALIVE`). Off in a new stream.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(self.stream.option(SocketOption::KeepAlive)? != 0)
    }

    /// Sets whether the connection is probed when it is idle.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.stream
            .set_option(SocketOption::KeepAlive, keepalive.into())
    }

    /// Sets how the connection is probed when it is idle, and has it probed.
    ///
    /// tokio leaves this to `socket2::SockRef`, which works too, but not in a simulation, where
    /// there is no descriptor.
    ///
    /// # Errors
    /// Those of the operating system: `EINVAL` for what Linux does not take.
    pub fn set_tcp_keepalive(&self, parameters: &TcpKeepalive) -> io::Result<()> {
        parameters.apply(|option, value| self.stream.set_option(option, value))
    }

    /// How long sent bytes may stay unacknowledged before the connection fails
    /// (`TCP_USER_TIMEOUT`). `None`: as long as the system has it, on Linux about 15 minutes.
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn tcp_user_timeout(&self) -> io::Result<Option<Duration>> {
        let millis = self.stream.option(SocketOption::UserTimeout)?;
        Ok((millis != 0).then(|| Duration::from_millis(millis.into())))
    }

    /// Sets how long sent bytes may stay unacknowledged, in whole milliseconds.
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn set_tcp_user_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        let millis = super::keep_alive::millis(limit);
        self.stream.set_option(SocketOption::UserTimeout, millis)
    }

    /// Runs `f`, an attempt on this socket by other means, if `interest` may be tried.
    ///
    /// A `WouldBlock` of `f` says that it may not until something has changed.
    ///
    /// # Errors
    /// `WouldBlock` without running `f` if it is known to block; what `f` returns.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let directions = interest.directions();
        attempt_with(f, |attempt| self.stream.try_io(directions, attempt))
    }

    /// Runs `f`, an attempt on this socket by other means, again and again until it does not
    /// return `WouldBlock`, waiting for `interest` in between.
    ///
    /// # Errors
    /// What `f` returns; when the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe if `f` is: it is not called after the future was dropped.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            self.ready(interest).await?;
            match self.try_io(interest, &mut f) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
        }
    }

    pub(super) fn poll_read_at(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // The kernel would let an empty read wait for bytes.
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let op = Op::write(
            OpKind::Read,
            self.stream.resource(Direction::Read),
            self.site,
        );
        let stream = &*self.stream;
        poll_io(cx, &op, stream, Direction::Read, || stream.try_read(buf)).map_ok(drop)
    }

    pub(super) fn poll_peek_at(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<usize>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(0));
        }
        let op = Op::read(OpKind::Read, self.stream.resource(Direction::Read), site);
        let stream = &*self.stream;
        poll_io(cx, &op, stream, Direction::Read, || stream.try_peek(buf))
    }

    pub(super) fn poll_write_at(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let op = self.write_op();
        let stream = &*self.stream;
        poll_io(cx, &op, stream, Direction::Write, || {
            stream.try_write(bytes)
        })
    }

    pub(super) fn poll_write_vectored_at(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let op = self.write_op();
        let stream = &*self.stream;
        poll_io(cx, &op, stream, Direction::Write, || {
            stream.try_write_vectored(parts)
        })
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

    fn poll_ready_at(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<Ready>> {
        let (kind, direction) = if interest.is_readable() {
            (OpKind::Read, Direction::Read)
        } else {
            (OpKind::Write, Direction::Write)
        };
        let op = Op::read(kind, self.stream.resource(direction), site);
        let progress = ready!(proceed(cx, &op));
        let mut ready = Ready::EMPTY;
        if interest.is_readable()
            && let Poll::Ready(readable) = self.stream.poll_ready(cx, Direction::Read)
        {
            readable?;
            ready |= Ready::READABLE;
            if self.stream.closed().read {
                ready |= Ready::READ_CLOSED;
            }
        }
        if interest.is_writable()
            && let Poll::Ready(writable) = self.stream.poll_ready(cx, Direction::Write)
        {
            writable?;
            ready |= Ready::WRITABLE;
            if self.stream.closed().write {
                ready |= Ready::WRITE_CLOSED;
            }
        }
        if ready.is_empty() {
            return Poll::Pending;
        }
        progress.done();
        Poll::Ready(Ok(ready))
    }
}

/// Tries until the outcome is known or there is nothing to do but wait.
fn poll_io<T>(
    cx: &mut Context<'_>,
    op: &Op<'_>,
    stream: &dyn Stream,
    direction: Direction,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    let progress = ready!(proceed(cx, op));
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(stream.poll_ready(cx, direction))?;
            }
            outcome => {
                progress.done();
                return Poll::Ready(outcome);
            }
        }
    }
}

/// Connects to `addr`.
pub(super) async fn connect_to(
    addr: SocketAddr,
    site: &'static Location<'static>,
) -> io::Result<TcpStream> {
    connected(site, move || {
        in_current(|backend| backend.tcp_connect(addr))
    })
    .await
}

/// Starts to connect, and waits for the outcome.
pub(super) async fn connected(
    site: &'static Location<'static>,
    start: impl FnOnce() -> io::Result<Arc<dyn Stream>>,
) -> io::Result<TcpStream> {
    let op = Op::private(OpKind::Connect, site);
    let mut start = Some(start);
    let mut started = None;
    poll_fn(|cx| {
        let progress = ready!(proceed(cx, &op));
        if let Some(start) = start.take() {
            started = Some(start()?);
        }
        let stream = started
            .as_ref()
            .expect("a failed start is not polled again");
        ready!(stream.poll_ready(cx, Direction::Write))?;
        progress.done();
        Poll::Ready(Ok::<(), io::Error>(()))
    })
    .await?;
    let stream = started.expect("the poll above has started the connection");
    match stream.take_error()? {
        Some(error) => Err(error),
        None => Ok(TcpStream { stream, site }),
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_at(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_at(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_at(cx, parts)
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

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TcpStream");
        if let Ok(addr) = self.local_addr() {
            debug.field("addr", &addr);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.finish_non_exhaustive()
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    #[track_caller]
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

/// # Panics
/// Under simulation, where there are no descriptors.
impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.descriptor().expect(NO_DESCRIPTOR)
    }
}

/// # Panics
/// Under simulation, where there are no descriptors.
impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// The future of [`TcpStream::ready`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct ReadyFor<'a> {
    stream: &'a TcpStream,
    interest: Interest,
    site: &'static Location<'static>,
}

impl Future for ReadyFor<'_> {
    type Output = io::Result<Ready>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.stream.poll_ready_at(cx, self.interest, self.site)
    }
}

/// The future of [`TcpStream::readable`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Readable<'a>(ReadyFor<'a>);

impl Future for Readable<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(drop)
    }
}

/// The future of [`TcpStream::writable`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Writable<'a>(ReadyFor<'a>);

impl Future for Writable<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(drop)
    }
}

/// The future of [`TcpStream::peek`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Peek<'a> {
    stream: &'a TcpStream,
    buf: &'a mut [u8],
    site: &'static Location<'static>,
}

impl Future for Peek<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut buf = ReadBuf::new(this.buf);
        this.stream.poll_peek_at(cx, &mut buf, this.site)
    }
}
