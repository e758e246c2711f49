//! Sockets of IPv6 that reach IPv4 too: what Linux makes of `::` and of `::ffff:127.0.0.1`.

use std::fmt::Debug;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use simoom::time::{Duration, timeout};
use simoom_tests::both;

const MS: Duration = Duration::from_millis(5);

/// `127.0.0.1` as sockets of IPv6 write it.
fn mapped(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port).into()
}

/// No address of IPv4, as sockets of IPv6 write it.
fn mapped_any(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), port).into()
}

fn four(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn six(port: u16) -> SocketAddr {
    (Ipv6Addr::LOCALHOST, port).into()
}

/// A socket that is bound to a free port of an address.
async fn udp(address: &str) -> (UdpSocket, u16) {
    let address: SocketAddr = address.parse().unwrap();
    let socket = UdpSocket::bind(address).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

async fn received(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buf = [0; 16];
    let (count, from) = socket.recv_from(&mut buf).await.unwrap();
    (buf[..count].to_vec(), from)
}

#[track_caller]
fn code<T: Debug>(result: io::Result<T>) -> i32 {
    let error = result.unwrap_err();
    error.raw_os_error().expect("it has the system's number")
}

both! {
    async fn all_addresses_of_ipv6_get_datagrams_of_both() {
        let (wide, port) = udp("[::]:0").await;
        let ((one, p4), (two, p6)) = (udp("127.0.0.1:0").await, udp("[::1]:0").await);
        one.send_to(b"four", four(port)).await.unwrap();
        let mut buf = [0; 8];
        assert_eq!(wide.peek_from(&mut buf).await.unwrap(), (4, mapped(p4)));
        assert_eq!(received(&wide).await, (b"four".to_vec(), mapped(p4)));
        two.send_to(b"six", six(port)).await.unwrap();
        assert_eq!(received(&wide).await, (b"six".to_vec(), six(p6)));
        // And send to both.
        for to in [mapped(p4), four(p4), mapped_any(p4)] {
            wide.send_to(b"back", to).await.unwrap();
            assert_eq!(received(&one).await, (b"back".to_vec(), four(port)), "{to}");
        }
        wide.send_to(b"back", six(p6)).await.unwrap();
        assert_eq!(received(&two).await, (b"back".to_vec(), six(port)));
    }

    async fn a_port_of_datagrams_is_taken_for_both() {
        let (_wide, port) = udp("[::]:0").await;
        let unspecified: SocketAddr = (Ipv4Addr::UNSPECIFIED, port).into();
        for address in [unspecified, four(port), six(port), mapped(port)] {
            assert_eq!(code(UdpSocket::bind(address).await), libc::EADDRINUSE, "{address}");
        }
        let (_narrow, port) = udp("127.0.0.1:0").await;
        let all: SocketAddr = (Ipv6Addr::UNSPECIFIED, port).into();
        for address in [all, mapped(port), mapped_any(port)] {
            assert_eq!(code(UdpSocket::bind(address).await), libc::EADDRINUSE, "{address}");
        }
        UdpSocket::bind(six(port)).await.unwrap();
        // All addresses of IPv4 are none of IPv6.
        let (_all, port) = udp("0.0.0.0:0").await;
        UdpSocket::bind(six(port)).await.unwrap();
    }

    async fn a_datagram_socket_connects_to_an_address_of_ipv4() {
        let ((wide, port), (peer, p4)) = (udp("[::]:0").await, udp("127.0.0.1:0").await);
        wide.connect(mapped(p4)).await.unwrap();
        assert_eq!(wide.local_addr().unwrap(), mapped(port));
        assert_eq!(wide.peer_addr().unwrap(), mapped(p4));
        wide.send(b"hello").await.unwrap();
        assert_eq!(received(&peer).await, (b"hello".to_vec(), four(port)));
        // Nobody else is heard.
        let ((other, _), (two, p6)) = (udp("127.0.0.1:0").await, udp("[::1]:0").await);
        other.send_to(b"other", four(port)).await.unwrap();
        two.send_to(b"six", six(port)).await.unwrap();
        peer.send_to(b"peer", four(port)).await.unwrap();
        assert_eq!(received(&wide).await, (b"peer".to_vec(), mapped(p4)));
        assert!(timeout(MS, received(&wide)).await.is_err());
        // From an address of IPv4 nothing of IPv6 is reached, but "this host" is.
        assert_eq!(code(wide.send_to(b"x", six(p6)).await), libc::EAFNOSUPPORT);
        assert_eq!(code(wide.connect(six(p6)).await), libc::EAFNOSUPPORT);
        let all: SocketAddr = (Ipv6Addr::UNSPECIFIED, p4).into();
        wide.send_to(b"this host", all).await.unwrap();
        assert_eq!(received(&peer).await, (b"this host".to_vec(), four(port)));
        // It hears of a port that nobody is bound to.
        drop(peer);
        wide.send(b"nobody").await.unwrap();
        assert_eq!(code(wide.recv(&mut [0; 8]).await), libc::ECONNREFUSED);
    }

    async fn an_address_of_ipv4_can_be_bound_by_a_datagram_socket_of_ipv6() {
        let (socket, port) = udp("[::ffff:127.0.0.1]:0").await;
        assert_eq!(socket.local_addr().unwrap(), mapped(port));
        let ((one, p4), (_two, p6)) = (udp("127.0.0.1:0").await, udp("[::1]:0").await);
        one.send_to(b"four", four(port)).await.unwrap();
        assert_eq!(received(&socket).await, (b"four".to_vec(), mapped(p4)));
        assert_eq!(code(socket.send_to(b"x", six(p6)).await), libc::EAFNOSUPPORT);
        let foreign: SocketAddr = "[::ffff:192.0.2.9]:0".parse().unwrap();
        assert_eq!(code(UdpSocket::bind(foreign).await), libc::EADDRNOTAVAIL);
        let (any, port) = udp("[::ffff:0.0.0.0]:0").await;
        assert_eq!(any.local_addr().unwrap(), mapped_any(port));
        any.connect(mapped(p4)).await.unwrap();
        assert_eq!(any.local_addr().unwrap(), mapped(port));
    }

    async fn what_is_bound_to_one_address_of_ipv6_does_not_reach_ipv4() {
        let ((narrow, port), (one, p4)) = (udp("[::1]:0").await, udp("127.0.0.1:0").await);
        for (to, connecting) in [
            (mapped(p4), libc::ENETUNREACH),
            (four(p4), libc::EAFNOSUPPORT),
        ] {
            assert_eq!(code(narrow.send_to(b"x", to).await), libc::ENETUNREACH, "{to}");
            assert_eq!(code(narrow.connect(to).await), connecting, "{to}");
        }
        assert_eq!(narrow.local_addr().unwrap(), six(port));
        assert_eq!(code(narrow.peer_addr()), libc::ENOTCONN);
        // A socket of IPv4 knows no address of IPv6.
        for to in [mapped(port), six(port)] {
            assert_eq!(code(one.send_to(b"x", to).await), libc::EAFNOSUPPORT, "{to}");
            assert_eq!(code(one.connect(to).await), libc::EAFNOSUPPORT, "{to}");
        }
        // What is connected to one may have been bound to all of them.
        let (wide, port) = udp("[::]:0").await;
        let (_two, p6) = udp("[::1]:0").await;
        wide.connect(six(p6)).await.unwrap();
        wide.send_to(b"aside", mapped(p4)).await.unwrap();
        assert_eq!(received(&one).await, (b"aside".to_vec(), four(port)));
        assert_eq!(wide.local_addr().unwrap(), six(port));
    }

    async fn limits_of_datagrams_are_those_of_their_target() {
        let ((wide, _), (one, p4), (_two, p6)) =
            (udp("[::]:0").await, udp("127.0.0.1:0").await, udp("[::1]:0").await);
        let long = vec![7; 65_508];
        assert_eq!(code(wide.send_to(&long, mapped(p4)).await), libc::EMSGSIZE);
        assert_eq!(wide.send_to(&long, six(p6)).await.unwrap(), 65_508);
        assert_eq!(wide.send_to(&long[1..], mapped(p4)).await.unwrap(), 65_507);
        let mut buf = vec![0; 65_536];
        assert_eq!(one.recv(&mut buf).await.unwrap(), 65_507);
        let everybody: SocketAddr = (Ipv4Addr::BROADCAST.to_ipv6_mapped(), p4).into();
        assert_eq!(code(wide.send_to(b"x", everybody).await), libc::EACCES);
        assert_eq!(code(wide.send_to(b"x", mapped(0)).await), libc::EINVAL);
    }

    async fn a_stream_connects_to_an_address_of_ipv4() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for to in [mapped(port), mapped_any(port)] {
            let mut client = TcpStream::connect(to).await.unwrap();
            let (mut server, from) = listener.accept().await.unwrap();
            let local = client.local_addr().unwrap().port();
            assert_eq!(from, four(local));
            assert_eq!(client.local_addr().unwrap(), mapped(local));
            assert_eq!(client.peer_addr().unwrap(), mapped(port));
            client.write_all(b"abc").await.unwrap();
            let mut buf = [0; 3];
            server.read_exact(&mut buf).await.unwrap();
            assert_eq!(&buf, b"abc");
        }
        let wide = TcpListener::bind("[::]:0").await.unwrap();
        let port = wide.local_addr().unwrap().port();
        let client = TcpStream::connect(mapped(port)).await.unwrap();
        let (server, from) = wide.accept().await.unwrap();
        assert_eq!(from, client.local_addr().unwrap());
        assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
        drop(wide);
        assert_eq!(code(TcpStream::connect(mapped(port)).await), libc::ECONNREFUSED);
    }

    async fn an_address_of_ipv4_can_be_listened_on_by_a_socket_of_ipv6() {
        let bound = TcpSocket::new_v6().unwrap();
        bound.bind(mapped(0)).unwrap();
        let port = bound.local_addr().unwrap().port();
        assert_eq!(bound.local_addr().unwrap(), mapped(port));
        let listener = bound.listen(8).unwrap();
        assert_eq!(listener.local_addr().unwrap(), mapped(port));
        let client = TcpStream::connect(four(port)).await.unwrap();
        let (server, from) = listener.accept().await.unwrap();
        assert_eq!(from, mapped(client.local_addr().unwrap().port()));
        assert_eq!(server.local_addr().unwrap(), mapped(port));
        assert_eq!(code(TcpStream::connect(six(port)).await), libc::ECONNREFUSED);
        for address in [four(port), (Ipv6Addr::UNSPECIFIED, port).into()] {
            assert_eq!(code(TcpListener::bind(address).await), libc::EADDRINUSE, "{address}");
        }
        TcpListener::bind(six(port)).await.unwrap();
    }

    async fn a_stream_is_bound_to_one_version() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let bound = |address: SocketAddr| {
            let socket = TcpSocket::new_v6().unwrap();
            socket.bind(address).unwrap();
            socket
        };
        let all: SocketAddr = (Ipv6Addr::UNSPECIFIED, 0).into();
        assert_eq!(code(bound(six(0)).connect(mapped(port)).await), libc::ENETUNREACH);
        for address in [mapped(0), mapped_any(0)] {
            assert_eq!(code(bound(address).connect(six(port)).await), libc::EAFNOSUPPORT);
        }
        for address in [mapped(0), mapped_any(0), all] {
            let client = bound(address).connect(mapped(port)).await.unwrap();
            assert_eq!(client.local_addr().unwrap(), mapped(client.local_addr().unwrap().port()));
            listener.accept().await.unwrap();
        }
        let to: SocketAddr = (Ipv6Addr::UNSPECIFIED, port).into();
        let client = bound(mapped(0)).connect(to).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), mapped(port));
        // Addresses of IPv4 must be written in the way of IPv6.
        assert_eq!(code(TcpSocket::new_v6().unwrap().connect(four(port)).await), libc::EINVAL);
        assert_eq!(code(TcpSocket::new_v6().unwrap().bind(four(0))), libc::EINVAL);
        assert_eq!(code(TcpSocket::new_v4().unwrap().connect(mapped(port)).await), libc::EAFNOSUPPORT);
    }
}
