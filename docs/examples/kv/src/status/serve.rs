//! The listener for those who look.
//!
//! Owns how many may look, how often and for how long: whoever does must not keep a client of the
//! data waiting.

use std::convert::Infallible;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use simoom::http;
use simoom::net::TcpListener;
use simoom::sync::oneshot;
use simoom::task::JoinHandle;
use simoom::time::{Instant, sleep_until};
use tower_service::Service;

use super::answers::answer;
use crate::shared::Shared;

/// A status server that runs. Dropped, it closes its listener at once and its connections soon.
#[derive(Debug)]
pub(crate) struct Status {
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Status {
    /// Serves those who look, from now on.
    pub(crate) fn start(listener: TcpListener, shared: Arc<Shared>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let service = Answers {
            shared,
            pace: Arc::default(),
        };
        let server = http::serve(listener, service)
            .header_read_timeout(HEAD_MAX)
            .idle_timeout(IDLE_MAX)
            .request_timeout(ANSWER_MAX)
            .max_connections(CONNECTIONS_MAX)
            .http(|http| {
                http.http1().max_buf_size(HEAD_BYTES_MAX);
                http.http2()
                    .max_concurrent_streams(STREAMS_MAX)
                    .max_header_list_size(HEAD_BYTES_MAX as u32);
            })
            .shutdown(async { drop(stopped.await) })
            .grace(GRACE);
        Self {
            stop,
            task: simoom::spawn(server.into_future()),
        }
    }

    /// Answers who has asked, and closes; within a second or so.
    ///
    /// # Cancel safety
    /// Dropped, it goes on without being waited for.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "status.connections.cut"),
            Err(error) => tracing::warn!(%error, "status.failed"),
        }
    }
}

/// Answers requests, each when it is its turn.
#[derive(Clone, Debug)]
struct Answers {
    shared: Arc<Shared>,
    pace: Arc<Pace>,
}

impl Service<Request<Incoming>> for Answers {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let Self { shared, pace } = self.clone();
        Box::pin(async move {
            pace.turn().await;
            Ok(answer(request, shared).await)
        })
    }
}

/// Lets requests through at a distance, so that those who ask all the time take up little of the
/// one thread that serves everyone.
#[derive(Debug, Default)]
struct Pace {
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Waits for the next turn.
    ///
    /// # Cancel safety
    /// Dropped, its turn goes unused.
    async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + DISTANCE);
            turn
        };
        sleep_until(turn).await;
    }
}

/// How long it takes at least from one answer to the next.
const DISTANCE: Duration = Duration::from_millis(20);

/// How many connections there may be; further ones wait.
const CONNECTIONS_MAX: usize = 16;

/// How many requests of one connection of HTTP/2 may be under way.
const STREAMS_MAX: u32 = 4;

/// How long a client may take to ask, and how many bytes it may take for it.
const HEAD_MAX: Duration = Duration::from_secs(5);

const HEAD_BYTES_MAX: usize = 16 << 10;

/// How long it may take to give an answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How long a connection is kept for another request: a little longer than the usual distance
/// between two looks of Prometheus.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// How long answers may take when the server stops.
const GRACE: Duration = Duration::from_secs(1);
