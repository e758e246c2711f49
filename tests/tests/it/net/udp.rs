//! Datagrams.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use simoom::io::{Interest, ReadBuf};
use simoom::net::UdpSocket;
use simoom::time::{sleep, timeout};
use simoom_tests::both;

use super::{listener, pattern};

/// Two sockets of this host.
async fn two() -> (UdpSocket, UdpSocket) {
    (here().await, here().await)
}

async fn here() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

/// Two sockets that are each other's peers.
async fn peers() -> (UdpSocket, UdpSocket) {
    let (one, two) = two().await;
    one.connect(two.local_addr().unwrap()).await.unwrap();
    two.connect(one.local_addr().unwrap()).await.unwrap();
    (one, two)
}

/// An address of this host at which nobody is bound.
async fn nobody() -> SocketAddr {
    here().await.local_addr().unwrap()
}

/// Gives datagrams the time to arrive.
async fn arrive() {
    sleep(Duration::from_millis(10)).await;
}

#[track_caller]
fn code<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    let error = result.unwrap_err();
    error.raw_os_error().expect("it has the system's number")
}

both! {
    async fn a_datagram_arrives_whole_with_its_source() {
        let (one, two) = two().await;
        let sent = one.send_to(b"ping", two.local_addr().unwrap()).await.unwrap();
        assert_eq!(sent, 4);
        let mut buf = [0; 16];
        let (count, from) = two.recv_from(&mut buf).await.unwrap();
        assert_eq!(&buf[..count], b"ping");
        assert_eq!(from, one.local_addr().unwrap());
    }

    async fn datagrams_are_never_joined() {
        let (one, two) = peers().await;
        one.send(b"ab").await.unwrap();
        one.send(b"cd").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(two.recv(&mut buf).await.unwrap(), 2);
        assert_eq!(&buf[..2], b"ab", "this host keeps the order");
        assert_eq!(two.recv(&mut buf).await.unwrap(), 2);
        assert_eq!(&buf[..2], b"cd");
    }

    async fn an_empty_datagram_is_received() {
        let (one, two) = peers().await;
        assert_eq!(one.send(b"").await.unwrap(), 0);
        assert_eq!(two.recv(&mut [0; 4]).await.unwrap(), 0);
    }

    async fn what_does_not_fit_is_lost() {
        let (one, two) = peers().await;
        one.send(b"too long").await.unwrap();
        one.send(b"next").await.unwrap();
        let mut buf = [0; 3];
        assert_eq!(two.recv(&mut buf).await.unwrap(), 3);
        assert_eq!(&buf, b"too");
        let mut buf = [0; 16];
        let count = two.recv(&mut buf).await.unwrap();
        assert_eq!(&buf[..count], b"next");
    }

    async fn a_datagram_is_at_most_65507_bytes_long() {
        let (one, two) = peers().await;
        // The largest fits into the receive buffer, on its own.
        let bytes = pattern(65_507);
        assert_eq!(one.send(&bytes).await.unwrap(), 65_507);
        let mut buf = vec![0; 70_000];
        let count = two.recv(&mut buf).await.unwrap();
        assert!(buf[..count] == bytes[..], "it arrives whole");
        assert_eq!(code(one.send(&pattern(65_508)).await), libc::EMSGSIZE);
        assert_eq!(code(one.send(&pattern(70_000)).await), libc::EMSGSIZE);
    }

    async fn peeking_leaves_the_datagram() {
        let (one, two) = peers().await;
        one.send(b"hello").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(two.peek(&mut buf[..2]).await.unwrap(), 2);
        assert_eq!(&buf[..2], b"he");
        let (count, from) = two.peek_from(&mut buf).await.unwrap();
        assert_eq!((count, from), (5, one.local_addr().unwrap()));
        assert_eq!(two.peek_sender().await.unwrap(), from);
        assert_eq!(two.try_peek(&mut buf).unwrap(), 5);
        assert_eq!(two.try_peek_from(&mut buf).unwrap(), (5, from));
        assert_eq!(two.try_peek_sender().unwrap(), from);
        assert_eq!(two.recv(&mut buf).await.unwrap(), 5);
        assert_eq!(two.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    async fn trying_does_not_wait() {
        let (one, two) = peers().await;
        let mut buf = [0; 16];
        assert_eq!(two.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(one.try_send(b"now").unwrap(), 3);
        two.readable().await.unwrap();
        assert_eq!(two.try_recv_from(&mut buf).unwrap(), (3, one.local_addr().unwrap()));
        one.writable().await.unwrap();
        let target = two.local_addr().unwrap();
        assert_eq!(one.try_send_to(b"then", target).unwrap(), 4);
        assert!(two.ready(Interest::READABLE).await.unwrap().is_readable());
        let both = two.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert!(both.is_writable());
        assert_eq!(two.try_recv(&mut buf).unwrap(), 4);
    }

    async fn a_loop_of_polls_lets_other_tasks_run() {
        let socket = here().await;
        let other = simoom::spawn(async {});
        for _ in 0..10_000 {
            poll_fn(|cx| socket.poll_send_ready(cx)).await.unwrap();
            if other.is_finished() {
                return;
            }
        }
        panic!("the other task had no turn");
    }

    async fn polling_is_as_awaiting() {
        let (one, two) = peers().await;
        let target = two.local_addr().unwrap();
        poll_fn(|cx| one.poll_send_ready(cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| one.poll_send(cx, b"a")).await.unwrap(), 1);
        assert_eq!(poll_fn(|cx| one.poll_send_to(cx, b"bc", target)).await.unwrap(), 2);
        poll_fn(|cx| two.poll_recv_ready(cx)).await.unwrap();
        let mut room = [0; 8];
        let mut buf = ReadBuf::new(&mut room);
        poll_fn(|cx| two.poll_peek(cx, &mut buf)).await.unwrap();
        assert_eq!(buf.filled(), b"a");
        poll_fn(|cx| two.poll_recv(cx, &mut buf)).await.unwrap();
        assert_eq!(buf.filled(), b"aa", "it is put behind what is there");
        let from = one.local_addr().unwrap();
        assert_eq!(poll_fn(|cx| two.poll_peek_sender(cx)).await.unwrap(), from);
        buf.clear();
        assert_eq!(poll_fn(|cx| two.poll_peek_from(cx, &mut buf)).await.unwrap(), from);
        assert_eq!(poll_fn(|cx| two.poll_recv_from(cx, &mut buf)).await.unwrap(), from);
        assert_eq!(buf.filled(), b"bcbc");
    }

    async fn buffers_that_grow_are_filled() {
        let (one, two) = peers().await;
        one.send(b"one").await.unwrap();
        one.send(b"two").await.unwrap();
        one.send(b"three").await.unwrap();
        let mut bytes = Vec::with_capacity(64);
        assert_eq!(two.recv_buf(&mut bytes).await.unwrap(), 3);
        let (count, from) = two.recv_buf_from(&mut bytes).await.unwrap();
        assert_eq!((count, from), (3, one.local_addr().unwrap()));
        two.readable().await.unwrap();
        assert_eq!(two.try_recv_buf(&mut bytes).unwrap(), 5);
        assert_eq!(bytes, b"onetwothree");
        let empty = two.try_recv_buf_from(&mut bytes).unwrap_err();
        assert_eq!(empty.kind(), ErrorKind::WouldBlock);
        one.send(b"too long").await.unwrap();
        let mut room = bytes::BufMut::limit(&mut bytes, 3);
        assert_eq!(two.recv_buf(&mut room).await.unwrap(), 3, "the rest is lost");
        assert_eq!(bytes, b"onetwothreetoo");
        let waited = timeout(Duration::from_millis(5), two.recv_buf_from(&mut bytes)).await;
        assert!(waited.is_err());
        assert_eq!(bytes.len(), 14, "a dropped receive takes nothing");
    }

    async fn a_connected_socket_hears_its_peer_alone() {
        let (one, two) = two().await;
        let stranger = here().await;
        let target = two.local_addr().unwrap();
        two.connect(one.local_addr().unwrap()).await.unwrap();
        assert_eq!(two.peer_addr().unwrap(), one.local_addr().unwrap());
        stranger.send_to(b"psst", target).await.unwrap();
        arrive().await;
        one.send_to(b"hello", target).await.unwrap();
        let mut buf = [0; 16];
        let count = two.recv(&mut buf).await.unwrap();
        assert_eq!(&buf[..count], b"hello");
    }

    async fn what_came_before_connecting_stays() {
        let (one, two) = two().await;
        let stranger = here().await;
        stranger.send_to(b"early", two.local_addr().unwrap()).await.unwrap();
        arrive().await;
        two.connect(one.local_addr().unwrap()).await.unwrap();
        let mut buf = [0; 16];
        let (count, from) = two.recv_from(&mut buf).await.unwrap();
        assert_eq!(&buf[..count], b"early");
        assert_eq!(from, stranger.local_addr().unwrap());
    }

    async fn a_connected_socket_may_send_elsewhere() {
        let (one, _two) = peers().await;
        let other = here().await;
        one.send_to(b"aside", other.local_addr().unwrap()).await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(other.recv(&mut buf).await.unwrap(), 5);
    }

    async fn sending_without_a_peer_fails() {
        let socket = here().await;
        assert_eq!(code(socket.send(b"x").await), libc::EDESTADDRREQ);
        assert_eq!(code(socket.peer_addr()), libc::ENOTCONN);
        let port_zero = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        assert_eq!(code(socket.send_to(b"x", port_zero).await), libc::EINVAL);
        assert_eq!(code(socket.send_to(b"x", "[::1]:9").await), libc::EAFNOSUPPORT);
        let none: &[SocketAddr] = &[];
        let nothing = socket.send_to(b"x", none).await.unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::InvalidInput);
    }

    async fn a_connected_socket_learns_that_nobody_is_there() {
        let socket = here().await;
        socket.connect(nobody().await).await.unwrap();
        assert_eq!(socket.send(b"anyone?").await.unwrap(), 7);
        let error = socket.recv(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
        // It was told once.
        let again = socket.try_recv(&mut [0; 4]).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::WouldBlock);
    }

    async fn the_next_send_reports_that_nobody_is_there() {
        let socket = here().await;
        socket.connect(nobody().await).await.unwrap();
        socket.send(b"anyone?").await.unwrap();
        arrive().await;
        assert_eq!(code(socket.send(b"still there?").await), libc::ECONNREFUSED);
        // That one was not sent: nobody answers it.
        arrive().await;
        assert!(socket.take_error().unwrap().is_none());
        socket.send(b"and now?").await.unwrap();
        arrive().await;
        let error = socket.take_error().unwrap().unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
        assert!(socket.take_error().unwrap().is_none());
    }

    async fn an_unconnected_socket_learns_nothing() {
        let socket = here().await;
        let target = nobody().await;
        socket.send_to(b"anyone?", target).await.unwrap();
        arrive().await;
        assert_eq!(socket.send_to(b"anyone?", target).await.unwrap(), 7);
        arrive().await;
        assert!(socket.take_error().unwrap().is_none());
        let waited = timeout(Duration::from_millis(20), socket.recv(&mut [0; 4])).await;
        assert!(waited.is_err());
    }

    async fn a_taken_port_cannot_be_bound() {
        let socket = here().await;
        let taken = socket.local_addr().unwrap();
        assert_eq!(code(UdpSocket::bind(taken).await), libc::EADDRINUSE);
        let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, taken.port()));
        assert_eq!(code(UdpSocket::bind(all).await), libc::EADDRINUSE);
        drop(socket);
        UdpSocket::bind(taken).await.unwrap();
    }

    async fn ports_of_tcp_are_others() {
        let (listener, addr) = listener().await;
        let socket = UdpSocket::bind(addr).await.unwrap();
        assert_eq!(socket.local_addr().unwrap(), listener.local_addr().unwrap());
    }

    async fn a_foreign_address_cannot_be_bound() {
        assert_eq!(code(UdpSocket::bind("192.0.2.1:0").await), libc::EADDRNOTAVAIL);
    }

    async fn free_ports_are_different_and_ephemeral() {
        let mut sockets = Vec::new();
        for _ in 0..20 {
            sockets.push(here().await);
        }
        let mut ports: Vec<_> = sockets.iter().map(|it| it.local_addr().unwrap().port()).collect();
        assert!(ports.iter().all(|port| (32_768..=60_999).contains(port)));
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }

    async fn a_socket_of_all_addresses_shows_the_one_it_is_connected_from() {
        let (one, two) = (UdpSocket::bind("0.0.0.0:0").await.unwrap(), here().await);
        assert!(one.local_addr().unwrap().ip().is_unspecified());
        one.connect(two.local_addr().unwrap()).await.unwrap();
        assert_eq!(one.local_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
        one.send(b"x").await.unwrap();
        assert_eq!(two.peek_sender().await.unwrap(), one.local_addr().unwrap());
    }

    async fn no_address_is_this_host() {
        let (one, two) = two().await;
        let port = two.local_addr().unwrap().port();
        one.send_to(b"x", (Ipv4Addr::UNSPECIFIED, port)).await.unwrap();
        assert_eq!(two.peek_sender().await.unwrap(), one.local_addr().unwrap());
    }

    async fn the_best_match_gets_the_datagram() {
        // Linux prefers a socket that is connected to the sender over one that is not.
        let sender = here().await;
        let served = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let target = served.local_addr().unwrap();
        served.connect(sender.local_addr().unwrap()).await.unwrap();
        let stranger = here().await;
        sender.send_to(b"known", target).await.unwrap();
        stranger.send_to(b"unknown", target).await.unwrap();
        let mut buf = [0; 16];
        let (count, from) = served.recv_from(&mut buf).await.unwrap();
        assert_eq!((&buf[..count], from), (&b"known"[..], sender.local_addr().unwrap()));
        arrive().await;
        assert_eq!(served.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    async fn a_full_receive_buffer_loses_datagrams() {
        let (one, two) = peers().await;
        const SENT: usize = 2_000;
        for number in 0..SENT as u32 {
            one.send(&number.to_le_bytes()).await.unwrap();
        }
        arrive().await;
        let mut kept = Vec::new();
        let mut buf = [0; 4];
        while two.try_recv(&mut buf).is_ok() {
            kept.push(u32::from_le_bytes(buf));
        }
        assert!((100..1_000).contains(&kept.len()), "{} were kept", kept.len());
        let first: Vec<_> = (0..kept.len() as u32).collect();
        assert_eq!(kept, first, "the latest are lost");
        one.send(b"room").await.unwrap();
        assert_eq!(two.recv(&mut buf).await.unwrap(), 4, "there is room again");
    }

    async fn several_tasks_share_a_socket() {
        let (one, two) = two().await;
        let (one, two) = (Arc::new(one), Arc::new(two));
        let target = two.local_addr().unwrap();
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let two = two.clone();
                simoom::spawn(async move {
                    let mut buf = [0; 1];
                    two.recv(&mut buf).await.unwrap();
                    buf[0]
                })
            })
            .collect();
        let senders: Vec<_> = (0..3)
            .map(|number| {
                let one = one.clone();
                simoom::spawn(async move { one.send_to(&[number], target).await.unwrap() })
            })
            .collect();
        for sender in senders {
            assert_eq!(sender.await.unwrap(), 1);
        }
        let mut received = Vec::new();
        for receiver in receivers {
            received.push(receiver.await.unwrap());
        }
        received.sort_unstable();
        assert_eq!(received, [0, 1, 2]);
    }

    async fn a_dropped_receive_takes_nothing() {
        let (one, two) = peers().await;
        let mut buf = [0; 8];
        let waited = timeout(Duration::from_millis(5), two.recv(&mut buf)).await;
        assert!(waited.is_err());
        one.send(b"late").await.unwrap();
        assert_eq!(two.recv(&mut buf).await.unwrap(), 4);
    }

    async fn datagrams_of_the_sixth_version() {
        let one = UdpSocket::bind("[::1]:0").await.unwrap();
        let two = UdpSocket::bind("[::1]:0").await.unwrap();
        one.connect(two.local_addr().unwrap()).await.unwrap();
        one.send(b"six").await.unwrap();
        let mut buf = [0; 8];
        let (count, from) = two.recv_from(&mut buf).await.unwrap();
        assert_eq!((count, from), (3, one.local_addr().unwrap()));
        assert_eq!(from.ip(), Ipv6Addr::LOCALHOST);
    }

    async fn settings_are_kept() {
        let socket = here().await;
        assert!(!socket.broadcast().unwrap());
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
        assert!(socket.multicast_loop_v4().unwrap());
        socket.set_multicast_loop_v4(false).unwrap();
        assert!(!socket.multicast_loop_v4().unwrap());
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 1);
        socket.set_multicast_ttl_v4(7).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 7);
        assert_eq!(socket.ttl().unwrap(), 64);
        socket.set_ttl(9).unwrap();
        assert_eq!(socket.ttl().unwrap(), 9);
        assert_eq!(code(socket.set_ttl(0)), libc::EINVAL);
        assert_eq!(code(socket.set_ttl(256)), libc::EINVAL);
        assert_eq!(socket.tos_v4().unwrap(), 0);
        socket.set_tos_v4(0x10).unwrap();
        assert_eq!(socket.tos_v4().unwrap(), 0x10);
        assert_eq!(code(socket.tclass_v6()), libc::EOPNOTSUPP);
        assert_eq!(code(socket.set_tclass_v6(1)), libc::ENOPROTOOPT);
        assert_eq!(code(socket.multicast_loop_v6()), libc::EOPNOTSUPP);
        let six = UdpSocket::bind("[::1]:0").await.unwrap();
        assert!(six.multicast_loop_v6().unwrap());
        six.set_multicast_loop_v6(false).unwrap();
        assert!(!six.multicast_loop_v6().unwrap());
        six.set_tclass_v6(0x20).unwrap();
        assert_eq!(six.tclass_v6().unwrap(), 0x20);
        assert_eq!(socket.device().unwrap(), None);
        assert_eq!(code(socket.bind_device(Some(b"nonesuch0"))), libc::ENODEV);
    }

    async fn groups_are_joined_and_left() {
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let group = Ipv4Addr::new(239, 1, 2, 3);
        let here = Ipv4Addr::LOCALHOST;
        assert_eq!(code(socket.join_multicast_v4(here, here)), libc::EINVAL);
        assert_eq!(code(socket.leave_multicast_v4(group, here)), libc::EADDRNOTAVAIL);
        socket.join_multicast_v4(group, here).unwrap();
        assert_eq!(code(socket.join_multicast_v4(group, here)), libc::EADDRINUSE);
        socket.leave_multicast_v4(group, here).unwrap();
        let six: Ipv6Addr = "ff02::123".parse().unwrap();
        let socket = UdpSocket::bind("[::]:0").await.unwrap();
        socket.join_multicast_v6(&six, 1).unwrap();
        socket.leave_multicast_v6(&six, 1).unwrap();
        assert_eq!(code(socket.leave_multicast_v6(&six, 1)), libc::EADDRNOTAVAIL);
    }

    async fn a_member_gets_what_is_sent_to_its_group() {
        let member = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let group = Ipv4Addr::new(239, 1, 2, 4);
        member.join_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
        // A source on the loopback interface keeps it there.
        let sender = here().await;
        sender.bind_device(None).unwrap();
        let port = member.local_addr().unwrap().port();
        sender.send_to(b"all", (group, port)).await.unwrap();
        let mut buf = [0; 8];
        let (count, from) = member.recv_from(&mut buf).await.unwrap();
        assert_eq!((count, from), (3, sender.local_addr().unwrap()));
    }

    async fn broadcasting_needs_leave() {
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let all = (Ipv4Addr::BROADCAST, 9);
        assert_eq!(code(socket.send_to(b"x", all).await), libc::EACCES);
    }

    async fn an_attempt_by_other_means_runs_when_it_may() {
        let (one, two) = peers().await;
        let mut buf = [0; 8];
        // Let it be known that there is nothing.
        assert!(two.try_recv(&mut buf).is_err());
        let mut ran = false;
        let early = two.try_io(Interest::READABLE, || {
            ran = true;
            Ok(())
        });
        assert_eq!(early.unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(!ran, "it is known to block");
        one.send(b"x").await.unwrap();
        let count = two.async_io(Interest::READABLE, || two.try_recv(&mut buf)).await.unwrap();
        assert_eq!(count, 1);
        let sent = one.try_io(Interest::WRITABLE, || one.try_send(b"yz")).unwrap();
        assert_eq!(sent, 2);
    }

    async fn an_attempt_for_either_direction_runs_when_one_may() {
        let (one, two) = peers().await;
        let either = Interest::READABLE | Interest::WRITABLE;
        let mut buf = [0; 8];
        // It is known that there is nothing to receive, and there is room to send.
        assert!(two.try_recv(&mut buf).is_err());
        let sent = two.async_io(either, || two.try_send(b"xy"));
        let sent = timeout(Duration::from_secs(60), sent).await;
        assert_eq!(sent.expect("it is called").unwrap(), 2);
        assert_eq!(two.try_io(either, || Ok(7)).unwrap(), 7);
        // One that would block waits, though there is room.
        let mut calls = 0;
        let receiving = two.async_io(either, || {
            calls += 1;
            two.try_recv(&mut buf)
        });
        assert!(timeout(Duration::from_millis(20), receiving).await.is_err());
        assert!((1..10).contains(&calls), "{calls} calls");
        let receiving = two.async_io(either, || two.try_recv(&mut buf));
        let (count, sent) = futures::join!(receiving, one.send(b"z"));
        sent.unwrap();
        assert_eq!(count.unwrap(), 1);
        // What came told of both directions.
        timeout(Duration::from_secs(60), two.writable()).await.unwrap().unwrap();
    }

    async fn its_debug_form_names_its_addresses() {
        let (one, _two) = peers().await;
        let text = format!("{one:?}");
        assert!(text.starts_with("UdpSocket { addr: 127.0.0.1:"), "{text}");
        assert!(text.contains("peer: 127.0.0.1:"), "{text}");
    }
}

#[test]
fn sockets_of_the_standard_library_come_and_go() {
    simoom_tests::real(|| async {
        let (one, two) = (
            here().await,
            std::net::UdpSocket::bind("127.0.0.1:0").unwrap(),
        );
        two.set_nonblocking(true).unwrap();
        let target = two.local_addr().unwrap();
        let two = UdpSocket::try_from(two).unwrap();
        one.send_to(b"x", target).await.unwrap();
        let mut buf = [0; 4];
        assert_eq!(two.recv(&mut buf).await.unwrap(), 1);
        let two = two.into_std().unwrap();
        one.into_std().unwrap().send_to(b"yz", target).unwrap();
        two.set_nonblocking(false).unwrap();
        assert_eq!(two.recv(&mut buf).unwrap(), 2);
    });
}

#[test]
fn its_descriptor_is_the_sockets() {
    use std::os::fd::{AsFd, AsRawFd};

    simoom_tests::real(|| async {
        let socket = here().await;
        assert_eq!(socket.as_raw_fd(), socket.as_fd().as_raw_fd());
        let reference = socket2::SockRef::from(&socket);
        reference.set_recv_buffer_size(10_000).unwrap();
        assert_eq!(reference.recv_buffer_size().unwrap(), 20_000);
    });
}
