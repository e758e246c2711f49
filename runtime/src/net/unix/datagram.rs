//! A socket for messages between sockets of one machine.

use std::future::{Future, poll_fn};
use std::io;
use std::net::Shutdown;
use std::os::unix::net;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;

use super::addr::{SocketAddr, address_of};
use super::messages::{Recv, RecvFrom, Send, SendTo, poll_recv_into, poll_send_message};
use crate::backend::{self, UnixKind};
use crate::io::ReadBuf;
use crate::net::buf::receive_into;
use crate::net::handle::{as_fd, debug_addresses, try_from_std};
use crate::net::lookup::in_current;
use crate::net::readiness::{Held, tries_io, waits, waits_to_read, waits_to_write};

/// A socket for messages between sockets of one machine. Dropping it closes it; its file stays.
///
/// Messages arrive whole, in order and once. Whoever sends waits while the receiver has too many
/// of them: more than ten by default on Linux, unless the receiver is connected back.
///
/// # Examples
/// ```
/// use simoom::net::UnixDatagram;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let name = format!("\0simoom-doc-datagram-{}", std::process::id());
/// // A name that starts with a NUL byte has no file.
/// let receiver = UnixDatagram::bind(&name).unwrap();
/// let sender = UnixDatagram::unbound().unwrap();
/// sender.send_to(b"hello", &name).await.unwrap();
/// let mut bytes = [0; 16];
/// let (count, from) = receiver.recv_from(&mut bytes).await.unwrap();
/// assert_eq!(&bytes[..count], b"hello");
/// assert!(from.is_unnamed());
/// # });
/// ```
///
/// # Under simulation
/// Sockets of one node reach one another, and none of other nodes.
pub struct UnixDatagram {
    pub(super) socket: Arc<dyn backend::UnixDatagram>,
}

impl UnixDatagram {
    /// A socket with the address `path`, and creates the file.
    ///
    /// # Errors
    /// `AddrInUse` if the file or the name exists; `NotFound` if there is no such directory;
    /// `InvalidInput` if the path is too long; others of the operating system; outside a runtime.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let addr = address_of(path.as_ref())?;
        let socket = in_current(|backend| backend.unix_socket(UnixKind::Datagram))?;
        socket.bind(&addr)?;
        Ok(Self::from_backend(socket.datagram()?))
    }

    /// A socket without an address, which can send and be answered by whom it is connected to.
    ///
    /// # Errors
    /// When the process has no descriptors left; outside a runtime.
    pub fn unbound() -> io::Result<Self> {
        let socket = in_current(|backend| backend.unix_socket(UnixKind::Datagram))?;
        Ok(Self::from_backend(socket.datagram()?))
    }

    /// Two sockets that are connected to each other, without addresses.
    ///
    /// # Errors
    /// When the process has no descriptors left; outside a runtime.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (one, two) = simoom::net::UnixDatagram::pair().unwrap();
    /// one.send(b"x").await.unwrap();
    /// assert_eq!(two.recv(&mut [0; 8]).await.unwrap(), 1);
    /// # });
    /// ```
    pub fn pair() -> io::Result<(Self, Self)> {
        let pair = in_current(|backend| backend.unix_datagram_pair())?;
        let [one, two] = pair.map(Self::from_backend);
        Ok((one, two))
    }

    pub(super) fn from_backend(socket: Arc<dyn backend::UnixDatagram>) -> Self {
        Self { socket }
    }

    /// Takes over a socket of the standard library.
    ///
    /// It must be in non-blocking mode already: otherwise sending and receiving stop the whole
    /// thread.
    ///
    /// # Errors
    /// Outside a runtime.
    ///
    /// # Under simulation
    /// An error: a simulated world takes no real sockets.
    pub fn from_std(datagram: net::UnixDatagram) -> io::Result<Self> {
        let socket = in_current(|backend| backend.adopt_unix_datagram(datagram))?;
        Ok(Self { socket })
    }

    /// Gives the socket to the standard library. It stays in non-blocking mode.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    ///
    /// # Under simulation
    /// An error: there is no real socket.
    pub fn into_std(self) -> io::Result<net::UnixDatagram> {
        self.socket.to_std()
    }

    /// Sets whom [`send`](Self::send) sends to. From now on it receives from that socket alone.
    ///
    /// What it received before from whom it was connected to is lost.
    ///
    /// # Errors
    /// `NotFound` if there is no such file; `ConnectionRefused` if nobody has it open any more;
    /// `PermissionDenied` if that socket is connected to another one; others of the operating
    /// system.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.socket.connect(&address_of(path.as_ref())?)
    }

    waits!(READ_WRITE);
    waits_to_read!(RECV_SEND, poll_recv_ready, "try_recv", "receiving");
    waits_to_write!(RECV_SEND, poll_send_ready, "try_send", "sending");
    tries_io!();

    /// Sends a message to the socket that it is connected to, once there is room.
    ///
    /// # Errors
    /// `NotConnected` if it is not connected; `ConnectionRefused` if the receiver is gone, after
    /// which it is not connected any more; `BrokenPipe` if the receiver or this socket was shut
    /// down; others of the operating system, as for a message that is too long.
    ///
    /// # Cancel safety
    /// Safe: a dropped future has sent nothing.
    #[track_caller]
    pub fn send<'a>(&'a self, bytes: &'a [u8]) -> Send<'a> {
        Send::new(self, bytes, Location::caller())
    }

    /// Sends a message to the socket at `target`, once there is room.
    ///
    /// When the receiver has too many messages, all of them from others, Linux does not say when
    /// there is room again: connect to it, or bound the wait.
    ///
    /// # Errors
    /// `NotFound` if there is no such file; `ConnectionRefused` if nobody has it open any more;
    /// `PermissionDenied` if that socket is connected to another one; else as
    /// [`send`](Self::send).
    ///
    /// # Cancel safety
    /// Safe: a dropped future has sent nothing.
    #[track_caller]
    pub fn send_to<'a, P: AsRef<Path>>(&'a self, bytes: &'a [u8], target: P) -> SendTo<'a> {
        SendTo::new(self, bytes, address_of(target.as_ref()), Location::caller())
    }

    /// As [`send`](Self::send), by polling.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        poll_send_message(self, cx, bytes, None, None, Location::caller())
    }

    /// As [`send_to`](Self::send_to), by polling.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).
    #[track_caller]
    pub fn poll_send_to<P: AsRef<Path>>(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        target: P,
    ) -> Poll<io::Result<usize>> {
        let target = address_of(target.as_ref())?;
        poll_send_message(self, cx, bytes, Some(&target), None, Location::caller())
    }

    /// As [`send`](Self::send), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room, also when [`writable`](Self::writable) was not awaited
    /// since the last attempt; else as [`send`](Self::send).
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.try_send(bytes, None)
    }

    /// As [`send_to`](Self::send_to), without waiting.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send) and [`send_to`](Self::send_to).
    pub fn try_send_to<P: AsRef<Path>>(&self, bytes: &[u8], target: P) -> io::Result<usize> {
        let target = address_of(target.as_ref())?;
        self.socket.try_send(bytes, Some(&target))
    }

    /// Waits for a message and copies it into `buf`; what does not fit is lost.
    ///
    /// Returns how many bytes were copied. A message may have none.
    ///
    /// # Errors
    /// `ConnectionReset` if the socket that it is connected to has connected to another one; when
    /// the runtime is gone.
    ///
    /// # Cancel safety
    /// Safe: a dropped future has taken no message.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::new(self, buf, Location::caller())
    }

    /// As [`recv`](Self::recv), and says who sent the message.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Safe: a dropped future has taken no message.
    #[track_caller]
    pub fn recv_from<'a>(&'a self, buf: &'a mut [u8]) -> RecvFrom<'a> {
        RecvFrom::new(self, buf, Location::caller())
    }

    /// As [`recv`](Self::recv), into the spare room of `buf`.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Safe: a dropped future has taken no message.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn recv_buf<B: BufMut>(&self, buf: &mut B) -> impl Future<Output = io::Result<usize>> {
        let site = Location::caller();
        let mut held = Held::new(self.polled());
        poll_fn(move |cx| {
            let attempt = || self.try_recv_buf(&mut *buf);
            poll_recv_into(self, cx, Some(&mut held.seat), site, attempt)
        })
    }

    /// As [`recv_from`](Self::recv_from), into the spare room of `buf`.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Safe: a dropped future has taken no message.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn recv_buf_from<B: BufMut>(
        &self,
        buf: &mut B,
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> {
        let site = Location::caller();
        let mut held = Held::new(self.polled());
        poll_fn(move |cx| {
            let attempt = || self.try_recv_buf_from(&mut *buf);
            poll_recv_into(self, cx, Some(&mut held.seat), site, attempt)
        })
    }

    /// As [`recv`](Self::recv), by polling.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let attempt = || self.socket.try_recv(buf).map(drop);
        poll_recv_into(self, cx, None, Location::caller(), attempt)
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
        let attempt = || self.socket.try_recv_from(buf);
        poll_recv_into(self, cx, None, Location::caller(), attempt)
            .map_ok(|(_, from)| SocketAddr(from))
    }

    /// As [`recv`](Self::recv), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is no message, also when [`readable`](Self::readable) was not awaited
    /// since the last attempt; else as [`recv`](Self::recv).
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_recv(&mut ReadBuf::new(buf))
    }

    /// As [`recv_from`](Self::recv_from), without waiting.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (count, from) = self.socket.try_recv_from(&mut ReadBuf::new(buf))?;
        Ok((count, SocketAddr(from)))
    }

    /// As [`try_recv`](Self::try_recv), into the spare room of `buf`.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        receive_into(buf, |buf| self.socket.try_recv(buf))
    }

    /// As [`try_recv_from`](Self::try_recv_from), into the spare room of `buf`.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let (count, from) = receive_into(buf, |buf| self.socket.try_recv_from(buf))?;
        Ok((count, SocketAddr(from)))
    }

    /// The address of this socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr().map(SocketAddr)
    }

    /// The address of the socket that it is connected to.
    ///
    /// # Errors
    /// `NotConnected` if there is none; others of the operating system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr().map(SocketAddr)
    }

    /// Takes the error that the socket failed with, if it was not reported yet.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Ends sending, receiving, or both. Nothing tells the peer but the error of its next message.
    ///
    /// A [`recv`](Self::recv) finds what was received before, and then waits for ever.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    pub(super) fn polled(&self) -> &dyn backend::Polled {
        &*self.socket
    }
}

debug_addresses!(UnixDatagram, "addr": local_addr, "peer": peer_addr);
try_from_std!(net::UnixDatagram => UnixDatagram);
as_fd!(UnixDatagram, socket);
