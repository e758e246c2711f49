//! Sending and receiving messages.
//!
//! Owns the futures of [`UnixDatagram`]. Knows nothing of where messages go.

use std::future::Future;
use std::io;
use std::os::unix::net;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::addr::SocketAddr;
use super::datagram::UnixDatagram;
use crate::backend::{Direction, Op, OpKind, Seat};
use crate::io::ReadBuf;
use crate::net::attempt::poll_io;
use crate::net::readiness::Held;

/// The future of [`UnixDatagram::send`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Send<'a> {
    held: Held<'a>,
    socket: &'a UnixDatagram,
    bytes: &'a [u8],
    site: &'static Location<'static>,
}

impl<'a> Send<'a> {
    pub(super) fn new(
        socket: &'a UnixDatagram,
        bytes: &'a [u8],
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            held: Held::new(socket.polled()),
            socket,
            bytes,
            site,
        }
    }
}

impl Future for Send<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let seat = Some(&mut this.held.seat);
        poll_send_message(this.socket, cx, this.bytes, None, seat, this.site)
    }
}

/// The future of [`UnixDatagram::send_to`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct SendTo<'a> {
    held: Held<'a>,
    socket: &'a UnixDatagram,
    bytes: &'a [u8],
    /// Or why there is none, until that was told.
    target: Result<net::SocketAddr, Option<io::Error>>,
    site: &'static Location<'static>,
}

impl<'a> SendTo<'a> {
    pub(super) fn new(
        socket: &'a UnixDatagram,
        bytes: &'a [u8],
        target: io::Result<net::SocketAddr>,
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            held: Held::new(socket.polled()),
            socket,
            bytes,
            target: target.map_err(Some),
            site,
        }
    }
}

impl Future for SendTo<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match &mut this.target {
            Ok(target) => {
                let seat = Some(&mut this.held.seat);
                poll_send_message(this.socket, cx, this.bytes, Some(target), seat, this.site)
            }
            Err(error) => {
                let error = error.take();
                Poll::Ready(Err(
                    error.unwrap_or_else(|| io::ErrorKind::InvalidInput.into())
                ))
            }
        }
    }
}

/// The future of [`UnixDatagram::recv`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Recv<'a> {
    held: Held<'a>,
    socket: &'a UnixDatagram,
    buf: &'a mut [u8],
    site: &'static Location<'static>,
}

impl<'a> Recv<'a> {
    pub(super) fn new(
        socket: &'a UnixDatagram,
        buf: &'a mut [u8],
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            held: Held::new(socket.polled()),
            socket,
            buf,
            site,
        }
    }
}

impl Future for Recv<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            held,
            socket,
            buf,
            site,
        } = &mut *self;
        poll_recv_into(socket, cx, Some(&mut held.seat), site, || {
            socket.try_recv(buf)
        })
    }
}

/// The future of [`UnixDatagram::recv_from`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct RecvFrom<'a> {
    held: Held<'a>,
    socket: &'a UnixDatagram,
    buf: &'a mut [u8],
    site: &'static Location<'static>,
}

impl<'a> RecvFrom<'a> {
    pub(super) fn new(
        socket: &'a UnixDatagram,
        buf: &'a mut [u8],
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            held: Held::new(socket.polled()),
            socket,
            buf,
            site,
        }
    }
}

impl Future for RecvFrom<'_> {
    type Output = io::Result<(usize, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            held,
            socket,
            buf,
            site,
        } = &mut *self;
        poll_recv_into(socket, cx, Some(&mut held.seat), site, || {
            let (count, from) = socket.socket.try_recv_from(&mut ReadBuf::new(buf))?;
            Ok((count, SocketAddr(from)))
        })
    }
}

/// Sends a message once there is room.
pub(super) fn poll_send_message(
    socket: &UnixDatagram,
    cx: &mut Context<'_>,
    bytes: &[u8],
    target: Option<&net::SocketAddr>,
    seat: Option<&mut Seat>,
    site: &'static Location<'static>,
) -> Poll<io::Result<usize>> {
    let resource = socket.socket.resource(Direction::Write);
    let op = Op::write(OpKind::Write, resource, site);
    poll_io(cx, &op, &*socket.socket, Direction::Write, seat, || {
        socket.socket.try_send(bytes, target)
    })
}

/// Receives by `attempt` once there is a message.
pub(super) fn poll_recv_into<T>(
    socket: &UnixDatagram,
    cx: &mut Context<'_>,
    seat: Option<&mut Seat>,
    site: &'static Location<'static>,
    attempt: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    let resource = socket.socket.resource(Direction::Read);
    let op = Op::write(OpKind::Read, resource, site);
    poll_io(cx, &op, &*socket.socket, Direction::Read, seat, attempt)
}
