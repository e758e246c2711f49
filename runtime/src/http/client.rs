//! A client.
//!
//! Owns how a connection for a request is made. Which connection a request takes is for hyper-util.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::body::Body;
use hyper_util::client::legacy::{self, connect};
use tower_service::Service;

use super::{Executor, Io, Timer};
use crate::net::TcpStream;
use crate::time::timeout;

/// A client that keeps connections for later requests, over TCP.
///
/// # Examples
/// See [`client`].
pub type Client<B> = legacy::Client<Connector, B>;

/// A client with hyper-util's defaults: HTTP/1, connections that are kept for 90 s, no timeouts.
///
/// # Examples
/// ```
/// use std::future::IntoFuture;
/// use std::convert::Infallible;
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
/// let listener = simoom::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// let addr = listener.local_addr().unwrap();
/// simoom::spawn(simoom::http::serve(listener, hello).into_future());
///
/// let client = simoom::http::client::<String>();
/// let uri = format!("http://{addr}/").parse().unwrap();
/// let response = client.get(uri).await.unwrap();
/// assert!(response.status().is_success());
/// # });
/// ```
#[must_use]
pub fn client<B>() -> Client<B>
where
    B: Body + Send,
    B::Data: Send,
{
    client_builder().build(Connector::new())
}

/// hyper-util's builder of clients, with this runtime's tasks and clock.
///
/// # Examples
/// ```
/// use simoom::http::{Connector, client_builder};
///
/// let client = client_builder()
///     .http2_only(true)
///     .build::<_, String>(Connector::new());
/// ```
#[must_use]
pub fn client_builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(Executor::new());
    builder.timer(Timer::new()).pool_timer(Timer::new());
    builder
}

/// Connects to the host and the port of a URI over TCP, port 80 if it names none.
///
/// For TLS, wrap it: connect, and shake hands over the stream within.
///
/// # Errors
/// `InvalidInput` for a scheme other than `http`, and without a host; else those of
/// [`TcpStream::connect`]; `TimedOut` when [`timeout`](Self::timeout) is over.
///
/// # Cancel safety
/// A dropped future leaves no connection.
///
/// # Examples
/// See [`client_builder`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Connector {
    timeout: Option<Duration>,
    any_scheme: bool,
}

impl Connector {
    /// A connector that waits for as long as the operating system does.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            timeout: None,
            any_scheme: false,
        }
    }

    /// How long looking up the name and connecting may take together; for ever by default.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Connects for schemes other than `http` too, for a wrapper that speaks TLS; port 443 is the
    /// default of `https` then.
    #[must_use]
    pub const fn any_scheme(mut self) -> Self {
        self.any_scheme = true;
        self
    }

    fn target(self, uri: &Uri) -> io::Result<(String, u16)> {
        let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text);
        let scheme = uri.scheme_str().unwrap_or("http");
        if scheme != "http" && !self.any_scheme {
            return Err(invalid("the scheme of the URI is not http"));
        }
        let host = uri.host().ok_or_else(|| invalid("the URI has no host"))?;
        // An IPv6 address stands in brackets there.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let default = if scheme == "https" { 443 } else { 80 };
        Ok((host.to_owned(), uri.port_u16().unwrap_or(default)))
    }
}

impl Service<Uri> for Connector {
    type Response = Io<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Io<TcpStream>>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (target, limit) = (self.target(&uri), self.timeout);
        Box::pin(async move {
            let (host, port) = target?;
            let connecting = TcpStream::connect((host, port));
            let stream = match limit {
                Some(limit) => timeout(limit, connecting)
                    .await
                    .map_err(|_| io::ErrorKind::TimedOut)??,
                None => connecting.await?,
            };
            stream.set_nodelay(true)?;
            Ok(Io::new(stream))
        })
    }
}

impl connect::Connection for Io<TcpStream> {
    fn connected(&self) -> connect::Connected {
        connect::Connected::new()
    }
}
