//! A socket that accepts Unix streams.

use std::future::Future;
use std::io;
use std::os::unix::net;
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::addr::{SocketAddr, address_of};
use super::stream::UnixStream;
use crate::backend::{self, Direction, Op, OpKind, Seat, UnixKind};
use crate::net::attempt::poll_io;
use crate::net::handle::{as_fd, debug_addresses, try_from_std};
use crate::net::lookup::in_current;
use crate::net::readiness::Held;

/// As many as the system allows, as the standard library asks for.
const BACKLOG: u32 = i32::MAX as u32;

/// A socket that accepts Unix streams. Dropping it closes it; its file stays.
///
/// A file that is left behind keeps the next listener from binding: remove it first.
///
/// # Examples
/// ```
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::{UnixListener, UnixStream};
///
/// # let path = std::env::temp_dir().join(format!("simoom-doc-listener-{}", std::process::id()));
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let listener = UnixListener::bind(&path).unwrap();
/// let mut client = UnixStream::connect(&path).await.unwrap();
/// let (mut server, _addr) = listener.accept().await.unwrap();
/// client.write_all(b"hi").await.unwrap();
/// let mut bytes = [0; 2];
/// server.read_exact(&mut bytes).await.unwrap();
/// assert_eq!(&bytes, b"hi");
/// std::fs::remove_file(&path).unwrap();
/// # });
/// ```
///
/// # Under simulation
/// Sockets of one node reach one another, and none of other nodes. The file belongs to the node's
/// disk and survives a kill.
pub struct UnixListener {
    listener: Arc<dyn backend::UnixListener>,
}

impl UnixListener {
    /// Listens at `path`, and creates the file.
    ///
    /// As many connections wait to be accepted as the system allows: 4096 and one more by default
    /// on Linux, and under simulation.
    ///
    /// # Errors
    /// `AddrInUse` if the file or the name exists, whether somebody listens there or not;
    /// `NotFound` if there is no such directory; `InvalidInput` if the path is too long; others of
    /// the operating system; outside a runtime.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        Self::listen(&address_of(path.as_ref())?)
    }

    /// As [`bind`](Self::bind), at an address. On Linux, no address asks for an abstract name that
    /// is free.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<Self> {
        Self::listen(&addr.0)
    }

    fn listen(addr: &net::SocketAddr) -> io::Result<Self> {
        let socket = in_current(|backend| backend.unix_socket(UnixKind::Stream))?;
        socket.bind(addr)?;
        Ok(Self::from_backend(socket.listen(BACKLOG)?))
    }

    pub(super) fn from_backend(listener: Arc<dyn backend::UnixListener>) -> Self {
        Self { listener }
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
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        let listener = in_current(|backend| backend.adopt_unix_listener(listener))?;
        Ok(Self { listener })
    }

    /// Gives the socket to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    ///
    /// # Under simulation
    /// An error: there is no real socket.
    pub fn into_std(self) -> io::Result<net::UnixListener> {
        self.listener.to_std()
    }

    /// The address it listens at.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr().map(SocketAddr)
    }

    /// Takes the error that the socket failed with, if it was not reported yet.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.listener.take_error()
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// When the process has no descriptors left; when the runtime is gone. Later calls may succeed.
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
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        self.poll_accept_at(cx, None, Location::caller())
    }

    pub(crate) fn poll_accept_at(
        &self,
        cx: &mut Context<'_>,
        seat: Option<&mut Seat>,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let listener = &*self.listener;
        let op = Op::write(OpKind::Accept, listener.resource(Direction::Read), site);
        let attempt = || listener.try_accept();
        poll_io(cx, &op, listener, Direction::Read, seat, attempt)
            .map_ok(|(stream, addr)| (UnixStream::from_backend(stream, site), SocketAddr(addr)))
    }
}

debug_addresses!(UnixListener, "addr": local_addr);
try_from_std!(net::UnixListener => UnixListener);
as_fd!(UnixListener, listener);

/// The future of [`UnixListener::accept`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Accept<'a> {
    held: Held<'a>,
    listener: &'a UnixListener,
    site: &'static Location<'static>,
}

impl Future for Accept<'_> {
    type Output = io::Result<(UnixStream, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let seat = Some(&mut this.held.seat);
        this.listener.poll_accept_at(cx, seat, this.site)
    }
}
