//! Sockets that are set up before they connect or listen, and settings of streams.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt, Interest};
use simoom::net::{
    AcceptBackoff, TcpKeepalive, TcpListener, TcpSocket, TcpStream, connect_happy_eyeballs,
};
use simoom::time::{Instant, sleep, timeout};
use simoom_tests::both;

use super::{listener, nobody, pair};

fn any() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

#[track_caller]
fn code<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    let error = result.unwrap_err();
    error.raw_os_error().expect("it has the system's number")
}

both! {
    async fn a_socket_listens_and_connects() {
        let socket = TcpSocket::new_v4().unwrap();
        assert_eq!(socket.local_addr().unwrap(), (Ipv4Addr::UNSPECIFIED, 0).into());
        socket.bind(any()).unwrap();
        let bound = socket.local_addr().unwrap();
        let listener = socket.listen(8).unwrap();
        assert_eq!(listener.local_addr().unwrap(), bound);
        let mut client = TcpSocket::new_v4().unwrap().connect(bound).await.unwrap();
        let (mut server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    }

    async fn a_bound_socket_connects_from_its_address() {
        let (listener, addr) = listener().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(any()).unwrap();
        let bound = socket.local_addr().unwrap();
        let client = socket.connect(addr).await.unwrap();
        assert_eq!(client.local_addr().unwrap(), bound);
        assert_eq!(listener.accept().await.unwrap().1, bound);
    }

    async fn a_socket_that_was_never_bound_listens_somewhere() {
        let listener = TcpSocket::new_v4().unwrap().listen(1).unwrap();
        let addr = listener.local_addr().unwrap();
        assert!(addr.ip().is_unspecified());
        assert_ne!(addr.port(), 0);
    }

    async fn a_socket_of_the_sixth_version() {
        let socket = TcpSocket::new_v6().unwrap();
        socket.bind("[::1]:0".parse().unwrap()).unwrap();
        let listener = socket.listen(8).unwrap();
        let addr = listener.local_addr().unwrap();
        let client = TcpSocket::new_v6().unwrap().connect(addr).await.unwrap();
        assert!(client.peer_addr().unwrap().is_ipv6());
        assert_eq!(code(TcpSocket::new_v4().unwrap().connect(addr).await), libc::EAFNOSUPPORT);
    }

    async fn connecting_where_nobody_listens_is_refused() {
        let error = TcpSocket::new_v4().unwrap().connect(nobody().await).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
    }

    async fn binding_fails_as_the_system_has_it() {
        let socket = TcpSocket::new_v4().unwrap();
        assert_eq!(code(socket.bind("192.0.2.1:0".parse().unwrap())), libc::EADDRNOTAVAIL);
        assert_eq!(code(socket.bind("[::1]:0".parse().unwrap())), libc::EAFNOSUPPORT);
        let (_listener, addr) = listener().await;
        assert_eq!(code(socket.bind(addr)), libc::EADDRINUSE);
        socket.set_reuseaddr(true).unwrap();
        assert_eq!(code(socket.bind(addr)), libc::EADDRINUSE, "somebody listens there");
        socket.bind(any()).unwrap();
        assert_eq!(code(socket.bind(any())), libc::EINVAL, "it is bound");
    }

    async fn settings_of_a_socket_are_kept_and_go_on_to_its_stream() {
        let (_listener, addr) = listener().await;
        let socket = TcpSocket::new_v4().unwrap();
        assert!(!socket.keepalive().unwrap());
        assert!(!socket.nodelay().unwrap());
        assert!(!socket.reuseaddr().unwrap());
        assert!(!socket.reuseport().unwrap());
        assert_eq!(socket.linger().unwrap(), None);
        assert_eq!(socket.tos_v4().unwrap(), 0);
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);
        assert_eq!(socket.device().unwrap(), None);
        assert!(socket.take_error().unwrap().is_none());
        socket.set_keepalive(true).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.set_reuseport(true).unwrap();
        socket.set_tos_v4(0x10).unwrap();
        socket.set_send_buffer_size(50_000).unwrap();
        socket.set_recv_buffer_size(60_000).unwrap();
        socket.set_linger(Some(Duration::from_secs(3))).unwrap();
        socket.set_tcp_user_timeout(Some(Duration::from_millis(4_500))).unwrap();
        assert!(socket.reuseaddr().unwrap() && socket.reuseport().unwrap());
        assert_eq!(socket.tos().unwrap(), 0x10);
        assert_eq!(socket.send_buffer_size().unwrap(), 100_000);
        assert_eq!(socket.recv_buffer_size().unwrap(), 120_000);
        let stream = socket.connect(addr).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert!(stream.keepalive().unwrap());
        assert_eq!(stream.linger().unwrap(), Some(Duration::from_secs(3)));
        assert_eq!(stream.tcp_user_timeout().unwrap(), Some(Duration::from_millis(4_500)));
    }

    async fn keep_alive_takes_what_linux_takes() {
        let (client, _server) = pair().await;
        assert!(!client.keepalive().unwrap());
        client.set_tcp_keepalive(&TcpKeepalive::new()).unwrap();
        assert!(client.keepalive().unwrap());
        let second = Duration::from_secs(1);
        let fine = TcpKeepalive::new().with_time(second).with_interval(second).with_retries(127);
        client.set_tcp_keepalive(&fine).unwrap();
        let zero = TcpKeepalive::new().with_time(Duration::ZERO);
        assert_eq!(code(client.set_tcp_keepalive(&zero)), libc::EINVAL);
        let many = TcpKeepalive::new().with_retries(128);
        assert_eq!(code(client.set_tcp_keepalive(&many)), libc::EINVAL);
        client.set_keepalive(false).unwrap();
        assert!(!client.keepalive().unwrap());
        client.set_quickack(false).unwrap();
        assert!(!client.quickack().unwrap());
    }

    async fn a_port_of_a_past_connection_is_taken_without_leave() {
        let (listener, addr) = listener().await;
        let client = TcpStream::connect(addr).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        drop(listener);
        // The server's side closes first, and so remembers the connection.
        drop(server);
        sleep(Duration::from_millis(20)).await;
        drop(client);
        sleep(Duration::from_millis(20)).await;
        let socket = TcpSocket::new_v4().unwrap();
        assert_eq!(code(socket.bind(addr)), libc::EADDRINUSE);
        socket.set_reuseaddr(true).unwrap();
        socket.bind(addr).unwrap();
        drop(socket);
        TcpListener::bind(addr).await.unwrap();
    }

    async fn the_other_sides_port_is_free_at_once() {
        let (listener, addr) = listener().await;
        let client = TcpStream::connect(addr).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        drop(listener);
        drop(client);
        sleep(Duration::from_millis(20)).await;
        drop(server);
        sleep(Duration::from_millis(20)).await;
        TcpSocket::new_v4().unwrap().bind(addr).unwrap();
    }

    async fn listeners_share_a_port_if_all_ask_for_it() {
        let one = TcpSocket::new_v4().unwrap();
        one.set_reuseport(true).unwrap();
        one.bind(any()).unwrap();
        let addr = one.local_addr().unwrap();
        let one = one.listen(64).unwrap();
        let two = TcpSocket::new_v4().unwrap();
        assert_eq!(code(two.bind(addr)), libc::EADDRINUSE);
        two.set_reuseport(true).unwrap();
        two.bind(addr).unwrap();
        let two = two.listen(64).unwrap();
        let mut streams = Vec::new();
        for _ in 0..32 {
            streams.push(TcpStream::connect(addr).await.unwrap());
        }
        let mut accepted = [0, 0];
        for (count, listener) in accepted.iter_mut().zip([one, two]) {
            while timeout(Duration::from_millis(50), listener.accept()).await.is_ok() {
                *count += 1;
            }
        }
        assert_eq!(accepted[0] + accepted[1], 32);
        assert!(accepted[0] > 0 && accepted[1] > 0, "{accepted:?}");
    }

    async fn a_backlog_of_one_takes_two_connections() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(any()).unwrap();
        let listener = socket.listen(1).unwrap();
        let addr = listener.local_addr().unwrap();
        let _one = TcpStream::connect(addr).await.unwrap();
        let _two = TcpStream::connect(addr).await.unwrap();
        let start = Instant::now();
        let mut three = Box::pin(TcpStream::connect(addr));
        let early = timeout(Duration::from_millis(300), &mut three).await;
        assert!(early.is_err(), "there is no room for it");
        listener.accept().await.unwrap();
        // The attempt was not answered: it is repeated after a second.
        three.await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(900));
    }

    async fn closing_with_no_linger_resets() {
        let (client, mut server) = pair().await;
        client.set_zero_linger().unwrap();
        drop(client);
        let error = server.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
    }

    async fn a_timeout_ends_an_attempt_cleanly() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(any()).unwrap();
        let listener = socket.listen(0).unwrap();
        let addr = listener.local_addr().unwrap();
        let first = TcpStream::connect(addr).await.unwrap();
        let late = timeout(Duration::from_millis(50), TcpStream::connect(addr)).await;
        assert!(late.is_err());
        let (_server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, first.local_addr().unwrap());
        // Nothing of the attempt is left to be accepted.
        let none = timeout(Duration::from_millis(1_500), listener.accept()).await;
        assert!(none.is_err());
    }

    async fn happy_eyeballs_find_the_address_that_answers() {
        let (listener, addr) = listener().await;
        let dead = nobody().await;
        let six: SocketAddr = (std::net::Ipv6Addr::LOCALHOST, dead.port()).into();
        let all = [dead, six, addr];
        let stream = connect_happy_eyeballs(&all[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert_eq!(listener.accept().await.unwrap().1, stream.local_addr().unwrap());
        let error = connect_happy_eyeballs(&[dead, six][..]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
        let none: &[SocketAddr] = &[];
        let error = connect_happy_eyeballs(none).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    async fn accepting_backs_off_when_descriptors_run_out() {
        let shortage = || io::Error::from_raw_os_error(libc::EMFILE);
        let mut backoff = AcceptBackoff::new();
        let start = Instant::now();
        for _ in 0..4 {
            backoff.after(shortage()).await.unwrap();
        }
        // 5, 10, 20 and 40 ms.
        assert!(start.elapsed() >= Duration::from_millis(75));
        backoff.reset();
        let start = Instant::now();
        let lost = io::Error::from_raw_os_error(libc::ECONNABORTED);
        backoff.after(lost).await.unwrap();
        for code in [
            libc::EPROTO,
            libc::ENOPROTOOPT,
            libc::EHOSTDOWN,
            libc::ENONET,
            libc::EOPNOTSUPP,
            libc::EPERM,
            libc::ENETDOWN,
            libc::EHOSTUNREACH,
            libc::ENETUNREACH,
        ] {
            let lost = io::Error::from_raw_os_error(code);
            assert!(backoff.after(lost).await.is_ok(), "{code}");
        }
        assert!(start.elapsed() < Duration::from_secs(5));
        let fatal = io::Error::from_raw_os_error(libc::EINVAL);
        assert_eq!(code(backoff.after(fatal).await), libc::EINVAL);
    }

    async fn the_end_of_a_stream_shows_in_its_readiness() {
        let (client, mut server) = pair().await;
        // Let it be known that there is nothing.
        assert_eq!(client.try_read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let reading = client.ready(Interest::READABLE);
        server.shutdown().await.unwrap();
        let ready = reading.await.unwrap();
        assert!(ready.is_readable());
        // The real world may hear of the end in an event of its own.
        while !client.ready(Interest::READABLE).await.unwrap().is_read_closed() {
            sleep(Duration::from_millis(1)).await;
        }
        assert!(!client.ready(Interest::WRITABLE).await.unwrap().is_write_closed());
    }

    async fn an_attempt_by_other_means_runs_when_it_may() {
        let (client, mut server) = pair().await;
        let mut buf = [0; 4];
        assert!(client.try_read(&mut buf).is_err());
        let early = client.try_io(Interest::READABLE, || -> io::Result<()> {
            panic!("it is known to block")
        });
        assert_eq!(early.unwrap_err().kind(), ErrorKind::WouldBlock);
        server.write_all(b"x").await.unwrap();
        let count = client.async_io(Interest::READABLE, || client.try_read(&mut buf)).await;
        assert_eq!(count.unwrap(), 1);
        let count = client.try_io(Interest::WRITABLE, || client.try_write(b"y"));
        assert_eq!(count.unwrap(), 1);
    }

    async fn an_attempt_for_either_direction_runs_when_one_may() {
        let (client, mut server) = pair().await;
        let either = Interest::READABLE | Interest::WRITABLE;
        let mut buf = [0; 4];
        // It is known that there is nothing to read, and there is room to write.
        assert!(client.try_read(&mut buf).is_err());
        let sent = client.async_io(either, || client.try_write(b"x"));
        let sent = timeout(Duration::from_secs(60), sent).await;
        assert_eq!(sent.expect("it is called").unwrap(), 1);
        assert_eq!(client.try_io(either, || Ok(7)).unwrap(), 7);
        // One that would block waits, though there is room.
        let mut calls = 0;
        let reading = client.async_io(either, || {
            calls += 1;
            client.try_read(&mut buf)
        });
        assert!(timeout(Duration::from_millis(20), reading).await.is_err());
        assert!((1..10).contains(&calls), "{calls} calls");
        let reading = client.async_io(either, || client.try_read(&mut buf));
        let (count, written) = futures::join!(reading, server.write_all(b"y"));
        written.unwrap();
        assert_eq!(count.unwrap(), 1);
        // What came told of both directions.
        timeout(Duration::from_secs(60), client.writable()).await.unwrap().unwrap();
    }

    async fn the_error_of_a_failed_bind_in_a_program_has_its_number() {
        let (_listener, addr) = listener().await;
        assert_eq!(code(TcpListener::bind(addr).await), libc::EADDRINUSE);
    }
}

#[test]
fn sockets_of_the_standard_library_become_ours() {
    use std::os::fd::{AsFd, AsRawFd};

    simoom_tests::real(|| async {
        let (listener, addr) = listener().await;
        let socket = socket2::Socket::new(
            socket2::Domain::IPV4,
            socket2::Type::STREAM,
            Some(socket2::Protocol::TCP),
        )
        .unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = TcpSocket::from_std_stream(socket.into());
        assert_eq!(socket.as_raw_fd(), socket.as_fd().as_raw_fd());
        socket2::SockRef::from(&socket)
            .set_tcp_nodelay(true)
            .unwrap();
        let stream = socket.connect(addr).await.unwrap();
        assert!(stream.nodelay().unwrap());
        listener.accept().await.unwrap();
    });
}

/// Set in the process in which descriptors run out.
const CHILD: &str = "SIMOOM_TESTS_FEW_DESCRIPTORS";

#[test]
fn a_process_without_descriptors_backs_off_and_goes_on() {
    if std::env::var_os(CHILD).is_some() {
        simoom_tests::real(with_few_descriptors);
        return;
    }
    let name = "net::tcp_socket::a_process_without_descriptors_backs_off_and_goes_on";
    let status = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 32 && exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(CHILD, "1")
        .status()
        .unwrap();
    assert!(status.success());
}

async fn with_few_descriptors() {
    let (listener, addr) = listener().await;
    let mut clients = Vec::new();
    let full = loop {
        match TcpStream::connect(addr).await {
            Ok(client) => clients.push(client),
            Err(error) => break error,
        }
    };
    assert_eq!(full.raw_os_error(), Some(libc::EMFILE));
    let mut backoff = AcceptBackoff::new();
    let start = Instant::now();
    for _ in 0..3 {
        let error = listener.accept().await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        backoff.after(error).await.unwrap();
    }
    assert!(
        start.elapsed() >= Duration::from_millis(35),
        "5, 10 and 20 ms"
    );
    let kept = clients.split_off(clients.len() / 2);
    drop(clients);
    for _ in 0..kept.len() {
        listener.accept().await.unwrap();
    }
}
