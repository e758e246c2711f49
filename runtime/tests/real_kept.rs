//! What real sockets keep of those who wait, and in epoll: no waker and no registration for too
//! long.
//!
//! This file holds `unsafe`: a socket is made of a bare descriptor.

#![expect(unsafe_code, reason = "a bare descriptor")]

use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use simoom::io::AsyncWriteExt;
use simoom::net::{
    Interest, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixSocket, UnixStream,
};
use simoom::runtime::Runtime;
use simoom::task::yield_now;
use socket2::{Domain, Socket, Type};

fn run<F: Future>(future: F) -> F::Output {
    Runtime::new().unwrap().block_on(future)
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

async fn pair() -> (TcpStream, TcpStream) {
    let (listener, addr) = listener().await;
    let client = TcpStream::connect(addr).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

/// A waker that can be counted.
struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

fn counted() -> (Arc<Counted>, Waker) {
    let count = Arc::new(Counted);
    let waker = Waker::from(count.clone());
    (count, waker)
}

#[track_caller]
fn leaves_no_waker<F: Future>(waiting: F) {
    let (count, waker) = counted();
    let mut waiting = Box::pin(waiting);
    let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending(), "there is nothing");
    drop(waker);
    assert!(Arc::strong_count(&count) > 1, "it waits");
    drop(waiting);
    assert_eq!(Arc::strong_count(&count), 1, "somebody kept its waker");
}

#[test]
fn a_wait_that_is_dropped_leaves_no_waker() {
    run(async {
        let (client, server) = pair().await;
        server.try_read(&mut [0; 8]).unwrap_err();
        leaves_no_waker(server.readable());
        leaves_no_waker(server.ready(Interest::READABLE | Interest::ERROR | Interest::PRIORITY));
        leaves_no_waker(server.peek(&mut [0; 8]));
        let blocks = || Err::<(), _>(ErrorKind::WouldBlock.into());
        leaves_no_waker(server.async_io(Interest::READABLE, blocks));
        while client.try_write(&[0; 65_536]).is_ok() {}
        leaves_no_waker(client.writable());
        let (listener, _) = listener().await;
        leaves_no_waker(listener.accept());

        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        leaves_no_waker(udp.recv(&mut [0; 8]));
        leaves_no_waker(udp.recv_from(&mut [0; 8]));
        leaves_no_waker(udp.recv_buf(&mut Vec::with_capacity(8)));
        leaves_no_waker(udp.peek_sender());
        leaves_no_waker(udp.readable());

        let (one, two) = UnixDatagram::pair().unwrap();
        leaves_no_waker(one.recv(&mut [0; 8]));
        leaves_no_waker(one.recv_from(&mut [0; 8]));
        leaves_no_waker(one.recv_buf(&mut Vec::with_capacity(8)));
        while two.try_send(b"x").is_ok() {}
        leaves_no_waker(two.send(b"x"));
        leaves_no_waker(UnixListener::bind(name()).unwrap().accept());
    });
}

#[test]
fn a_direction_that_is_polled_keeps_the_last_waker_alone() {
    run(async {
        let (mut client, server) = pair().await;
        server.try_read(&mut [0; 8]).unwrap_err();
        let mut counts = Vec::new();
        for _ in 0..10 {
            let (count, waker) = counted();
            let polled = server.poll_read_ready(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            counts.push(count);
        }
        let kept = counts.iter().filter(|count| Arc::strong_count(count) > 1);
        assert_eq!(kept.count(), 1);
        let last = simoom::spawn(async move {
            poll_fn(|cx| server.poll_read_ready(cx)).await.unwrap();
            server
        });
        yield_now().await;
        client.write_all(b"x").await.unwrap();
        let server = last.await.unwrap();
        assert_eq!(server.try_read(&mut [0; 8]).unwrap(), 1);
    });
}

/// Adopts descriptors of one socket, one after the other and with the same number, and waits by
/// each.
fn adopt_again<S: AsFd, T>(
    kept: &S,
    adopt: impl Fn(OwnedFd) -> std::io::Result<T>,
    wait: impl Fn(&T, &mut Context<'_>) -> Poll<std::io::Result<()>>,
) {
    let mut cx = Context::from_waker(Waker::noop());
    let twin = || kept.as_fd().try_clone_to_owned().unwrap();
    for _ in 0..100 {
        let first = twin();
        let number = first.as_raw_fd();
        let first = adopt(first).unwrap();
        let polled = wait(&first, &mut cx);
        assert!(polled.is_pending(), "{polled:?}");
        drop(first);
        // Other tests take numbers too.
        let mut twins = (0..64).map(|_| twin()).collect::<Vec<_>>();
        let same = twins.iter().position(|twin| twin.as_raw_fd() == number);
        if let Some(same) = same {
            let second = adopt(twins.swap_remove(same)).unwrap();
            let polled = wait(&second, &mut cx);
            assert!(polled.is_pending(), "{polled:?}");
            return;
        }
    }
    panic!("the number was never free again");
}

#[test]
fn a_socket_that_is_open_elsewhere_can_be_adopted_again() {
    run(async {
        let kept = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        kept.set_nonblocking(true).unwrap();
        let adopt = |fd: OwnedFd| TcpListener::from_std(fd.into());
        adopt_again(&kept, adopt, |it, cx| it.poll_accept(cx).map_ok(drop));

        let _peer = std::net::TcpStream::connect(kept.local_addr().unwrap()).unwrap();
        let (kept, _) = kept.accept().unwrap();
        kept.set_nonblocking(true).unwrap();
        let adopt = |fd: OwnedFd| TcpStream::from_std(fd.into());
        adopt_again(&kept, adopt, |it, cx| {
            let _ = it.try_read(&mut [0; 8]);
            it.poll_read_ready(cx)
        });

        let kept = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        kept.set_nonblocking(true).unwrap();
        let adopt = |fd: OwnedFd| UdpSocket::from_std(fd.into());
        adopt_again(&kept, adopt, |it, cx| {
            let _ = it.try_recv(&mut [0; 8]);
            it.poll_recv_ready(cx)
        });

        let (kept, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        kept.set_nonblocking(true).unwrap();
        let adopt = |fd: OwnedFd| UnixStream::from_std(fd.into());
        adopt_again(&kept, adopt, |it, cx| {
            let _ = it.try_read(&mut [0; 8]);
            it.poll_read_ready(cx)
        });
        let (kept, _peer) = std::os::unix::net::UnixDatagram::pair().unwrap();
        kept.set_nonblocking(true).unwrap();
        let adopt = |fd: OwnedFd| UnixDatagram::from_std(fd.into());
        adopt_again(&kept, adopt, |it, cx| {
            let _ = it.try_recv(&mut [0; 8]);
            it.poll_recv_ready(cx)
        });
        let address = net::SocketAddr::from_abstract_name(&name()[1..]).unwrap();
        let kept = net::UnixListener::bind_addr(&address).unwrap();
        kept.set_nonblocking(true).unwrap();
        let adopt = |fd: OwnedFd| UnixListener::from_std(fd.into());
        adopt_again(&kept, adopt, |it, cx| it.poll_accept(cx).map_ok(drop));
        let (kept, _writer) = std::io::pipe().unwrap();
        let adopt = simoom::net::unix::pipe::Receiver::from_owned_fd;
        adopt_again(&kept, adopt, |it, cx| it.poll_read_ready(cx));
        let (_reader, kept) = std::io::pipe().unwrap();
        let adopt = simoom::net::unix::pipe::Sender::from_owned_fd;
        adopt_again(&kept, adopt, |it, cx| {
            while it.try_write(&[0; 65_536]).is_ok() {}
            it.poll_write_ready(cx)
        });
    });
}

/// A name that no other socket has.
fn name() -> String {
    format!("\0simoom-kept-{:016x}", simoom::rand::random::<u64>())
}

/// Somebody may have kept a descriptor of a socket before it was put to use.
#[test]
fn a_socket_whose_descriptor_was_told_can_be_adopted_again() {
    run(async {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        for _ in 0..100 {
            let socket = UnixSocket::new_stream().unwrap();
            let kept = socket.as_fd().try_clone_to_owned().unwrap();
            if connects_again(socket, kept, &listener, &name).await {
                return;
            }
        }
        panic!("the number was never free again");
    });
}

/// So may whoever gave one away.
#[test]
fn a_socket_that_is_open_elsewhere_before_it_connects_can_be_adopted_again() {
    run(async {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        for _ in 0..100 {
            let kept = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            kept.set_nonblocking(true).unwrap();
            let given = kept.try_clone().unwrap().into_raw_fd();
            // SAFETY: the descriptor was given away above.
            let socket = unsafe { UnixSocket::from_raw_fd(given) };
            let first = socket.connect(&name).await.unwrap();
            let (_peer, _) = listener.accept().await.unwrap();
            if is_adopted_again(&kept.into(), first, given) {
                return;
            }
        }
        panic!("the number was never free again");
    });
}

async fn connects_again(
    socket: UnixSocket,
    kept: OwnedFd,
    listener: &UnixListener,
    name: &str,
) -> bool {
    let number = socket.as_raw_fd();
    let first = socket.connect(name).await.unwrap();
    let (_peer, _) = listener.accept().await.unwrap();
    is_adopted_again(&kept, first, number)
}

/// Waits by `first`, whose descriptor has this number, drops it, and waits by another one of the
/// same socket that has got the number; false if something else has got it.
fn is_adopted_again(kept: &OwnedFd, first: UnixStream, number: RawFd) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    let mut waits = |stream: &UnixStream| {
        let _ = stream.try_read(&mut [0; 8]);
        let polled = stream.poll_read_ready(&mut cx);
        assert!(polled.is_pending(), "{polled:?}");
    };
    waits(&first);
    drop(first);
    let mut twins: Vec<_> = (0..64).map(|_| kept.try_clone().unwrap()).collect();
    let Some(same) = twins.iter().position(|twin| twin.as_raw_fd() == number) else {
        return false;
    };
    let second = net::UnixStream::from(twins.swap_remove(same));
    waits(&UnixStream::from_std(second).unwrap());
    true
}
