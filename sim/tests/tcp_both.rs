//! What a TCP connection does, by one body for each promise that runs in both worlds.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom_sim::{Config, Strategy, check};

/// Which world a body runs in.
#[derive(Clone, Copy, PartialEq)]
enum World {
    Simulated,
    Real,
}

impl World {
    /// Waits until everything sent has arrived. The real loopback delivers before a call returns.
    async fn settle(self) {
        match self {
            Self::Simulated => simoom::time::sleep(Duration::from_secs(1)).await,
            Self::Real => simoom::task::yield_now().await,
        }
    }
}

macro_rules! both {
    ($($name:ident)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn calm() {
                let config = Config::default().seeds(1).strategy(Strategy::Calm).persist(false);
                check(config, |_| super::$name(World::Simulated)).unwrap();
            }

            #[test]
            fn simulated() {
                let config = Config::default().seeds(20).persist(false);
                check(config, |_| super::$name(World::Simulated)).unwrap();
            }

            #[test]
            fn real() {
                let runtime = simoom::runtime::Runtime::new().unwrap();
                runtime.block_on(super::$name(World::Real));
            }
        })*
    };
}

both! {
    a_megabyte_goes_both_ways_at_once
    connecting_without_listener_is_refused
    end_of_stream_follows_the_last_byte
    each_direction_ends_on_its_own
    closing_with_unread_bytes_resets
    a_reset_ends_a_waiting_read
    a_reset_ends_a_waiting_write
    linger_zero_resets
    writing_to_a_closed_peer_fails_the_second_time
    an_error_after_the_end_is_for_writers_alone
    peeking_takes_nothing
    shutting_down_twice_is_fine
    dropping_a_listener_resets_what_waits
    a_port_can_be_bound_again
    a_taken_address_is_in_use
    a_foreign_address_is_not_available
    different_addresses_share_a_port
    no_address_means_this_host
    bytes_wait_for_accept
    nothing_is_nothing
    addresses_of_both_ends_agree
    unsent_bytes_survive_a_close
    many_connections_keep_their_bytes_apart
}

/// A connection between this node and itself.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = simoom::join!(TcpStream::connect(address), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

fn pattern(count: usize, salt: usize) -> Vec<u8> {
    (0..count)
        .map(|index| (index * 31 + index / 251 + salt) as u8)
        .collect()
}

async fn a_megabyte_goes_both_ways_at_once(_: World) {
    const COUNT: usize = 1 << 20;
    let (client, server) = pair().await;
    let run = |stream: TcpStream, send: usize, expect: usize| async move {
        let (mut reader, mut writer) = stream.into_split();
        let writing = async move {
            writer.write_all(&pattern(COUNT, send)).await.unwrap();
            writer.shutdown().await.unwrap();
            writer
        };
        let reading = async move {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).await.unwrap();
            assert!(
                bytes == pattern(COUNT, expect),
                "bytes arrive whole and in order"
            );
            reader
        };
        simoom::join!(writing, reading)
    };
    let one = simoom::spawn(run(client, 1, 2));
    let two = simoom::spawn(run(server, 2, 1));
    let _halves = (one.await.unwrap(), two.await.unwrap());
}

async fn connecting_without_listener_is_refused(_: World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

async fn end_of_stream_follows_the_last_byte(world: World) {
    let (mut client, mut server) = pair().await;
    client.write_all(b"last").await.unwrap();
    drop(client);
    world.settle().await;
    let mut text = String::new();
    server.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "last");
    assert_eq!(
        server.read(&mut [0; 4]).await.unwrap(),
        0,
        "the end stays the end"
    );
}

async fn each_direction_ends_on_its_own(world: World) {
    let (mut client, mut server) = pair().await;
    client.shutdown().await.unwrap();
    world.settle().await;
    assert_eq!(server.read(&mut [0; 4]).await.unwrap(), 0);
    server.write_all(b"still here").await.unwrap();
    world.settle().await;
    let mut bytes = [0; 10];
    client.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"still here");
    let error = client.write(b"x").await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::BrokenPipe,
        "it said it would send no more"
    );
    server.shutdown().await.unwrap();
    world.settle().await;
    assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 0);
}

async fn closing_with_unread_bytes_resets(world: World) {
    let (mut client, mut server) = pair().await;
    server.write_all(b"read me").await.unwrap();
    client.write_all(b"unread").await.unwrap();
    world.settle().await;
    drop(server);
    world.settle().await;
    let mut bytes = [0; 7];
    client.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"read me", "what has arrived stays readable");
    let error = client.read(&mut bytes).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(
        client.read(&mut bytes).await.unwrap(),
        0,
        "an error is told once"
    );
    let error = client.write(b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

async fn a_reset_ends_a_waiting_read(world: World) {
    let (mut client, server) = pair().await;
    let reading = simoom::spawn(async move { client.read(&mut [0; 4]).await });
    world.settle().await;
    server.set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    let error = reading.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

async fn a_reset_ends_a_waiting_write(world: World) {
    let (mut client, server) = pair().await;
    // More than the buffers of both ends, which are larger in the real world.
    let count = if world == World::Real {
        64 << 20
    } else {
        1 << 20
    };
    let writing = simoom::spawn(async move { client.write_all(&vec![0; count]).await });
    world.settle().await;
    server.set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    let error = writing.await.unwrap().unwrap_err();
    let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(kinds.contains(&error.kind()), "{error}");
}

async fn linger_zero_resets(world: World) {
    let (client, mut server) = pair().await;
    client.set_linger(Some(Duration::ZERO)).unwrap();
    assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
    drop(client);
    world.settle().await;
    let error = server.read(&mut [0; 4]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

async fn writing_to_a_closed_peer_fails_the_second_time(world: World) {
    let (mut client, server) = pair().await;
    drop(server);
    world.settle().await;
    // The peer's end says nothing of ours.
    client.write_all(b"one").await.unwrap();
    world.settle().await;
    let error = client.write(b"two").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 0);
}

async fn an_error_after_the_end_is_for_writers_alone(world: World) {
    let (mut client, server) = pair().await;
    drop(server);
    world.settle().await;
    client.write_all(b"one").await.unwrap();
    world.settle().await;
    assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 0);
    let error = client.write(b"two").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 0);
}

async fn peeking_takes_nothing(world: World) {
    let (mut client, mut server) = pair().await;
    client.write_all(b"abc").await.unwrap();
    client.write_all(b"def").await.unwrap();
    world.settle().await;
    let mut bytes = [0; 8];
    assert_eq!(server.peek(&mut bytes[..2]).await.unwrap(), 2);
    assert_eq!(&bytes[..2], b"ab");
    assert_eq!(server.peek(&mut bytes).await.unwrap(), 6);
    assert_eq!(&bytes[..6], b"abcdef");
    server.read_exact(&mut bytes[..6]).await.unwrap();
    assert_eq!(&bytes[..6], b"abcdef");
    drop(client);
    assert_eq!(
        server.peek(&mut bytes).await.unwrap(),
        0,
        "the end can be peeked at"
    );
    assert_eq!(server.read(&mut bytes).await.unwrap(), 0);
}

async fn shutting_down_twice_is_fine(world: World) {
    let (mut client, mut server) = pair().await;
    client.shutdown().await.unwrap();
    client.shutdown().await.unwrap();
    drop(server.write_all(b"x").await);
    drop(server);
    world.settle().await;
    client.shutdown().await.unwrap();
}

async fn dropping_a_listener_resets_what_waits(world: World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut one = TcpStream::connect(address).await.unwrap();
    let mut two = TcpStream::connect(address).await.unwrap();
    world.settle().await;
    drop(listener);
    world.settle().await;
    for stream in [&mut one, &mut two] {
        let error = stream.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

async fn a_port_can_be_bound_again(world: World) {
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.shutdown().await.unwrap();
        world.settle().await;
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        drop((client, server, listener));
        // The former connection lingers and does not stand in the way.
        TcpListener::bind(address).await.unwrap();
    }
}

async fn a_taken_address_is_in_use(_: World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = TcpListener::bind(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let everywhere = SocketAddr::from(([0, 0, 0, 0], address.port()));
    let error = TcpListener::bind(everywhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    drop(listener);
    TcpListener::bind(everywhere).await.unwrap();
}

async fn a_foreign_address_is_not_available(_: World) {
    let error = TcpListener::bind("192.0.2.77:0").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

async fn different_addresses_share_a_port(_: World) {
    let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = one.local_addr().unwrap().port();
    let two = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let client = TcpStream::connect(("127.0.0.2", port)).await.unwrap();
    let (server, peer) = two.accept().await.unwrap();
    assert_eq!(client.local_addr().unwrap(), peer);
    assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
    assert_eq!(server.local_addr().unwrap(), two.local_addr().unwrap());
}

async fn no_address_means_this_host(_: World) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert!(address.ip().is_unspecified());
    let client = TcpStream::connect(address).await.unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert!(client.peer_addr().unwrap().ip().is_loopback());
    assert!(peer.ip().is_loopback());
    assert!(server.local_addr().unwrap().ip().is_loopback());
}

async fn bytes_wait_for_accept(world: World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    client.write_all(b"early").await.unwrap();
    drop(client);
    world.settle().await;
    let (mut server, _) = listener.accept().await.unwrap();
    let mut text = String::new();
    server.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "early");
}

async fn nothing_is_nothing(world: World) {
    let (mut client, mut server) = pair().await;
    assert_eq!(client.write(b"").await.unwrap(), 0);
    let error = server.try_read(&mut []).unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::WouldBlock,
        "even an empty read waits for bytes"
    );
    client.write_all(b"x").await.unwrap();
    world.settle().await;
    assert_eq!(server.read(&mut []).await.unwrap(), 0);
    assert_eq!(
        server.read(&mut [0; 4]).await.unwrap(),
        1,
        "an empty read took nothing"
    );
    assert!(client.take_error().unwrap().is_none());
}

async fn addresses_of_both_ends_agree(_: World) {
    let (client, server) = pair().await;
    assert_eq!(client.local_addr().unwrap(), server.peer_addr().unwrap());
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    assert_ne!(client.local_addr().unwrap(), client.peer_addr().unwrap());
}

async fn unsent_bytes_survive_a_close(_: World) {
    let (client, mut server) = pair().await;
    let writing = simoom::spawn(async move {
        let mut client = client;
        client.write_all(&pattern(300_000, 0)).await.unwrap();
    });
    let mut bytes = Vec::new();
    server.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes == pattern(300_000, 0));
    writing.await.unwrap();
}

async fn many_connections_keep_their_bytes_apart(_: World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = simoom::spawn(async move {
        for _ in 0..20 {
            let (mut stream, _) = listener.accept().await.unwrap();
            simoom::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                simoom::io::copy(&mut reader, &mut writer).await.unwrap();
            });
        }
    });
    let clients: Vec<_> = (0..20)
        .map(|salt| {
            simoom::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(&pattern(1_000, salt)).await.unwrap();
                stream.shutdown().await.unwrap();
                let mut back = Vec::new();
                stream.read_to_end(&mut back).await.unwrap();
                assert!(back == pattern(1_000, salt), "connection {salt}");
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    server.await.unwrap();
}
