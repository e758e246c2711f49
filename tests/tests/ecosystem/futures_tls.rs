//! TLS by rustls for the traits of `futures`, by way of the adapters of tokio-util.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::io::{AsyncReadExt as _, AsyncWriteExt as _};
use futures_rustls::{TlsAcceptor, TlsConnector};
use simoom::io::AsyncReadExt as _;
use simoom::net::{TcpListener, TcpStream};
use simoom::time::sleep;
use simoom_sim::{Config, Sim, check};
use simoom_tests::both;
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::tls::{connected, many_bytes, name, parts};

/// A server and a client that trusts it.
fn configs() -> (TlsAcceptor, TlsConnector) {
    let (server, client) = parts();
    (server.into(), client.into())
}

/// Echoes what comes over TLS, for one connection.
async fn echo(listener: TcpListener, acceptor: TlsAcceptor) {
    let (stream, _) = listener.accept().await.unwrap();
    let Ok(stream) = acceptor.accept(stream.compat()).await else {
        return;
    };
    let (reader, mut writer) = stream.split();
    futures::io::copy(reader, &mut writer).await.unwrap();
    writer.close().await.unwrap();
}

both! {
    async fn a_secure_stream_of_futures_carries_bytes() {
        let (acceptor, connector) = configs();
        let (stream, server) = connected(|listener| echo(listener, acceptor)).await;
        let stream = connector.connect(name("server.test"), stream.compat()).await.unwrap();
        let sent = many_bytes();
        let (mut reader, mut writer) = stream.split();
        let writing = async {
            writer.write_all(&sent).await.unwrap();
            writer.close().await.unwrap();
        };
        let mut received = Vec::new();
        let reading = async {
            reader.read_to_end(&mut received).await.unwrap();
        };
        simoom::join!(writing, reading);
        assert!(received == sent);
        server.await.unwrap();
    }

    async fn a_server_of_futures_under_another_name_is_not_trusted() {
        let (acceptor, connector) = configs();
        let (stream, server) = connected(|listener| echo(listener, acceptor)).await;
        let connecting = connector.connect(name("other.test"), stream.compat());
        assert_eq!(connecting.await.unwrap_err().kind(), ErrorKind::InvalidData);
        server.await.unwrap();
    }
}

/// First messages of clients, each with the seed of its run.
type Hellos = Arc<Mutex<Vec<(u64, Vec<u8>)>>>;

/// The first message of a client, which holds 32 random bytes, an identifier and a public key.
async fn hello(sim: Sim, hellos: Hellos) {
    let server = sim.node("server").spawn(async {
        let listener = TcpListener::bind("0.0.0.0:443").await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.unwrap();
        let mut message = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        stream.read_exact(&mut message).await.unwrap();
        message
    });
    sleep(Duration::from_secs(1)).await;
    let (_, connector) = configs();
    let stream = TcpStream::connect("server:443").await.unwrap();
    let connecting = connector.connect(name("server.test"), stream.compat());
    assert!(connecting.await.is_err());
    let hello = server.await.unwrap();
    hellos.lock().unwrap().push((sim.seed(), hello));
}

/// The hello of one seed, which is the same in every run of it.
fn hello_of(seed: u64) -> Vec<u8> {
    let hellos = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..2 {
        let hellos = Arc::clone(&hellos);
        let config = Config::default().seeds(1).first_seed(seed).persist(false);
        check(config, move |sim| hello(sim, Arc::clone(&hellos))).unwrap();
    }
    let hellos = hellos.lock().unwrap();
    // A sweep begins with an undisturbed run, which has a seed of its own.
    let mut of_seed = hellos.iter().filter(|(by, _)| *by == seed);
    let (_, hello) = of_seed.next().unwrap();
    assert!(of_seed.clone().count() >= 1);
    assert!(of_seed.all(|(_, other)| other == hello));
    hello.clone()
}

#[test]
fn the_bytes_of_a_handshake_come_from_the_seed() {
    let hellos = [hello_of(1), hello_of(2), hello_of(3)];
    // Type, length and version; then the random bytes.
    let random = |hello: &Vec<u8>| hello[6..38].to_vec();
    assert_ne!(random(&hellos[0]), random(&hellos[1]));
    assert_ne!(random(&hellos[1]), random(&hellos[2]));
    assert_ne!(random(&hellos[0]), random(&hellos[2]));
}
