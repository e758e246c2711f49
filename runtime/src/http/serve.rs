//! A server.
//!
//! Owns the loop that accepts, and how a server ends. Knows nothing of requests.
//!
//! ```text
//!   accepting -- error --> [back off] --> accepting
//!       |  `-- connection --> a task of its own: hyper serves it
//!       | shutdown
//!       v
//!   listener closed; every connection is told to finish
//!       |                         | grace is over
//!       v                         v
//!   Ok: all have finished       the rest is aborted: TimedOut if there was a request
//! ```

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use tower_service::Service;

use super::connections::{Connections, Place};
use super::noted::Noted;
use super::requests::{Limits, Overdue, Requests, Watched};
use super::{Executor, Io, Listener, Timer};
use crate::net::is_of_one_connection;
use crate::time::{sleep, timeout};

/// How long a server waits after an error of accepting that will not go away by itself, such as
/// having no descriptor left. As long as axum's.
const BACK_OFF: Duration = Duration::from_secs(1);

/// Serves HTTP/1 and HTTP/2 with `service` at `listener`, each connection by a task of its own.
///
/// `service` is cloned for each connection; an `axum::Router` is one. A request holds where it came
/// from as an extension, [`Peer`]. A handler that panics ends its connection's task.
///
/// Nothing happens until the result is awaited.
///
/// Clients are bounded: a first request must have begun within 30 s, another one 60 s after the
/// last or after something of a response was written, and there are at most 10 000 connections.
/// [`Serve`] has methods to change that.
///
/// # Errors
/// `TimedOut` when the time of [`grace`](Serve::grace) is over before all requests are. Errors of accepting
/// are no reason to stop: a lost connection is passed over, and anything else is tried again after
/// a second.
///
/// # Cancel safety
/// A dropped future closes the listener; connections that were accepted go on.
///
/// # Examples
/// ```
/// use std::convert::Infallible;
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::{TcpListener, TcpStream};
///
/// # #[derive(Clone)]
/// # struct Hello;
/// # impl tower_service::Service<hyper::Request<hyper::body::Incoming>> for Hello {
/// #     type Response = hyper::Response<String>;
/// #     type Error = Infallible;
/// #     type Future = std::future::Ready<Result<Self::Response, Infallible>>;
/// #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
/// #         std::task::Poll::Ready(Ok(()))
/// #     }
/// #     fn call(&mut self, _: hyper::Request<hyper::body::Incoming>) -> Self::Future {
/// #         std::future::ready(Ok(hyper::Response::new("hello".into())))
/// #     }
/// # }
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let hello = Hello;
/// let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
/// let addr = listener.local_addr().unwrap();
/// let (stop, stopped) = simoom::sync::oneshot::channel::<()>();
/// let server = simoom::http::serve(listener, hello)
///     .shutdown(async { drop(stopped.await) })
///     .into_future();
/// let server = simoom::spawn(server);
///
/// let mut stream = TcpStream::connect(addr).await.unwrap();
/// stream.write_all(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
/// let mut text = String::new();
/// stream.read_to_string(&mut text).await.unwrap();
/// assert!(text.ends_with("hello"));
///
/// drop(stop);
/// server.await.unwrap().unwrap();
/// # });
/// # use std::future::IntoFuture;
/// ```
pub fn serve<L, S, B>(listener: L, service: S) -> Serve<L, S>
where
    L: Listener,
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut builder = auto::Builder::new(Executor::new());
    // What is set here covers it, and hyper counts the time between requests as part of a head.
    builder
        .http1()
        .timer(Timer::new())
        .header_read_timeout(None);
    builder.http2().timer(Timer::new());
    Serve {
        listener,
        service,
        builder,
        shutdown: Box::pin(pending()),
        grace: None,
        limits: Limits {
            header: Some(Duration::from_secs(30)),
            idle: Some(Duration::from_secs(60)),
            request: None,
        },
        max_connections: Some(10_000),
    }
}

/// A server that is yet to be awaited; see [`serve`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// # use simoom::http::{Listener, Serve};
///
/// /// For a page that few look at, on a port that anybody may reach.
/// fn wary<L: Listener, S>(server: Serve<L, S>) -> Serve<L, S> {
///     server
///         .header_read_timeout(Duration::from_secs(5))
///         .idle_timeout(Duration::from_secs(15))
///         .request_timeout(Duration::from_secs(10))
///         .max_connections(32)
/// }
/// ```
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<L, S> {
    listener: L,
    service: S,
    builder: auto::Builder<Executor>,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
    grace: Option<Duration>,
    limits: Limits,
    max_connections: Option<usize>,
}

impl<L, S> Serve<L, S> {
    /// Stops when `signal` is ready: no connection is accepted any more, idle ones are closed,
    /// requests that have begun are answered, and then the server is done.
    ///
    /// A client in the middle of its first head has 5 s more for it, and is cut off then. A tunnel
    /// over HTTP/2 keeps the server until it ends or is idle for as long as
    /// [`idle_timeout`](Self::idle_timeout) says; an upgraded connection of HTTP/1 does not.
    pub fn shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Box::pin(signal);
        self
    }

    /// How long requests that have begun may take after the signal of
    /// [`shutdown`](Self::shutdown); for ever by default. What is left then is cut off, and the
    /// server ends with an error if there was a request among it. With zero, what is not done at
    /// once is cut off.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// How long a connection may take from its start until it has sent the whole head of its first
    /// request: a client that is silent, slow, in the middle of a handshake or between the
    /// beginnings of HTTP/1 and HTTP/2 is cut off then. Default 30 s; `None` waits for ever; with
    /// zero, a head that has not come with the connection is too late.
    ///
    /// The heads that follow are under [`idle_timeout`](Self::idle_timeout).
    pub fn header_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.header = limit.into();
        self
    }

    /// How long a connection may take from the end of a request until it has sent the whole head of
    /// another, while nothing is written to it. Default 60 s; `None` waits for ever; with zero it is
    /// closed when it has nothing to do, after the first response as a rule.
    ///
    /// It is closed then as at a [shutdown](Self::shutdown), and cut off once nothing was written for
    /// 5 s more and no request runs. So a client may take a response as slowly as it likes, but not
    /// stop: what hyper has in its buffers bounds nothing else.
    ///
    /// Whatever is written counts, also to answer a ping of HTTP/2, and the pings of
    /// `http2().keep_alive_interval(…)` themselves, which keep a connection open whose client
    /// answers them. A tunnel over HTTP/2, such as a WebSocket, is idle when nothing is read either.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.idle = limit.into();
        self
    }

    /// How long a request may take from when its head was read: to be answered, its body included,
    /// and to have the response taken off the server's hands. Its connection is cut off then, with
    /// all its requests. Default and `None`: for ever, since a body may be a stream without end.
    /// With zero, what is not answered at once is cut off.
    ///
    /// The time in which the service was not ready counts. What hyper has in its buffers counts as
    /// handed over; [`idle_timeout`](Self::idle_timeout) bounds that. An upgraded connection is no
    /// request any more, nor is a tunnel over HTTP/2.
    pub fn request_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.request = limit.into();
        self
    }

    /// How many connections may be open; further ones are accepted when others have ended, and wait
    /// in the listener's backlog until then. Default 10 000; `None` is no limit. With 0 nobody is
    /// served. Upgraded connections of HTTP/1 do not count; tunnels over HTTP/2 are within one that
    /// does.
    pub fn max_connections(mut self, count: impl Into<Option<usize>>) -> Self {
        self.max_connections = count.into();
        self
    }

    /// More settings of HTTP, such as `serve(…).http(|http| { http.http2().max_concurrent_streams(8); })`.
    ///
    /// The timers are set already. hyper's own `header_read_timeout` is off in favour of
    /// [`header_read_timeout`](Self::header_read_timeout) and [`idle_timeout`](Self::idle_timeout);
    /// it counts from the end of the request before.
    pub fn http(mut self, change: impl FnOnce(&mut auto::Builder<Executor>)) -> Self {
        change(&mut self.builder);
        self
    }
}

impl<L: fmt::Debug, S> fmt::Debug for Serve<L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listener", &self.listener)
            .field("grace", &self.grace)
            .field("limits", &self.limits)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

impl<L, S, B> IntoFuture for Serve<L, S>
where
    L: Listener,
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self))
    }
}

/// Where a request came from, as an extension of the request.
///
/// # Examples
/// ```
/// use simoom::http::Peer;
///
/// fn who(request: &hyper::Request<hyper::body::Incoming>) -> Option<std::net::SocketAddr> {
///     let peer = request.extensions().get::<Peer<std::net::SocketAddr>>()?;
///     Some(peer.0)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer<A>(pub A);

async fn run<L, S, B>(server: Serve<L, S>) -> io::Result<()>
where
    L: Listener,
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let Serve {
        mut listener,
        service,
        builder,
        mut shutdown,
        grace,
        limits,
        max_connections,
    } = server;
    let mut connections = Connections::default();
    loop {
        let accepting = async {
            connections.below(max_connections).await;
            listener.accept().await
        };
        let accepted = crate::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accepting => accepted,
        };
        let (stream, addr) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(_) => {
                crate::select! {
                    biased;
                    () = &mut shutdown => break,
                    () = sleep(BACK_OFF) => continue,
                }
            }
        };
        let requests = Requests::new(limits);
        let service = Watched {
            inner: TowerToHyperService::new(service.clone()),
            peer: Peer(addr),
            requests: Arc::clone(&requests),
        };
        let stream = Noted::new(stream, Arc::downgrade(&requests));
        let connection = builder
            .serve_connection_with_upgrades(Io::new(stream), service)
            .into_owned();
        let place = connections.place();
        let task = crate::spawn(drive(connection, Arc::clone(&requests), place));
        connections.add(task.abort_handle(), requests);
    }
    drop(listener);
    let Some(grace) = grace else {
        connections.finish().await;
        return Ok(());
    };
    if timeout(grace, connections.finish()).await.is_ok() {
        return Ok(());
    }
    let cut_off = connections.abort();
    if cut_off == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("{cut_off} connections were cut off: their requests took longer than {grace:?}"),
    ))
}

/// Serves one connection until it ends or takes too long.
async fn drive<C: GracefulConnection>(connection: C, requests: Arc<Requests>, place: Place) {
    let mut connection = pin!(connection);
    let mut was_asked = false;
    loop {
        let is_due = || {
            let is_asked = !was_asked && place.is_asked_to_finish();
            is_asked || requests.overdue().is_some()
        };
        crate::select! {
            biased;
            // What went wrong with a connection is its client's business, who knows.
            _ = connection.as_mut() => return,
            // This asks no budget: the connection may spend all of it in every poll, and what waits
            // below would never get its turn.
            () = poll_fn(|_| if is_due() { Poll::Ready(()) } else { Poll::Pending }) => {}
            () = place.asked_to_finish(), if !was_asked => {}
            () = requests.until_overdue() => {}
        }
        if !was_asked && place.is_asked_to_finish() {
            was_asked = true;
            requests.stop();
            connection.as_mut().graceful_shutdown();
        }
        match requests.overdue() {
            None => {}
            Some(Overdue::Cut) => return,
            Some(Overdue::Close) => {
                requests.close();
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
