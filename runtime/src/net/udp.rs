//! The futures of [`UdpSocket`].

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::readiness::Held;
pub use super::readiness::{Readable, ReadyFor, Writable};
use super::udp_socket::UdpSocket;
use crate::io::ReadBuf;

/// The future of [`UdpSocket::send`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct SendDatagram<'a> {
    held: Held<'a>,
    socket: &'a UdpSocket,
    bytes: &'a [u8],
    target: Option<SocketAddr>,
    site: &'static Location<'static>,
}

impl<'a> SendDatagram<'a> {
    pub(super) fn new(
        socket: &'a UdpSocket,
        bytes: &'a [u8],
        target: Option<SocketAddr>,
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            held: Held::new(socket.polled()),
            socket,
            bytes,
            target,
            site,
        }
    }
}

impl Future for SendDatagram<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let seat = Some(&mut this.held.seat);
        this.socket
            .poll_send_at(cx, this.bytes, this.target, seat, this.site)
    }
}

/// What receives into a slice.
macro_rules! receiving {
    ($name:ident, $method:literal, $peek:literal, $output:ty, $result:expr) => {
        #[doc = concat!("The future of [`UdpSocket::", $method, "`].")]
        #[must_use = "futures do nothing unless awaited"]
        #[derive(Debug)]
        pub struct $name<'a> {
            held: Held<'a>,
            socket: &'a UdpSocket,
            buf: &'a mut [u8],
            site: &'static Location<'static>,
        }

        impl<'a> $name<'a> {
            pub(super) fn new(
                socket: &'a UdpSocket,
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

        impl Future for $name<'_> {
            type Output = io::Result<$output>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let this = &mut *self;
                let mut buf = ReadBuf::new(this.buf);
                let seat = Some(&mut this.held.seat);
                let from = this
                    .socket
                    .poll_receive_at(cx, &mut buf, $peek, seat, this.site);
                let from = ready!(from)?;
                let result: fn(usize, SocketAddr) -> $output = $result;
                Poll::Ready(Ok(result(buf.filled().len(), from)))
            }
        }
    };
}

receiving!(Recv, "recv", false, usize, |count, _| count);
receiving!(PeekDatagram, "peek", true, usize, |count, _| count);
receiving!(
    RecvFrom,
    "recv_from",
    false,
    (usize, SocketAddr),
    |count, from| (count, from)
);
receiving!(
    PeekFrom,
    "peek_from",
    true,
    (usize, SocketAddr),
    |count, from| (count, from)
);

/// The future of [`UdpSocket::peek_sender`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct PeekSender<'a> {
    held: Held<'a>,
    socket: &'a UdpSocket,
    site: &'static Location<'static>,
}

impl<'a> PeekSender<'a> {
    pub(super) fn new(socket: &'a UdpSocket, site: &'static Location<'static>) -> Self {
        Self {
            held: Held::new(socket.polled()),
            socket,
            site,
        }
    }
}

impl Future for PeekSender<'_> {
    type Output = io::Result<SocketAddr>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut buf = ReadBuf::new(&mut []);
        let seat = Some(&mut this.held.seat);
        this.socket
            .poll_receive_at(cx, &mut buf, true, seat, this.site)
    }
}
