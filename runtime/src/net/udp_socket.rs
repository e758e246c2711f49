//! A socket for UDP datagrams.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BufMut;

use super::addr::ToSocketAddrs;
use super::lookup::{in_current, resolve};
use super::ready::{Interest, Ready};
use super::tcp_listener::{NO_DESCRIPTOR, no_address};
use super::udp::{
    PeekDatagram, PeekFrom, PeekSender, Readable, ReadyFor, Recv, RecvFrom, SendDatagram, Writable,
};
use crate::backend::{Datagram, Direction, Interface, Op, OpKind, SocketOption};
use crate::coop::proceed;
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
    socket: Arc<dyn Datagram>,
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
        ReadyFor::new(self, interest, Location::caller())
    }

    /// Waits until receiving can be tried, which may still find nothing.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn readable(&self) -> Readable<'_> {
        Readable::new(self.ready(Interest::READABLE))
    }

    /// Waits until sending can be tried, which may still find no room.
    ///
    /// # Errors
    /// When the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn writable(&self) -> Writable<'_> {
        Writable::new(self.ready(Interest::WRITABLE))
    }

    /// `Ready` when receiving can be tried, else has the task woken.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Read)
    }

    /// `Ready` when sending can be tried, else has the task woken.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Write)
    }

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
        self.poll_send_at(cx, buf, None, Location::caller())
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
        self.poll_send_at(cx, buf, Some(target), Location::caller())
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
        self.poll_receive_at(cx, buf, false, Location::caller())
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
        async move {
            let mut room = vec![0; spare(buf)];
            let (count, from) = RecvFrom::new(self, &mut room, site).await?;
            buf.put_slice(&room[..count]);
            Ok((count, from))
        }
    }

    /// As [`recv_buf_from`](Self::recv_buf_from), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`recv`](Self::recv).
    pub fn try_recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let mut room = vec![0; spare(buf)];
        let (count, from) = self.try_receive(&mut room, false)?;
        buf.put_slice(&room[..count]);
        Ok((count, from))
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
        self.poll_receive_at(cx, buf, false, Location::caller())
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
        self.poll_receive_at(cx, buf, true, Location::caller())
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
        self.poll_receive_at(cx, buf, true, Location::caller())
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
        self.poll_receive_at(cx, &mut ReadBuf::new(&mut []), true, Location::caller())
    }

    /// As [`peek_sender`](Self::peek_sender), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`recv`](Self::recv).
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        Ok(self.try_receive(&mut [], true)?.1)
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
        attempt_with(f, |attempt| self.socket.try_io(directions, attempt))
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

    /// Whether it may send to broadcast addresses (`SO_BROADCAST`). Off in a new socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.switch(SocketOption::Broadcast)
    }

    /// Sets whether it may send to broadcast addresses.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::Broadcast, on.into())
    }

    /// Whether this host receives what it sends to groups of IPv4. On in a new socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.switch(SocketOption::MulticastLoopV4)
    }

    /// Sets whether this host receives what it sends to groups of IPv4.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.socket
            .set_option(SocketOption::MulticastLoopV4, on.into())
    }

    /// How many routers its packets to groups of IPv4 may pass, plus one. 1 in a new socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.socket.option(SocketOption::MulticastTtlV4)
    }

    /// Sets how many routers its packets to groups of IPv4 may pass, plus one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::MulticastTtlV4, ttl)
    }

    /// Whether this host receives what it sends to groups of IPv6. On in a new socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.switch(SocketOption::MulticastLoopV6)
    }

    /// Sets whether this host receives what it sends to groups of IPv6.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.socket
            .set_option(SocketOption::MulticastLoopV6, on.into())
    }

    /// The traffic class of its packets (`IPV6_TCLASS`).
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.socket.option(SocketOption::TclassV6)
    }

    /// Sets the traffic class of its packets.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_tclass_v6(&self, tclass: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::TclassV6, tclass)
    }

    /// How many routers its packets may pass, plus one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.option(SocketOption::Ttl)
    }

    /// Sets how many routers its packets may pass, plus one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::Ttl, ttl)
    }

    /// The type of service of its packets (`IP_TOS`).
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.socket.option(SocketOption::TosV4)
    }

    /// Sets the type of service of its packets.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::TosV4, tos)
    }

    /// As [`tos_v4`](Self::tos_v4), its former name.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// As [`set_tos_v4`](Self::set_tos_v4), its former name.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        self.set_tos_v4(tos)
    }

    /// The interface it is bound to (`SO_BINDTODEVICE`).
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.socket.device()
    }

    /// Binds it to an interface, or to none.
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    ///
    /// # Under simulation
    /// `ENODEV` for any interface but `lo` and `eth0`; it changes nothing.
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.socket.bind_device(interface)
    }

    /// Receives what is sent to `multiaddr` from now on, on the interface that has the address
    /// `interface`.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn join_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        let interface = Interface::Address(interface);
        self.socket.group(IpAddr::V4(multiaddr), interface, true)
    }

    /// Receives what is sent to `multiaddr` from now on, on the interface of number `interface`.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        let interface = Interface::Index(interface);
        self.socket.group(IpAddr::V6(*multiaddr), interface, true)
    }

    /// No longer receives what is sent to `multiaddr`.
    ///
    /// # Errors
    /// Those of the operating system: `AddrNotAvailable` if it was not a member.
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        let interface = Interface::Address(interface);
        self.socket.group(IpAddr::V4(multiaddr), interface, false)
    }

    /// No longer receives what is sent to `multiaddr`.
    ///
    /// # Errors
    /// Those of the operating system: `AddrNotAvailable` if it was not a member.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        let interface = Interface::Index(interface);
        self.socket.group(IpAddr::V6(*multiaddr), interface, false)
    }

    /// Takes the pending error of the socket, if there is one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    fn switch(&self, option: SocketOption) -> io::Result<bool> {
        Ok(self.socket.option(option)? != 0)
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
        site: &'static Location<'static>,
    ) -> Poll<io::Result<usize>> {
        let op = Op::write(OpKind::Send, self.socket.resource(Direction::Write), site);
        self.poll_io(cx, &op, Direction::Write, || {
            self.socket.try_send(bytes, target)
        })
    }

    pub(super) fn poll_receive_at(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        peek: bool,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<SocketAddr>> {
        let resource = self.socket.resource(Direction::Read);
        let op = if peek {
            Op::read(OpKind::Recv, resource, site)
        } else {
            Op::write(OpKind::Recv, resource, site)
        };
        self.poll_io(cx, &op, Direction::Read, || {
            self.socket.try_receive(buf, peek)
        })
    }

    /// Tries until the outcome is known or there is nothing to do but wait.
    fn poll_io<T>(
        &self,
        cx: &mut Context<'_>,
        op: &Op<'_>,
        direction: Direction,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let progress = ready!(proceed(cx, op));
        loop {
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_ready(cx, direction))?;
                }
                outcome => {
                    progress.done();
                    return Poll::Ready(outcome);
                }
            }
        }
    }

    pub(super) fn poll_ready_at(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        site: &'static Location<'static>,
    ) -> Poll<io::Result<Ready>> {
        let (kind, direction) = if interest.is_readable() {
            (OpKind::Recv, Direction::Read)
        } else {
            (OpKind::Send, Direction::Write)
        };
        let op = Op::read(kind, self.socket.resource(direction), site);
        let progress = ready!(proceed(cx, &op));
        let mut ready = Ready::EMPTY;
        if interest.is_readable()
            && let Poll::Ready(readable) = self.socket.poll_ready(cx, Direction::Read)
        {
            readable?;
            ready |= Ready::READABLE;
        }
        if interest.is_writable()
            && let Poll::Ready(writable) = self.socket.poll_ready(cx, Direction::Write)
        {
            writable?;
            ready |= Ready::WRITABLE;
        }
        if ready.is_empty() {
            return Poll::Pending;
        }
        progress.done();
        Poll::Ready(Ok(ready))
    }
}

/// Passes a closure that may be called once through the seam, which takes one that may be called
/// often, and brings its result back.
pub(super) fn attempt_with<R>(
    f: impl FnOnce() -> io::Result<R>,
    run: impl FnOnce(&mut dyn FnMut() -> io::Result<()>) -> io::Result<()>,
) -> io::Result<R> {
    let mut f = Some(f);
    let mut value = None;
    run(&mut || {
        let f = f.take().expect("the seam makes one attempt");
        value = Some(f()?);
        Ok(())
    })?;
    Ok(value.expect("an attempt that succeeded has left its result"))
}

/// How many bytes of a datagram `buf` takes.
fn spare(buf: &mut impl BufMut) -> usize {
    const MOST: usize = 65_535;
    buf.chunk_mut().len().min(MOST)
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UdpSocket");
        if let Ok(addr) = self.local_addr() {
            debug.field("addr", &addr);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.finish_non_exhaustive()
    }
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: std::net::UdpSocket) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

/// # Panics
/// Under simulation, where there are no descriptors.
impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.descriptor().expect(NO_DESCRIPTOR)
    }
}

/// # Panics
/// Under simulation, where there are no descriptors.
impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
