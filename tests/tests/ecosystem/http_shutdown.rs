//! How a server ends, and what it survives.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use simoom::http::{Client, Listener, client, serve};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::oneshot;
use simoom::time::{Instant, sleep, timeout};
use simoom_sim::{Config, Sim, check};
use simoom_tests::{both, settle};

use super::Server;
use std::future::IntoFuture;

const MS: Duration = Duration::from_millis(1);

fn slow(duration: Duration) -> Router {
    let handler = move || async move {
        sleep(duration).await;
        "slow"
    };
    Router::new().route("/", get(handler))
}

async fn fetch(client: &Client<Full<Bytes>>, uri: hyper::Uri) -> Option<Bytes> {
    let response = client.get(uri).await.ok()?;
    Some(response.into_body().collect().await.ok()?.to_bytes())
}

both! {
    async fn a_request_that_has_begun_is_answered() {
        let server = Server::start(slow(60 * MS)).await;
        let (addr, uri) = (server.addr, server.uri("/"));
        let asking = simoom::spawn(async move {
            fetch(&client(), uri).await
        });
        while server.accepted() == 0 {
            sleep(MS).await;
        }
        sleep(10 * MS).await;
        server.stop().await.unwrap();
        assert_eq!(asking.await.unwrap().unwrap(), "slow");
        let error = TcpStream::connect(addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    async fn idle_connections_do_not_keep_a_server() {
        let server = Server::start(slow(Duration::ZERO)).await;
        let mut kept = TcpStream::connect(server.addr).await.unwrap();
        kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 15];
        kept.read_exact(&mut first).await.unwrap();
        let mut silent = TcpStream::connect(server.addr).await.unwrap();
        while server.accepted() < 2 {
            sleep(MS).await;
        }
        settle().await;
        timeout(Duration::from_secs(20), server.stop()).await.unwrap().unwrap();
        let mut rest = Vec::new();
        kept.read_to_end(&mut rest).await.unwrap();
        assert!(rest.ends_with(b"slow"));
        assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn a_connection_that_comes_with_the_stop_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = serve(Last { listener, stop: Some(stop) }, slow(Duration::ZERO))
            .shutdown(async { drop(stopped.await) });
        let server = simoom::spawn(server.into_future());
        let mut silent = TcpStream::connect(addr).await.unwrap();
        timeout(Duration::from_secs(20), server).await.unwrap().unwrap().unwrap();
        assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn what_takes_too_long_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri: hyper::Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = serve(listener, slow(Duration::from_secs(3600)))
            .shutdown(async { drop(stopped.await) })
            .grace(20 * MS);
        let server = simoom::spawn(server.into_future());
        let asking = simoom::spawn(async move { fetch(&client(), uri).await });
        sleep(50 * MS).await;
        let start = Instant::now();
        drop(stop);
        let error = server.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().starts_with("1 connections were cut off"), "{error}");
        assert!(start.elapsed() >= 20 * MS);
        assert_eq!(asking.await.unwrap(), None);
    }

    async fn a_head_that_is_not_whole_is_no_request_that_was_cut_off() {
        let server = Server::start_with(slow(Duration::ZERO), |server| {
            server.header_read_timeout(None).grace(20 * MS)
        }).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
        sleep(100 * MS).await;
        server.stop().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }

    async fn a_server_that_has_nothing_to_finish_is_done_before_its_grace() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = serve(listener, slow(Duration::ZERO))
            .shutdown(std::future::ready(()))
            .grace(Duration::from_secs(3600));
        timeout(Duration::from_secs(20), server.into_future()).await.unwrap().unwrap();
    }

    async fn errors_of_accepting_are_survived() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri: hyper::Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let failing = Failing {
            listener,
            errors: vec![
                io::Error::from_raw_os_error(24),
                ErrorKind::ConnectionAborted.into(),
                ErrorKind::ConnectionReset.into(),
            ],
        };
        let server = simoom::spawn(serve(failing, slow(Duration::ZERO)).into_future());
        let start = Instant::now();
        assert_eq!(fetch(&client(), uri).await.unwrap(), "slow");
        // Once for want of descriptors; not for connections that were lost.
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(1), "{took:?}");
        assert!(took < Duration::from_millis(1_900), "{took:?}");
        server.abort();
    }

    async fn a_server_can_be_stopped_while_it_backs_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let failing = Failing {
            listener,
            errors: (0..100).map(|_| io::Error::from_raw_os_error(24)).collect(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let server = serve(failing, slow(Duration::ZERO)).shutdown(async { drop(stopped.await) });
        let server = simoom::spawn(server.into_future());
        sleep(10 * MS).await;
        let start = Instant::now();
        drop(stop);
        timeout(Duration::from_secs(20), server).await.unwrap().unwrap().unwrap();
        // It would look after a second anyway.
        let took = start.elapsed();
        assert!(took < Duration::from_millis(800), "{took:?}");
    }
}

/// A head that has begun with the stop, and comes to its end or does not.
#[test]
fn a_first_head_has_little_time_after_the_stop() {
    let report = check(Config::default().seeds(5).persist(false), |_: Sim| async {
        let server = Server::start_with(slow(Duration::from_secs(8)), |server| {
            server.header_read_timeout(None)
        })
        .await;
        let (addr, accepted) = (server.addr, server.accepted.clone());
        let begun = async || {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
            stream
        };
        let (mut late, mut prompt) = (begun().await, begun().await);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(accepted.load(Ordering::Relaxed), 2);
        let start = Instant::now();
        let stopping = simoom::spawn(server.stop());
        sleep(Duration::from_secs(3)).await;
        prompt.write_all(b"st: x\r\n\r\n").await.unwrap();
        let _ = late.read_to_end(&mut Vec::new()).await;
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(5), "{took:?}");
        assert!(took < Duration::from_secs(6), "{took:?}");
        // The request has begun, and has the time that requests have.
        let mut text = String::new();
        prompt.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("slow"), "{text}");
        stopping.await.unwrap().unwrap();
        assert!(start.elapsed() < Duration::from_secs(13));
    });
    report.unwrap();
}

/// A listener that fails first, with the last of its errors.
struct Failing {
    listener: TcpListener,
    errors: Vec<io::Error>,
}

impl Listener for Failing {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        if let Some(error) = self.errors.pop() {
            return Err(error);
        }
        self.listener.accept().await
    }
}

/// A listener that stops the server with its first connection.
struct Last {
    listener: TcpListener,
    stop: Option<oneshot::Sender<()>>,
}

impl Listener for Last {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = self.listener.accept().await?;
        self.stop = None;
        Ok(accepted)
    }
}
