//! HTTP by hyper and axum.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use axum::routing::{get, post};
use axum::{Extension, Router};
use futures::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode, Version};
use simoom::http::{Connector, Io, Peer, client, client_builder, serve};
use simoom::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use simoom::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use simoom::time::{Instant, sleep, timeout};
use simoom_tests::both;

use super::Server;
use std::future::IntoFuture;

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route(
            "/echo",
            post(|body: String| async move { body.to_uppercase() }),
        )
        .route(
            "/slow",
            get(|| async {
                sleep(Duration::from_millis(5)).await;
                "slow"
            }),
        )
        .route(
            "/panic",
            get(|| async { panic!("a handler's own") as &'static str }),
        )
        .route(
            "/who",
            get(|Extension(peer): Extension<Peer<SocketAddr>>| async move { peer.0.to_string() }),
        )
}

async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// One response of a connection that is kept: its first line and its body.
async fn read_response(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let mut first = String::new();
    stream.read_line(&mut first).await.unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (first.trim().to_owned(), String::from_utf8(body).unwrap())
}

both! {
    async fn an_axum_router_answers() {
        let server = Server::start(router()).await;
        let client = client::<Full<Bytes>>();
        let response = client.get(server.uri("/")).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.version(), Version::HTTP_11);
        assert_eq!(text(response).await, "hello");
        let request = Request::post(server.uri("/echo")).body(Full::from("abc")).unwrap();
        assert_eq!(text(client.request(request).await.unwrap()).await, "ABC");
        let response = client.get(server.uri("/nowhere")).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        server.stop().await.unwrap();
    }

    async fn a_client_keeps_its_connection() {
        let server = Server::start(router()).await;
        let client = client::<Full<Bytes>>();
        for _ in 0..5 {
            assert_eq!(text(client.get(server.uri("/")).await.unwrap()).await, "hello");
            // The connection goes back when its task has seen the end of the body.
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(server.accepted(), 1);
        drop(client);
        server.stop().await.unwrap();
    }

    async fn a_server_keeps_a_connection_for_the_next_request() {
        let server = Server::start(router()).await;
        let mut stream = BufReader::new(TcpStream::connect(server.addr).await.unwrap());
        for _ in 0..3 {
            let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
            stream.get_mut().write_all(request).await.unwrap();
            let (first, body) = read_response(&mut stream).await;
            assert_eq!((&*first, &*body), ("HTTP/1.1 200 OK", "hello"));
        }
        // Two requests at once are answered in their order.
        let requests = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.get_mut().write_all(requests).await.unwrap();
        assert_eq!(read_response(&mut stream).await.1, "slow");
        assert_eq!(read_response(&mut stream).await.1, "hello");
        assert_eq!(server.accepted(), 1);
        let last = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.get_mut().write_all(last).await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert!(rest.ends_with("hello"));
    }

    async fn http_2_carries_requests_beside_each_other() {
        let server = Server::start(router()).await;
        let client = client_builder()
            .http2_only(true)
            .build::<_, Full<Bytes>>(Connector::new());
        let response = client.get(server.uri("/")).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        let start = Instant::now();
        let answers = join_all((0..20).map(|number| {
            let body = Full::from(format!("request {number}"));
            let request = Request::post(server.uri("/echo")).body(body).unwrap();
            let (slow, echo) = (client.get(server.uri("/slow")), client.request(request));
            async move {
                assert_eq!(text(slow.await.unwrap()).await, "slow");
                assert_eq!(text(echo.await.unwrap()).await, format!("REQUEST {number}"));
            }
        }));
        answers.await;
        assert!(start.elapsed() >= Duration::from_millis(5));
        assert_eq!(server.accepted(), 1);
        drop(client);
        server.stop().await.unwrap();
    }

    async fn a_large_body_goes_both_ways() {
        let server = Server::start(router()).await;
        let sent = "x".repeat(300_000);
        for http2 in [false, true] {
            let client = client_builder()
                .http2_only(http2)
                .build::<_, Full<Bytes>>(Connector::new());
            let body = Full::from(sent.clone());
            let request = Request::post(server.uri("/echo")).body(body).unwrap();
            let answer = text(client.request(request).await.unwrap()).await;
            assert!(answer == sent.to_uppercase(), "over HTTP/2: {http2}");
        }
        server.stop().await.unwrap();
    }

    async fn a_request_knows_where_it_came_from() {
        let server = Server::start(router()).await;
        let stream = TcpStream::connect(server.addr).await.unwrap();
        let own = stream.local_addr().unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(Io::new(stream)).await.unwrap();
        simoom::spawn(async move { connection.await.unwrap() });
        let request = Request::get("/who").body(Full::<Bytes>::default()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(text(response).await, own.to_string());
    }

    async fn a_handler_that_panics_ends_its_connection_alone() {
        let server = Server::start(router()).await;
        let client = client::<Full<Bytes>>();
        client.get(server.uri("/panic")).await.unwrap_err();
        assert_eq!(text(client.get(server.uri("/")).await.unwrap()).await, "hello");
        server.stop().await.unwrap();
    }

    async fn a_head_that_does_not_come_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let patience = Duration::from_millis(50);
        let server = serve(listener, router()).http(|http| {
            http.http1().header_read_timeout(patience);
        });
        let server = simoom::spawn(server.into_future());
        let start = Instant::now();
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
        assert!(start.elapsed() >= patience);
        server.abort();
    }

    async fn unix_sockets_carry_http_too() {
        let name = format!("\0simoom-http-{:016x}", simoom::rand::random::<u64>());
        let listener = UnixListener::bind(&name).unwrap();
        let server = simoom::spawn(serve(listener, router()).into_future());
        let stream = UnixStream::connect(&name).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(Io::new(stream)).await.unwrap();
        simoom::spawn(async move { connection.await.unwrap() });
        let request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
        assert_eq!(text(sender.send_request(request).await.unwrap()).await, "hello");
        server.abort();
    }

    async fn an_upgraded_connection_is_a_stream() {
        let upgrading = |mut request: Request<axum::body::Body>| async move {
            simoom::spawn(async move {
                let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
                let (mut reader, mut writer) = simoom::io::split(Io::new(upgraded));
                simoom::io::copy(&mut reader, &mut writer).await.unwrap();
                writer.shutdown().await.unwrap();
            });
            (StatusCode::SWITCHING_PROTOCOLS, [("upgrade", "echo"), ("connection", "upgrade")])
        };
        let server = Server::start(Router::new().route("/", get(upgrading))).await;
        let mut stream = BufReader::new(TcpStream::connect(server.addr).await.unwrap());
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
        stream.get_mut().write_all(request).await.unwrap();
        let (first, _) = read_response(&mut stream).await;
        assert_eq!(first, "HTTP/1.1 101 Switching Protocols");
        stream.get_mut().write_all(b"no longer HTTP").await.unwrap();
        stream.get_mut().shutdown().await.unwrap();
        let mut echo = String::new();
        stream.read_to_string(&mut echo).await.unwrap();
        assert_eq!(echo, "no longer HTTP");
    }

    async fn a_client_says_why_it_cannot_connect() {
        let client = client::<Full<Bytes>>();
        let kind = |error: hyper_util::client::legacy::Error| {
            assert!(error.is_connect());
            let mut source = std::error::Error::source(&error);
            while let Some(error) = source {
                if let Some(error) = error.downcast_ref::<std::io::Error>() {
                    return error.kind();
                }
                source = error.source();
            }
            panic!("no io::Error within {error:?}");
        };
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = nobody.local_addr().unwrap();
        drop(nobody);
        let error = client.get(format!("http://{addr}/").parse().unwrap()).await.unwrap_err();
        assert_eq!(kind(error), ErrorKind::ConnectionRefused);
        let error = client.get("https://localhost/".parse().unwrap()).await.unwrap_err();
        assert_eq!(kind(error), ErrorKind::InvalidInput);
    }
}
