//! Accepting connections.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures::future::join_all;
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

use super::{listener, nobody, pair};

both! {
    async fn a_free_port_is_found() {
        let (one, two) = (listener().await, listener().await);
        assert_ne!(one.1.port(), 0);
        assert_ne!(one.1, two.1);
        assert!(one.1.ip().is_loopback());
    }

    async fn both_ends_know_both_addresses() {
        let (listener, addr) = listener().await;
        let client = TcpStream::connect(addr).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), addr);
        assert_eq!(client.local_addr().unwrap(), peer);
        assert_eq!(server.local_addr().unwrap(), addr);
        assert_eq!(server.peer_addr().unwrap(), peer);
        assert_ne!(client.local_addr().unwrap(), addr);
    }

    async fn a_taken_address_is_in_use() {
        let (_listener, addr) = listener().await;
        let error = TcpListener::bind(addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let error = TcpListener::bind((Ipv4Addr::UNSPECIFIED, addr.port())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), addr.port())).await.unwrap();
        let wide = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = wide.local_addr().unwrap().port();
        let error = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }

    async fn all_addresses_of_ipv4_are_none_of_ipv6() {
        let wide = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = wide.local_addr().unwrap().port();
        let error = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let six = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.unwrap();
        let client = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap();
        let (_server, peer) = six.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let (_server, peer) = wide.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    }

    async fn all_addresses_of_ipv6_are_those_of_ipv4_too() {
        let wide = TcpListener::bind("[::]:0").await.unwrap();
        let addr = wide.local_addr().unwrap();
        assert_eq!(addr.ip(), Ipv6Addr::UNSPECIFIED);
        for ip in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
            let error = TcpListener::bind((ip, addr.port())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse, "{ip}");
        }
        let client = TcpStream::connect((Ipv6Addr::LOCALHOST, addr.port())).await.unwrap();
        let (server, peer) = wide.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
        // A socket of IPv6 shows addresses of IPv4 in its own way.
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, addr.port())).await.unwrap();
        let (server, peer) = wide.accept().await.unwrap();
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        assert_eq!(peer, (mapped, client.local_addr().unwrap().port()).into());
        assert_eq!(server.peer_addr().unwrap(), peer);
        assert_eq!(server.local_addr().unwrap(), (mapped, addr.port()).into());
        assert_eq!(client.peer_addr().unwrap(), (Ipv4Addr::LOCALHOST, addr.port()).into());
    }

    async fn a_freed_address_can_be_bound_again() {
        let addr = nobody().await;
        let listener = TcpListener::bind(addr).await.unwrap();
        // Also while a connection of its lives on.
        let client = TcpStream::connect(addr).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        drop(listener);
        let listener = TcpListener::bind(addr).await.unwrap();
        assert_eq!(listener.local_addr().unwrap(), addr);
        drop((client, server));
        drop(listener);
        TcpListener::bind(addr).await.unwrap();
    }

    async fn a_foreign_address_is_not_available() {
        // TEST-NET-1 belongs to nobody (RFC 5737).
        let error = TcpListener::bind("192.0.2.1:0").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }

    async fn connecting_to_nobody_is_refused() {
        let error = TcpStream::connect(nobody().await).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = TcpStream::connect("127.0.0.1:0").await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::AddrNotAvailable),
            "{error}"
        );
    }

    async fn connections_wait_to_be_accepted_in_their_order() {
        let (listener, addr) = listener().await;
        let mut clients = Vec::new();
        for _ in 0..5 {
            clients.push(TcpStream::connect(addr).await.unwrap());
            settle().await;
        }
        for client in &clients {
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
    }

    async fn bytes_sent_before_the_accept_are_there_after_it() {
        let (listener, addr) = listener().await;
        let mut client = TcpStream::connect(addr).await.unwrap();
        client.write_all(b"early").await.unwrap();
        drop(client);
        settle().await;
        let (mut server, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "early");
    }

    async fn an_accept_waits_for_a_connection() {
        let (listener, addr) = listener().await;
        assert!(timeout(Duration::from_millis(1), listener.accept()).await.is_err());
        let accepting = simoom::spawn(async move { listener.accept().await.unwrap().1 });
        settle().await;
        assert!(!accepting.is_finished());
        let client = TcpStream::connect(addr).await.unwrap();
        assert_eq!(accepting.await.unwrap(), client.local_addr().unwrap());
    }

    async fn many_tasks_accept_from_one_listener() {
        let (listener, addr) = listener().await;
        let listener = Arc::new(listener);
        let accepting: Vec<_> = (0..10)
            .map(|_| {
                let listener = listener.clone();
                simoom::spawn(async move { listener.accept().await.unwrap() })
            })
            .collect();
        let connecting: Vec<_> = (0..10)
            .map(|_| simoom::spawn(async move { TcpStream::connect(addr).await.unwrap() }))
            .collect();
        let mut clients: Vec<SocketAddr> = Vec::new();
        let mut streams = Vec::new();
        for client in join_all(connecting).await {
            let client = client.unwrap();
            clients.push(client.local_addr().unwrap());
            streams.push(client);
        }
        let mut peers = Vec::new();
        for accepted in join_all(accepting).await {
            peers.push(accepted.unwrap().1);
        }
        clients.sort();
        peers.sort();
        assert_eq!(peers, clients, "a connection was lost or accepted twice");
    }

    async fn polling_accepts_too() {
        let (listener, addr) = listener().await;
        let connecting = simoom::spawn(async move { TcpStream::connect(addr).await.unwrap() });
        let (_server, peer) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        assert_eq!(peer, connecting.await.unwrap().local_addr().unwrap());
    }

    async fn a_dropped_listener_refuses_and_resets() {
        let (listener, addr) = listener().await;
        let mut waiting = TcpStream::connect(addr).await.unwrap();
        settle().await;
        drop(listener);
        let error = waiting.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = TcpStream::connect(addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    async fn an_accepted_connection_outlives_its_listener() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"hi").await.unwrap();
        let mut bytes = [0; 2];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"hi");
    }

    async fn the_ttl_of_a_listener_is_that_of_its_connections() {
        let (listener, addr) = listener().await;
        assert_eq!(listener.ttl().unwrap(), 64);
        listener.set_ttl(40).unwrap();
        assert_eq!(listener.ttl().unwrap(), 40);
        let client = TcpStream::connect(addr).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert_eq!(server.ttl().unwrap(), 40);
        assert_eq!(client.ttl().unwrap(), 64);
        for wrong in [0, 256] {
            let error = listener.set_ttl(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(listener.ttl().unwrap(), 40);
    }

    async fn a_listener_prints_its_address() {
        let (listener, addr) = listener().await;
        assert!(format!("{listener:?}").contains(&addr.to_string()));
    }
}
