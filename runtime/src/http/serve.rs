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
//!   Ok: all have finished       TimedOut: the rest was aborted
//! ```

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture, pending};
use std::io;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tower_service::Service;

use super::{Executor, Io, Listener, Timer};
use crate::net::is_of_one_connection;
use crate::task::AbortHandle;
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
/// # Errors
/// When the time of [`grace`](Serve::grace) is over before all requests are. Errors of accepting
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
    builder.http1().timer(Timer::new());
    builder.http2().timer(Timer::new());
    Serve {
        listener,
        service,
        builder,
        shutdown: Box::pin(pending()),
        grace: None,
    }
}

/// A server that is yet to be awaited; see [`serve`].
///
/// # Examples
/// See [`serve`].
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<L, S> {
    listener: L,
    service: S,
    builder: auto::Builder<Executor>,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
    grace: Option<Duration>,
}

impl<L, S> Serve<L, S> {
    /// Stops when `signal` is ready: no connection is accepted any more, idle ones are closed,
    /// requests that have begun are answered, and then the server is done.
    pub fn shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Box::pin(signal);
        self
    }

    /// How long requests that have begun may take after the signal of
    /// [`shutdown`](Self::shutdown); for ever by default. What is left then is cut off.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// The limits and timeouts of HTTP, such as `serve(…).http(|http| { http.http2_only(); })`.
    ///
    /// The timers are set already, and the defaults are hyper's: a request's head may take 30 s.
    /// A client that sends nothing at all, or less than tells which version of HTTP it speaks, is
    /// not timed.
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
    } = server;
    let graceful = GracefulShutdown::new();
    let mut connections = Connections::default();
    loop {
        let accepted = crate::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
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
        let service = TowerToHyperService::new(WithPeer {
            inner: service.clone(),
            peer: Peer(addr),
        });
        let connection = builder
            .serve_connection_with_upgrades(Io::new(stream), service)
            .into_owned();
        let connection = graceful.watch(connection);
        let task = crate::spawn(async move {
            // What went wrong with a connection is its client's business, who knows.
            let _ = connection.await;
        });
        connections.add(task.abort_handle());
    }
    drop(listener);
    let finished = graceful.shutdown();
    let Some(grace) = grace else {
        finished.await;
        return Ok(());
    };
    if timeout(grace, finished).await.is_ok() {
        return Ok(());
    }
    let cut_off = connections.abort();
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("{cut_off} connections were cut off: their requests took longer than {grace:?}"),
    ))
}

/// The tasks of a server's connections.
#[derive(Debug, Default)]
struct Connections {
    tasks: Vec<AbortHandle>,
    /// How many there are to be before those that have ended are looked for.
    full: usize,
}

impl Connections {
    fn add(&mut self, task: AbortHandle) {
        const FEW: usize = 32;
        if self.tasks.len() >= self.full.max(FEW) {
            self.tasks.retain(|task| !task.is_finished());
            self.full = self.tasks.len() * 2;
        }
        self.tasks.push(task);
    }

    /// Ends those that have not ended, and says how many those were.
    fn abort(&mut self) -> usize {
        self.tasks.retain(|task| !task.is_finished());
        for task in &self.tasks {
            task.abort();
        }
        self.tasks.len()
    }
}

/// A service that says where requests came from.
#[derive(Clone, Debug)]
struct WithPeer<S, A> {
    inner: S,
    peer: Peer<A>,
}

impl<S, A, B> Service<Request<B>> for WithPeer<S, A>
where
    S: Service<Request<B>>,
    A: Clone + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(self.peer.clone());
        self.inner.call(request)
    }
}
