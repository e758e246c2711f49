//! Names and addresses.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use simoom::net::{TcpListener, TcpStream, ToSocketAddrs, lookup_host};
use simoom_tests::both;

use super::{listener, nobody};

/// What `name` stands for.
async fn all(name: impl ToSocketAddrs) -> Vec<SocketAddr> {
    lookup_host(name).await.unwrap().collect()
}

/// How looking up `name` fails.
async fn error(name: impl ToSocketAddrs) -> std::io::Error {
    match lookup_host(name).await {
        Ok(addrs) => panic!("it stands for {:?}", addrs.collect::<Vec<_>>()),
        Err(error) => error,
    }
}

both! {
    async fn every_form_of_an_address_is_itself() {
        let four = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
        let six = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, 0);
        let (one, two) = (SocketAddr::V4(four), SocketAddr::V6(six));
        assert_eq!(all(one).await, [one]);
        assert_eq!(all(four).await, [one]);
        assert_eq!(all(six).await, [two]);
        assert_eq!(all((Ipv4Addr::LOCALHOST, 80)).await, [one]);
        assert_eq!(all((Ipv6Addr::LOCALHOST, 80)).await, [two]);
        assert_eq!(all((IpAddr::V4(Ipv4Addr::LOCALHOST), 80)).await, [one]);
        assert_eq!(all("127.0.0.1:80").await, [one]);
        assert_eq!(all("[::1]:80").await, [two]);
        assert_eq!(all(String::from("127.0.0.1:80")).await, [one]);
        assert_eq!(all(&String::from("127.0.0.1:80")).await, [one]);
        assert_eq!(all(("127.0.0.1", 80)).await, [one]);
        assert_eq!(all(("::1", 80)).await, [two]);
        assert_eq!(all((String::from("127.0.0.1"), 80)).await, [one]);
        assert_eq!(all(&[one, two][..]).await, [one, two]);
        assert_eq!(all(&&one).await, [one]);
        assert_eq!(all(&[][..] as &[SocketAddr]).await, []);
    }

    async fn localhost_is_this_host() {
        for addrs in [
            all("localhost:80").await,
            all(("localhost", 80)).await,
            all((String::from("localhost"), 80)).await,
        ] {
            assert!(!addrs.is_empty());
            for addr in addrs {
                assert!(addr.ip().is_loopback());
                assert_eq!(addr.port(), 80);
            }
        }
    }

    async fn a_name_without_a_proper_port_is_invalid() {
        assert_eq!(error("localhost").await.kind(), ErrorKind::InvalidInput);
        assert_eq!(error("localhost:65536").await.kind(), ErrorKind::InvalidInput);
        assert_eq!(error("localhost:http").await.kind(), ErrorKind::InvalidInput);
        assert_eq!(error("").await.kind(), ErrorKind::InvalidInput);
        let connected = TcpStream::connect("localhost").await.unwrap_err();
        assert_eq!(connected.kind(), ErrorKind::InvalidInput);
        let bound = TcpListener::bind("localhost").await.unwrap_err();
        assert_eq!(bound.kind(), ErrorKind::InvalidInput);
    }

    async fn a_name_that_cannot_be_is_not_found() {
        // A label is at most 63 bytes long.
        let name = format!("{}.invalid", "x".repeat(70));
        error((name.clone(), 80)).await;
        assert!(TcpStream::connect((name.clone(), 80)).await.is_err());
        assert!(TcpListener::bind((name, 80)).await.is_err());
    }

    async fn no_address_at_all_is_invalid() {
        let none: &[SocketAddr] = &[];
        let connected = TcpStream::connect(none).await.unwrap_err();
        assert_eq!(connected.kind(), ErrorKind::InvalidInput);
        let bound = TcpListener::bind(none).await.unwrap_err();
        assert_eq!(bound.kind(), ErrorKind::InvalidInput);
        assert_eq!(connected.to_string(), bound.to_string());
    }

    async fn str_10_connecting_tries_every_address_in_order() {
        let (listener, addr) = listener().await;
        let stream = TcpStream::connect(&[nobody().await, addr][..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        listener.accept().await.unwrap();
        let (one, two) = (nobody().await, nobody().await);
        let error = TcpStream::connect(&[one, two][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    async fn binding_tries_every_address_in_order() {
        let (_taken, addr) = listener().await;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bound = TcpListener::bind(&[addr, free][..]).await.unwrap();
        assert_ne!(bound.local_addr().unwrap(), addr);
        let error = TcpListener::bind(&[addr, addr][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }

    async fn localhost_can_be_bound_and_reached_by_name() {
        let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("localhost", port)).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
        TcpStream::connect(format!("localhost:{port}")).await.unwrap();
    }

    async fn every_loopback_address_is_this_host() {
        let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let client = TcpStream::connect(addr).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), addr);
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(server.local_addr().unwrap(), addr);
        // Packets of this host come from its first loopback address.
        assert_eq!(peer.ip(), Ipv4Addr::LOCALHOST);
        assert_eq!(client.local_addr().unwrap(), peer);
        // Each has ports of its own.
        let other = SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port()));
        let error = TcpStream::connect(other).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    async fn the_unspecified_address_is_every_address_of_this_host() {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        assert!(addr.ip().is_unspecified());
        for ip in [[127, 0, 0, 1], [127, 0, 0, 2], [0, 0, 0, 0]] {
            let client = TcpStream::connect((Ipv4Addr::from(ip), addr.port())).await.unwrap();
            let (server, peer) = listener.accept().await.unwrap();
            assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
            assert_eq!(client.local_addr().unwrap(), peer);
            assert!(server.local_addr().unwrap().ip().is_loopback());
        }
    }

    async fn ipv6_works_on_this_host() {
        let listener = TcpListener::bind("[::1]:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let client = TcpStream::connect(addr).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip(), Ipv6Addr::LOCALHOST);
        assert_eq!(client.local_addr().unwrap(), peer);
        assert_eq!(server.local_addr().unwrap(), addr);
    }
}
