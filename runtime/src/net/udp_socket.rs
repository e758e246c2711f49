//! A socket for UDP datagrams.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;

use super::addr::ToSocketAddrs;
use super::attempt::poll_io;
use super::buf::receive_into;
use super::handle::{as_fd, debug_addresses, try_from_std};
use super::lookup::{in_current, resolve};
use super::readiness::{Held, tries_io, waits, waits_to_read, waits_to_write};
use super::tcp_listener::no_address;
use super::udp::{PeekDatagram, PeekFrom, PeekSender, Recv, RecvFrom, SendDatagram};
use crate::backend::{Datagram, Direction, Op, OpKind, Polled, Seat};
use crate::io::ReadBuf;

/// A socket for UDP datagrams, for any number of peers or, once [connected](Self::connect), for
/// one.
///
/// All its methods take `&self`: share it between tasks in an [`Arc`]. There is no splitting. A
/// datagram is sent and received whole or not at all; it may get lost, come twice, or come after
/// one that was sent later.
///
/// # Under simulation
/// Every datagram travels for a time of its own within its link's latency, so that one can
/// overtake another, except from a node to itself, where Linux keeps the order too. A cut link
/// loses it. The faults `net.datagram.lost` and `net.datagram.duplicated` happen
/// where a test's profile enables them. What does not fit into the receive buffer (212 992 bytes,
/// of which a datagram takes more than its length, as on Linux) is lost.
///
/// # Examples
/// ```
/// use simoom::net::UdpSocket;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
/// let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
/// client.send_to(b"ping", server.local_addr().unwrap()).await.unwrap();
///
/// let mut buf = [0; 1500];
/// let (count, peer) = server.recv_from(&mut buf).await.unwrap();
/// assert_eq!(&buf[..count], b"ping");
/// assert_eq!(peer, client.local_addr().unwrap());
/// # });
/// ```
pub struct UdpSocket {
    pub(super) socket: Arc<dyn Datagram>,
}

impl UdpSocket {
    /// Binds a socket to the first of the addresses of `addr` that can be had.
    ///
    /// Port 0 asks for a free one; see [`local_addr`](Self::local_addr).
    ///
    /// # Errors
    /// That of the last address; when `addr` names no address; outside a runtime.
    ///
    /// # Cancel safety
    /// Safe: a dropped future leaves no socket.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn bind<A: ToSocketAddrs>(addr: A) -> impl Future<Output = io::Result<Self>> {
        let named = addr.named();
        let site = Location::caller();
        async move {
            let mut last = None;
            for addr in resolve(named, site).await? {
                match in_current(|backend| backend.udp_bind(addr)) {
                    Ok(socket) => return Ok(Self { socket }),
                    Err(error) => last = Some(error),
                }
            }
            Err(last.unwrap_or_else(no_address))
        }
    }

    /// Takes over a socket of the standard library.
    ///
    /// It must be in non-blocking mode already: otherwise an operation stops the whole thread.
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
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.set_nonblocking(true).unwrap();
    /// let socket = simoom::net::UdpSocket::from_std(socket).unwrap();
    /// # });
    /// ```
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<Self> {
        let socket = in_current(|backend| backend.adopt_datagram(socket))?;
        Ok(Self { socket })
    }

    /// Gives the socket to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    ///
    /// # Under simulation
    /// An error: there is no real socket.
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        self.socket.to_std()
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The peer that was fixed by [`connect`](Self::connect).
    ///
    /// # Errors
    /// `NotConnected` if there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Fixes the peer to the first of the addresses of `addr` that is possible: [`send`](Self::send)
    /// sends to it, and datagrams of others are no longer received.
    ///
    /// Nothing is sent. A peer at which no socket is bound shows as `ConnectionRefused` of a later
    /// operation.
    ///
    /// # Errors
    /// That of the last address; when `addr` names no address.
    ///
    /// # Cancel safety
    /// Safe: a dropped future has fixed nothing.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> impl Future<Output = io::Result<()>> {
        let named = addr.named();
        let site = Location::caller();
        async move {
            let mut last = None;
            for addr in resolve(named, site).await? {
                match self.socket.connect(addr) {
                    Ok(()) => return Ok(()),
                    Err(error) => last = Some(error),
                }
            }
            Err(last.unwrap_or_else(no_address))
        }
    }

    waits!(RECV_SEND);
    waits_to_read!(RECV_SEND, poll_recv_ready, "try_recv", "receiving");
    waits_to_write!(RECV_SEND, poll_send_ready, "try_send", "sending");
    tries_io!();

    /// Sends `buf` to the connected peer. Returns its length: a datagram is sent whole.
    ///
    /// # Errors
    /// `EMSGSIZE` if it is longer than 65 507 bytes (IPv4); `EDESTADDRREQ` without a peer;
    /// `ConnectionRefused` if the answer to an earlier one was that nobody is bound there.
    ///
    /// # Cancel safety
    /// Safe: a dropped future has sent nothing.
    #[track_caller]
    pub fn send<'a>(&'a self, buf: &'a [u8]) -> SendDatagram<'a> {
        SendDatagram::new(self, buf, None, Location::caller())
    }

    /// As [`send`](Self::send), by polling.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send_at(cx, buf, None, None, Location::caller())
    }

    /// As [`send`](Self::send), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room; as [`send`](Self::send).
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.try_send(buf, None)
    }

    /// Sends `buf` to the first of the addresses of `addr`. Returns its length.
    ///
    /// # Errors
    /// When `addr` names no address; as [`send`](Self::send).
    ///
    /// # Cancel safety
    /// Safe: a dropped future has sent nothing.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn send_to<'a, A: ToSocketAddrs>(
        &'a self,
        buf: &'a [u8],
        addr: A,
    ) -> impl Future<Output = io::Result<usize>> + use<'a, A> {
        let named = addr.named();
        let site = Location::caller();
        async move {
            let mut addrs = resolve(named, site).await?.into_iter();
            let target = addrs.next().ok_or_else(no_address)?;
            SendDatagram::new(self, buf, Some(target), site).await
        }
    }

    /// As [`send_to`](Self::send_to), by polling.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.poll_send_at(cx, buf, Some(target), None, Location::caller())
    }

    /// As [`send_to`](Self::send_to), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room; as [`send`](Self::send).
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.socket.try_send(buf, Some(target))
    }

    /// Waits for a datagram and copies it into `buf`. Returns how many bytes were copied.
    ///
    /// What does not fit is lost. A datagram may be empty: 0 does not mean an end.
    ///
    /// # Errors
    /// `ConnectionRefused` if the answer to one that was sent was that nobody is bound there; when
    /// the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe: a dropped future has taken nothing.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::new(self, buf, Location::caller())
    }

    /// As [`recv`](Self::recv), by polling.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_receive_at(cx, buf, false, None, Location::caller())
            .map_ok(drop)
    }

    /// As [`recv`](Self::recv), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`recv`](Self::recv).
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.try_receive(buf, false)?.0)
    }

    /// As [`recv`](Self::recv), into the spare room of `buf`, which advances.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Safe: a dropped future has taken nothing.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn recv_buf<'a, B: BufMut>(
        &'a self,
        buf: &'a mut B,
    ) -> impl Future<Output = io::Result<usize>> + use<'a, B> {
        let received = self.recv_buf_from(buf);
        async move { Ok(received.await?.0) }
    }

    /// As [`recv_buf`](Self::recv_buf), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`recv`](Self::recv).
    pub fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        Ok(self.try_recv_buf_from(buf)?.0)
    }

    /// As [`recv_from`](Self::recv_from), into the spare room of `buf`, which advances.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Safe: a dropped future has taken nothing.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn recv_buf_from<'a, B: BufMut>(
        &'a self,
        buf: &'a mut B,
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + use<'a, B> {
        let site = Location::caller();
        let mut held = Held::new(self.polled());
        poll_fn(move |cx| {
            let attempt = || self.try_recv_buf_from(&mut *buf);
            self.poll_attempt_at(cx, false, Some(&mut held.seat), site, attempt)
        })
    }

    /// As [`recv_buf_from`](Self::recv_buf_from), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`recv`](Self::recv).
    pub fn try_recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        receive_into(buf, |buf| {
            let from = self.socket.try_receive(buf, false)?;
            Ok((buf.filled().len(), from))
        })
    }

    /// As [`recv`](Self::recv), and says who sent it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Safe: a dropped future has taken nothing.
    #[track_caller]
    pub fn recv_from<'a>(&'a self, buf: &'a mut [u8]) -> RecvFrom<'a> {
        RecvFrom::new(self, buf, Location::caller())
    }

    /// As [`recv_from`](Self::recv_from), by polling.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.poll_receive_at(cx, buf, false, None, Location::caller())
    }

    /// As [`recv_from`](Self::recv_from), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`recv`](Self::recv).
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.try_receive(buf, false)
    }

    /// As [`recv`](Self::recv), leaving the datagram to be received.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> PeekDatagram<'a> {
        PeekDatagram::new(self, buf, Location::caller())
    }

    /// As [`peek`](Self::peek), by polling.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_receive_at(cx, buf, true, None, Location::caller())
            .map_ok(drop)
    }

    /// As [`peek`](Self::peek), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`recv`](Self::recv).
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.try_receive(buf, true)?.0)
    }

    /// As [`recv_from`](Self::recv_from), leaving the datagram to be received.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn peek_from<'a>(&'a self, buf: &'a mut [u8]) -> PeekFrom<'a> {
        PeekFrom::new(self, buf, Location::caller())
    }

    /// As [`peek_from`](Self::peek_from), by polling.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.poll_receive_at(cx, buf, true, None, Location::caller())
    }

    /// As [`peek_from`](Self::peek_from), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`recv`](Self::recv).
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.try_receive(buf, true)
    }

    /// Waits for a datagram and says who sent it, leaving it to be received.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn peek_sender(&self) -> PeekSender<'_> {
        PeekSender::new(self, Location::caller())
    }

    /// As [`peek_sender`](Self::peek_sender), by polling.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        let mut none = ReadBuf::new(&mut []);
        self.poll_receive_at(cx, &mut none, true, None, Location::caller())
    }

    /// As [`peek_sender`](Self::peek_sender), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`recv`](Self::recv).
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        Ok(self.try_receive(&mut [], true)?.1)
    }

    /// Takes the pending error of the socket, if there is one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    pub(super) fn polled(&self) -> &dyn Polled {
        &*self.socket
    }

    fn try_receive(&self, buf: &mut [u8], peek: bool) -> io::Result<(usize, SocketAddr)> {
        let mut buf = ReadBuf::new(buf);
        let from = self.socket.try_receive(&mut buf, peek)?;
        Ok((buf.filled().len(), from))
    }

    pub(super) fn poll_send_at(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        target: Option<SocketAddr>,
        seat: Option<&mut Seat>,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<usize>> {
        let op = Op::write(OpKind::Send, self.socket.resource(Direction::Write), site);
        let attempt = || self.socket.try_send(bytes, target);
        poll_io(cx, &op, &*self.socket, Direction::Write, seat, attempt)
    }

    pub(super) fn poll_receive_at(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        peek: bool,
        seat: Option<&mut Seat>,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<SocketAddr>> {
        let attempt = || self.socket.try_receive(buf, peek);
        self.poll_attempt_at(cx, peek, seat, site, attempt)
    }

    /// Receives by `attempt` once there is a datagram.
    fn poll_attempt_at<T>(
        &self,
        cx: &mut Context<'_>,
        peek: bool,
        seat: Option<&mut Seat>,
        site: &'static Location<'static>,
        attempt: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let resource = self.socket.resource(Direction::Read);
        let op = if peek {
            Op::read(OpKind::Recv, resource, site)
        } else {
            Op::write(OpKind::Recv, resource, site)
        };
        poll_io(cx, &op, &*self.socket, Direction::Read, seat, attempt)
    }
}

debug_addresses!(UdpSocket, "addr": local_addr, "peer": peer_addr);
try_from_std!(std::net::UdpSocket => UdpSocket);
as_fd!(UdpSocket, socket);
