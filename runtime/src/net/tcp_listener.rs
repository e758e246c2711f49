//! A socket that accepts TCP connections.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::TcpStream;
use super::addr::ToSocketAddrs;
use super::attempt::poll_io;
use super::handle::{as_fd, debug_addresses, try_from_std};
use super::lookup::{in_current, resolve};
use super::readiness::Held;
use crate::backend::{Direction, Listener, Op, OpKind, Seat};

/// How many connections wait to be accepted before further ones are turned away.
const BACKLOG: u32 = 1024;

/// A socket that accepts TCP connections. Dropping it closes it.
///
/// # Examples
/// ```
/// use simoom::net::{TcpListener, TcpStream};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
/// let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
/// let (_server, peer) = listener.accept().await.unwrap();
/// assert_eq!(peer, client.local_addr().unwrap());
/// # });
/// ```
pub struct TcpListener {
    listener: Arc<dyn Listener>,
}

impl TcpListener {
    /// Listens on the first of the addresses of `addr` that can be had.
    ///
    /// Port 0 asks for a free one; see [`local_addr`](Self::local_addr). An address whose former
    /// connections still linger can be bound again (`SO_REUSEADDR`). Up to 1024 connections wait
    /// to be accepted.
    ///
    /// # Errors
    /// That of the last address; when `addr` names no address; outside a runtime.
    ///
    /// # Cancel safety
    /// Safe: a dropped future listens to nothing.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn bind<A: ToSocketAddrs>(addr: A) -> impl Future<Output = io::Result<Self>> {
        let named = addr.named();
        let site = Location::caller();
        async move {
            let mut last = None;
            for addr in resolve(named, site).await? {
                match in_current(|backend| backend.tcp_listen(addr, BACKLOG)) {
                    Ok(listener) => return Ok(Self { listener }),
                    Err(error) => last = Some(error),
                }
            }
            Err(last.unwrap_or_else(no_address))
        }
    }

    pub(super) fn from_backend(listener: Arc<dyn Listener>) -> Self {
        Self { listener }
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// When the process has no descriptors left; when the connection was lost before it could be
    /// accepted; when the runtime is gone. Later calls may succeed: see
    /// [`AcceptBackoff`](super::AcceptBackoff) for when to make them.
    ///
    /// # Cancel safety
    /// Safe: a dropped future has accepted nothing.
    #[track_caller]
    pub fn accept(&self) -> Accept<'_> {
        Accept {
            held: Held::new(&*self.listener),
            listener: self,
            site: Location::caller(),
        }
    }

    /// Accepts a connection, or has the task woken when there is one.
    ///
    /// Of several tasks that poll, the last one is woken; any number may wait by
    /// [`accept`](Self::accept).
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    #[track_caller]
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.poll_accept_at(cx, None, Location::caller())
    }

    pub(crate) fn poll_accept_at(
        &self,
        cx: &mut Context<'_>,
        seat: Option<&mut Seat>,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let listener = &*self.listener;
        let op = Op::write(OpKind::Accept, listener.resource(Direction::Read), site);
        let attempt = || listener.try_accept();
        poll_io(cx, &op, listener, Direction::Read, seat, attempt)
            .map_ok(|(stream, addr)| (TcpStream::from_backend(stream, site), addr))
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// How many routers its packets may pass.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.listener.ttl()
    }

    /// Sets how many routers its packets may pass.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.listener.set_ttl(ttl)
    }

    /// Takes over a listener of the standard library.
    ///
    /// It must be in non-blocking mode already: otherwise accepting stops the whole thread.
    ///
    /// # Errors
    /// Outside a runtime.
    ///
    /// # Under simulation
    /// An error: a simulated world takes no real sockets.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// listener.set_nonblocking(true).unwrap();
    /// let listener = simoom::net::TcpListener::from_std(listener).unwrap();
    /// # });
    /// ```
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        let listener = in_current(|backend| backend.adopt_listener(listener))?;
        Ok(Self { listener })
    }

    /// Gives the socket to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    ///
    /// # Under simulation
    /// An error: there is no real socket.
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        self.listener.to_std()
    }
}

debug_addresses!(TcpListener, "addr": local_addr);
try_from_std!(std::net::TcpListener => TcpListener);
as_fd!(TcpListener, listener);

/// The future of [`TcpListener::accept`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Accept<'a> {
    held: Held<'a>,
    listener: &'a TcpListener,
    site: &'static Location<'static>,
}

impl Future for Accept<'_> {
    type Output = io::Result<(TcpStream, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let seat = Some(&mut this.held.seat);
        this.listener.poll_accept_at(cx, seat, this.site)
    }
}

/// Why there is nothing to bind or to connect to.
pub(super) fn no_address() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the name stands for no address",
    )
}
