//! What keeps a connection from being closed although its client takes long, and what does not keep
//! it from that.

use std::convert::Infallible;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::{get, post};
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use simoom::http::{Connector, Executor, Io, Listener, client_builder, serve};
use simoom::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::oneshot;
use simoom::time::{Instant, Sleep, sleep, timeout};
use simoom_sim::{Config, Sim, check};
use simoom_tests::both;

use super::Server;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// How much is downloaded: more than lies in buffers.
const DOWNLOAD_BYTES: usize = 2 << 20;

/// Runs a body that takes long in the simulated world, as the farewell of a connection does.
fn simulated<F: Future<Output = ()> + 'static>(body: impl Fn() -> F + Send + Sync + 'static) {
    let config = Config::default().seeds(5).persist(false);
    check(config, move |_: Sim| body()).unwrap();
}

fn router() -> Router {
    let later = || async {
        sleep(8 * SECOND).await;
        "later"
    };
    let swallow = |body: Body| async {
        let mut body = body;
        while let Some(Ok(_)) = body.frame().await {}
    };
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/later", get(later))
        .route("/swallow", post(swallow))
        .route("/download", get(|| async { vec![0; DOWNLOAD_BYTES] }))
        .fallback(tunnel)
}

/// Counts the bytes of a tunnel, and says how many there were.
async fn tunnel(mut request: Request<Body>) -> StatusCode {
    simoom::spawn(async move {
        let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
        let (mut reader, mut writer) = simoom::io::split(Io::new(upgraded));
        let mut received = Vec::new();
        if reader.read_to_end(&mut received).await.is_ok() {
            let count = received.len().to_string();
            writer.write_all(count.as_bytes()).await.unwrap();
            writer.shutdown().await.unwrap();
        }
    });
    StatusCode::OK
}

/// The body is in hyper's buffers at once, and takes 16 s to be taken from there.
#[test]
fn a_slow_download_is_no_idleness() {
    simulated(|| async {
        let server = Server::start_with(router(), |server| server.idle_timeout(2 * SECOND)).await;
        for http2 in [false, true] {
            let client = client_builder()
                .http2_only(http2)
                .http2_initial_stream_window_size(64 << 10)
                .http2_initial_connection_window_size(64 << 10)
                .build::<_, Full<Bytes>>(Connector::new());
            let response = client.get(server.uri("/download")).await.unwrap();
            let mut body = response.into_body();
            let mut count = 0;
            while let Some(frame) = body.frame().await {
                let bytes = frame.expect("the server goes on").into_data().unwrap();
                count += bytes.len();
                sleep(Duration::from_micros(8) * u32::try_from(bytes.len()).unwrap()).await;
            }
            assert_eq!(count, DOWNLOAD_BYTES, "over HTTP/2: {http2}");
        }
        server.stop().await.unwrap();
    });
}

/// A tunnel over HTTP/2 to [`tunnel`].
async fn connect(server: &Server) -> Io<hyper::upgrade::Upgraded> {
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(Executor::new(), Io::new(stream))
            .await
            .unwrap();
    simoom::spawn(connection);
    let request = Request::connect("x:80").body(Full::<Bytes>::default());
    let mut response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    Io::new(hyper::upgrade::on(&mut response).await.unwrap())
}

/// Bytes come in one direction alone, each before the tunnel is idle or while it takes leave.
#[test]
fn a_tunnel_over_http2_lasts_while_bytes_move() {
    simulated(|| async {
        let server = Server::start_with(router(), |server| server.idle_timeout(2 * SECOND)).await;
        for pause in [SECOND, 3 * SECOND] {
            let (mut reader, mut writer) = simoom::io::split(connect(&server).await);
            for _ in 0..15 {
                writer.write_all(b"x").await.unwrap();
                writer.flush().await.unwrap();
                sleep(pause).await;
            }
            writer.shutdown().await.unwrap();
            let mut count = String::new();
            reader.read_to_string(&mut count).await.unwrap();
            assert_eq!(count, "15", "with pauses of {pause:?}");
        }
        server.stop().await.unwrap();
    });
}

#[test]
fn a_silent_tunnel_over_http2_is_cut_off() {
    simulated(|| async {
        let server = Server::start_with(router(), |server| server.idle_timeout(2 * SECOND)).await;
        let mut tunnel = connect(&server).await;
        let start = Instant::now();
        let _ = tunnel.read(&mut [0; 8]).await;
        let took = start.elapsed();
        assert!(took >= 6 * SECOND && took <= 8 * SECOND, "{took:?}");
        server.stop().await.unwrap();
    });
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let head = [0, 0, length, kind, flags, 0, 0, 0, stream];
    [&head, payload].concat()
}

/// The whole request for a path.
fn request(stream: u8, path: &str) -> Vec<u8> {
    const HEADERS: u8 = 1;
    const END_STREAM_AND_HEADERS: u8 = 5;
    // `:method: GET`, `:scheme: http`, then `:path` and `:authority` as they are.
    let length = u8::try_from(path.len()).unwrap();
    let fields = [
        &[0x82, 0x86, 0x04, length],
        path.as_bytes(),
        &[0x01, 1, b'x'],
    ];
    frame(HEADERS, END_STREAM_AND_HEADERS, stream, &fields.concat())
}

/// A client that does not say whether it knows that the connection is being closed may ask for more.
#[test]
fn a_request_during_the_farewell_has_the_time_of_requests() {
    const SETTINGS: u8 = 4;
    simulated(|| async {
        let server = Server::start_with(router(), |server| server.idle_timeout(SECOND)).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        let start = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(),
            &frame(SETTINGS, 0, 0, &[]),
            &request(1, "/"),
        ];
        stream.write_all(&start.concat()).await.unwrap();
        sleep(3 * SECOND).await;
        stream.write_all(&request(3, "/later")).await.unwrap();
        let asked = Instant::now();
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        let has = |text: &[u8]| received.windows(text.len()).any(|part| part == text);
        assert!(has(b"hello"));
        assert!(has(b"later"));
        // It was answered after 8 s; then nothing moved for 5 s.
        let took = asked.elapsed();
        assert!(took >= 12 * SECOND && took <= 14 * SECOND, "{took:?}");
        server.stop().await.unwrap();
    });
}

/// A service that is not ready for some time.
struct Crowded(Option<Pin<Box<Sleep>>>);

impl Clone for Crowded {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl tower_service::Service<Request<Incoming>> for Crowded {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        let ready = self.0.get_or_insert_with(|| Box::pin(sleep(1_500 * MS)));
        ready!(ready.as_mut().poll(cx));
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Incoming>) -> Self::Future {
        Box::pin(async { Ok(Response::new(Full::from("at last"))) })
    }
}

/// A connection that always has more to read, and spends the budget of the task with each read.
struct Greedy {
    rest: &'static [u8],
    again: &'static [u8],
    reads: u32,
    /// Dropped after some reads.
    begun: Option<oneshot::Sender<()>>,
    /// Dropped with the connection.
    _open: oneshot::Sender<()>,
}

impl AsyncRead for Greedy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        const MORE_THAN_ANY_BUDGET: u32 = 1_000;
        for _ in 0..MORE_THAN_ANY_BUDGET {
            if pin!(sleep(Duration::ZERO)).poll(cx).is_pending() {
                break;
            }
        }
        if self.rest.is_empty() {
            self.rest = self.again;
        }
        let (now, rest) = self.rest.split_at(self.rest.len().min(buf.remaining()));
        buf.put_slice(now);
        self.rest = rest;
        self.reads += 1;
        if self.reads == 100 {
            self.begun = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Greedy {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Accepts one connection.
struct One(Option<Greedy>);

impl Listener for One {
    type Io = Greedy;
    type Addr = ();

    async fn accept(&mut self) -> io::Result<(Greedy, ())> {
        match self.0.take() {
            Some(greedy) => Ok((greedy, ())),
            None => std::future::pending().await,
        }
    }
}

both! {
    async fn a_request_has_begun_while_its_service_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = serve(listener, Crowded(None)).header_read_timeout(700 * MS);
        let server = simoom::spawn(server.into_future());
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("at last"), "{text}");
        server.abort();
    }

    async fn a_connection_that_spends_every_budget_hears_of_the_stop() {
        let (begun, stopped) = oneshot::channel();
        let (open, _) = oneshot::channel();
        let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let greedy = Greedy { rest: request, again: request, reads: 0, begun: Some(begun), _open: open };
        let server = serve(One(Some(greedy)), router()).shutdown(async { drop(stopped.await) });
        timeout(20 * SECOND, server.into_future()).await.expect("it stops").unwrap();
    }
}

/// In the real world alone: simulated time stands still while a task is busy.
#[test]
fn a_connection_that_spends_every_budget_is_cut_off() {
    simoom_tests::real(|| async {
        let (open, closed) = oneshot::channel();
        let greedy = Greedy {
            rest: b"POST /swallow HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
            again: b"1\r\nx\r\n",
            reads: 0,
            begun: None,
            _open: open,
        };
        let server = serve(One(Some(greedy)), router()).request_timeout(60 * MS);
        let server = simoom::spawn(server.into_future());
        timeout(20 * SECOND, closed)
            .await
            .expect("it is cut off")
            .unwrap_err();
        server.abort();
    });
}
