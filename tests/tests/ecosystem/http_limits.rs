//! What a server bears from its clients: how long, and how many of them.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use simoom::http::{Serve, client, client_builder, serve};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{Instant, sleep, timeout};
use simoom_sim::{Config, Sim, check};
use simoom_tests::both;

use super::Server;

const MS: Duration = Duration::from_millis(1);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// How much more than a socket and hyper hold together.
const LARGE_BYTES: usize = 64 << 20;

/// A large body that is made piece by piece.
fn parts() -> Body {
    const PIECE: &[u8] = &[0; 64 << 10];
    let pieces = futures::stream::repeat_with(|| Ok::<_, Infallible>(PIECE));
    Body::from_stream(pieces.take(LARGE_BYTES / PIECE.len()))
}

fn router() -> Router {
    let slow = || async {
        sleep(Duration::from_secs(200)).await;
        "slow"
    };
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(slow))
        .route("/whole", get(|| async { vec![0; LARGE_BYTES] }))
        .route("/parts", get(|| async { parts() }))
}

/// Waits until the server has ended the connection, and says how long that took.
async fn ended(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    let reading = stream.read_to_end(&mut rest);
    // A connection that is cut may end with a reset.
    let _ = timeout(Duration::from_secs(20), reading)
        .await
        .expect("the server ends the connection");
    start.elapsed()
}

/// Sends a request and reads the response.
async fn is_answered(stream: &mut TcpStream) -> bool {
    if stream.write_all(REQUEST).await.is_err() {
        return false;
    }
    let mut received = Vec::new();
    while !received.ends_with(b"hello") {
        match timeout(Duration::from_secs(20), stream.read_buf(&mut received)).await {
            Ok(Ok(count)) if count > 0 => {}
            _ => return false,
        }
    }
    true
}

both! {
    async fn a_client_that_sends_nothing_is_cut_off() {
        let server = Server::start_with(router(), |server| {
            server.header_read_timeout(60 * MS).idle_timeout(None)
        }).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        let took = ended(&mut stream).await;
        assert!(took >= 50 * MS, "{took:?}");
        server.stop().await.unwrap();
    }

    async fn a_client_that_stops_between_two_versions_is_cut_off() {
        let server = Server::start_with(router(), |server| {
            server.header_read_timeout(60 * MS).idle_timeout(None)
        }).await;
        for beginning in ["PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\nhost:"] {
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            stream.write_all(beginning.as_bytes()).await.unwrap();
            let took = ended(&mut stream).await;
            assert!(took >= 40 * MS, "{beginning:?}: {took:?}");
        }
        server.stop().await.unwrap();
    }

    async fn a_head_that_comes_by_drops_is_cut_off() {
        let server = Server::start_with(router(), |server| {
            server.header_read_timeout(100 * MS).idle_timeout(None)
        }).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let start = Instant::now();
        while stream.write_all(b"a: b\r\n").await.is_ok() {
            assert!(start.elapsed() < Duration::from_secs(20), "nobody cuts it off");
            sleep(5 * MS).await;
        }
        assert!(start.elapsed() >= 90 * MS);
        server.stop().await.unwrap();
    }

    async fn an_idle_connection_is_kept_as_long_as_it_was_told() {
        let server = Server::start_with(router(), |server| {
            server.header_read_timeout(300 * MS).idle_timeout(600 * MS)
        }).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        assert!(is_answered(&mut stream).await);
        // Longer than a first head may take.
        sleep(400 * MS).await;
        assert!(is_answered(&mut stream).await);
        let took = ended(&mut stream).await;
        assert!(took >= 500 * MS, "{took:?}");
        server.stop().await.unwrap();
    }

    async fn an_idle_connection_of_http2_is_closed() {
        let server = Server::start_with(router(), |server| {
            server.header_read_timeout(None).idle_timeout(50 * MS)
        }).await;
        let client = client_builder().http2_only(true).build::<_, Full<Bytes>>(
            simoom::http::Connector::new(),
        );
        for round in 1..=2 {
            let response = client.get(server.uri("/")).await.unwrap();
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
            assert_eq!(server.accepted(), round);
            // Also for the client to learn of it.
            sleep(400 * MS).await;
        }
        server.stop().await.unwrap();
    }

    async fn a_request_that_takes_too_long_is_cut_off() {
        let server = Server::start_with(router(), |server| {
            server.request_timeout(60 * MS)
        }).await;
        let start = Instant::now();
        assert!(client::<Full<Bytes>>().get(server.uri("/slow")).await.is_err());
        let took = start.elapsed();
        assert!(took >= 60 * MS, "{took:?}");
        // Another one on a connection that was long idle is timed from its own beginning.
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        assert!(is_answered(&mut stream).await);
        sleep(100 * MS).await;
        assert!(is_answered(&mut stream).await);
        let start = Instant::now();
        stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        ended(&mut stream).await;
        let took = start.elapsed();
        assert!(took >= 50 * MS && took < Duration::from_secs(15), "{took:?}");
        server.stop().await.unwrap();
    }

    async fn a_response_that_nobody_reads_is_cut_off() {
        let server = Server::start_with(router(), |server| {
            server.request_timeout(60 * MS)
        }).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"GET /parts HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        sleep(200 * MS).await;
        // Nothing keeps the server any more.
        timeout(Duration::from_secs(20), server.stop()).await.unwrap().unwrap();
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        assert!(received.len() < LARGE_BYTES, "{} bytes came", received.len());
    }

    async fn zero_leaves_no_time() {
        let zero = Duration::ZERO;
        let server = Server::start_with(router(), |server| {
            server.header_read_timeout(zero).idle_timeout(None)
        }).await;
        ended(&mut TcpStream::connect(server.addr).await.unwrap()).await;
        server.stop().await.unwrap();

        let server = Server::start_with(router(), |server| server.idle_timeout(zero)).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        assert!(is_answered(&mut stream).await);
        ended(&mut stream).await;
        server.stop().await.unwrap();

        let settings = |server: Serve<_, _>| server.request_timeout(zero).idle_timeout(None);
        let server = Server::start_with(router(), settings).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        ended(&mut stream).await;
        server.stop().await.unwrap();

        let server = Server::start_with(router(), |server| server.grace(zero)).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        assert!(is_answered(&mut stream).await);
        stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        sleep(200 * MS).await;
        assert_eq!(server.stop().await.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    async fn one_connection_more_waits_until_another_ends() {
        let server = Server::start_with(router(), |server| server.max_connections(2)).await;
        let mut first = TcpStream::connect(server.addr).await.unwrap();
        let mut second = TcpStream::connect(server.addr).await.unwrap();
        assert!(is_answered(&mut first).await);
        assert!(is_answered(&mut second).await);
        let mut third = TcpStream::connect(server.addr).await.unwrap();
        let mut answered = Box::pin(is_answered(&mut third));
        assert!(timeout(100 * MS, &mut answered).await.is_err());
        assert_eq!(server.accepted(), 2);
        drop(first);
        assert!(answered.await);
        assert_eq!(server.accepted(), 3);
        assert!(is_answered(&mut second).await);
        server.stop().await.unwrap();
    }
}

/// hyper holds the whole body, and the server learns no more of it: the connection is idle to it.
#[test]
fn a_response_that_hyper_holds_is_cut_off_with_the_idle() {
    let config = Config::default().seeds(5).persist(false);
    let report = check(config, |_: Sim| async move {
        let server = Server::start_with(router(), |server| server.idle_timeout(60 * MS)).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        let request = b"GET /whole HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request).await.unwrap();
        // As long as an idle connection has to be closed.
        sleep(Duration::from_secs(6)).await;
        let start = Instant::now();
        server.stop().await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        assert!(
            received.len() < LARGE_BYTES,
            "{} bytes came",
            received.len()
        );
    });
    report.unwrap();
}

/// What nobody has set is what the documentation says.
#[test]
fn the_defaults_are_those_of_the_documentation() {
    let report = check(
        Config::default().seeds(5).persist(false),
        |sim: Sim| async move {
            sim.node("server")
                .run(|| async { serve(TcpListener::bind("0.0.0.0:80").await?, router()).await });
            sleep(Duration::from_secs(1)).await;
            // More clients than a test has time for.
            let unused = serve(TcpListener::bind("0.0.0.0:81").await.unwrap(), router());
            let text = format!("{unused:?}");
            assert!(text.contains("max_connections: Some(10000)"), "{text}");
            let mut silent = TcpStream::connect("server:80").await.unwrap();
            let took = ended_after(&mut silent).await;
            assert!(
                took >= Duration::from_secs(29) && took <= Duration::from_secs(31),
                "{took:?}"
            );
            let mut idle = TcpStream::connect("server:80").await.unwrap();
            assert!(is_answered(&mut idle).await);
            let took = ended_after(&mut idle).await;
            assert!(
                took >= Duration::from_secs(59) && took <= Duration::from_secs(61),
                "{took:?}"
            );
            let mut slow = TcpStream::connect("server:80").await.unwrap();
            slow.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                .await
                .unwrap();
            let mut text = String::new();
            slow.read_to_string(&mut text).await.unwrap();
            assert!(text.ends_with("slow"), "{text}");
        },
    );
    report.unwrap();
}

/// How long it takes until the server ends the connection, however long that is.
async fn ended_after(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    start.elapsed()
}
