//! The requests of one connection.
//!
//! Owns since when a connection waits for a request, or works at one, what counts as progress, and
//! when that is too long. Knows nothing of how a connection is closed.
//!
//! ```text
//!           begin                drop of the last Running
//!   [fresh] ──────▶ [at work] ◀───────────────────────────▶ [idle]
//!      │ header         │ request           begin              │ idle
//!      ▼                ▼                                      ▼
//!     Cut              Cut                                   Close
//!
//!   After close, and after stop if it was fresh then:
//!
//!                        drop of the last Running
//!   Cut ◀── [at work] ◀───────────────────────────▶ [taking leave] ──▶ Cut
//!    request                      begin                        FAREWELL
//! ```
//!
//! What is written, or read once there was a tunnel, lets the times of idle and of taking leave
//! start anew.
//!
//! # Invariants
//! 1. A request that runs is under the limit of requests alone, also while the connection takes
//!    leave.
//! 2. Before the first request nothing is progress: a client that only pings has not begun.

use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use hyper::service::Service;
use hyper::{Method, Request, Response, Version};
use pin_project_lite::pin_project;

use super::serve::Peer;
use crate::sync::Notify;
use crate::time::{Instant, sleep_until};

/// How long a connection may take to be closed in good order while nothing moves.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long a client may take for something; for ever where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// From the start of the connection until its first request has begun.
    pub(super) header: Option<Duration>,
    /// From the end of a request, or from the last progress if that is later, until another has
    /// begun.
    pub(super) idle: Option<Duration>,
    /// From the beginning of a request to its end.
    pub(super) request: Option<Duration>,
}

/// What is to become of a connection that takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// It is idle, and closed in good order.
    Close,
    Cut,
}

/// The requests of one connection. One begins when its head was read, and ends when its response
/// was handed to what writes it.
#[derive(Debug)]
pub(super) struct Requests {
    limits: Limits,
    state: Mutex<State>,
    /// It is overdue earlier than its watcher knows.
    earlier: Notify,
}

#[derive(Debug)]
struct State {
    /// Those that have not ended, the oldest first.
    running: VecDeque<(u64, Instant)>,
    begun: u64,
    /// When the last one ended or bytes made progress, or the connection began.
    since: Instant,
    /// One of them became a stream of its own within the connection, which HTTP/2 alone has.
    has_tunnel: bool,
    /// Since when the connection takes leave.
    leaving: Option<Instant>,
    /// When the watcher looks again; `None` if it waits to be told.
    watched_until: Option<Instant>,
}

impl Requests {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::new(State {
                running: VecDeque::new(),
                begun: 0,
                since: Instant::now(),
                has_tunnel: false,
                leaving: None,
                watched_until: None,
            }),
            earlier: Notify::new(),
        })
    }

    /// What is to become of the connection if it takes too long as of now. Asks no budget.
    pub(super) fn overdue(&self) -> Option<Overdue> {
        let (at, overdue) = self.state().due(&self.limits)?;
        (at <= Instant::now()).then_some(overdue)
    }

    /// Waits until the client has taken too long.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(super) async fn until_overdue(&self) {
        loop {
            let due = {
                let mut state = self.state();
                let due = state.due(&self.limits).map(|(at, _)| at);
                state.watched_until = due;
                due
            };
            match due {
                None => self.earlier.notified().await,
                Some(at) if at <= Instant::now() => return,
                Some(at) => {
                    crate::select! {
                        biased;
                        () = self.earlier.notified() => {}
                        () = sleep_until(at) => {}
                    }
                }
            }
        }
    }

    /// Whether there was a request.
    pub(super) fn have_begun(&self) -> bool {
        self.state().begun > 0
    }

    /// The connection is being closed because it was [`Overdue::Close`].
    pub(super) fn close(&self) {
        self.state().leaving.get_or_insert_with(Instant::now);
    }

    /// The server stops. A client that has yet to ask for something has little time left for that;
    /// the others keep theirs.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        if state.begun == 0 {
            state.leaving.get_or_insert_with(Instant::now);
        }
    }

    /// Bytes were written, which only happens as fast as the client takes them.
    pub(super) fn wrote(&self) {
        self.state().progressed();
    }

    /// Bytes were read. They are no progress of requests, of which a client could send one byte at
    /// a time, but of what runs in a tunnel.
    pub(super) fn read(&self) {
        let mut state = self.state();
        if state.has_tunnel {
            state.progressed();
        }
    }

    fn begin(self: &Arc<Self>) -> Running {
        let mut state = self.state();
        let id = state.begun;
        state.begun += 1;
        state.running.push_back((id, Instant::now()));
        self.tell(state);
        Running {
            id,
            requests: Arc::clone(self),
        }
    }

    /// Wakes the watcher if it would look too late. What is due later than it knows can wait until
    /// it looks, so that not every request arms a timer.
    fn tell(&self, state: MutexGuard<'_, State>) {
        let due = state.due(&self.limits);
        let is_earlier = match (due, state.watched_until) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some((at, _)), Some(watched)) => at < watched,
        };
        drop(state);
        if is_earlier {
            self.earlier.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn progressed(&mut self) {
        // Invariant 2.
        if self.begun > 0 {
            self.since = Instant::now();
        }
    }

    /// When the connection is overdue as it is now.
    fn due(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        let (since, limit, overdue) = match (self.running.front(), self.leaving) {
            (Some((_, began)), _) => (*began, limits.request, Overdue::Cut),
            (None, Some(leaving)) => (leaving.max(self.since), Some(FAREWELL), Overdue::Cut),
            (None, None) if self.begun == 0 => (self.since, limits.header, Overdue::Cut),
            (None, None) => (self.since, limits.idle, Overdue::Close),
        };
        let at = since.checked_add(limit?)?;
        Some((at, overdue))
    }
}

/// A request that has begun, until it is dropped.
#[derive(Debug)]
pub(super) struct Running {
    id: u64,
    requests: Arc<Requests>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.requests.state();
        state.running.retain(|(id, _)| *id != self.id);
        if state.running.is_empty() {
            state.since = Instant::now();
        }
        self.requests.tell(state);
    }
}

/// A service that says where requests came from, and notes when they begin and end.
///
/// It is one of hyper, whose call comes with the head: a service of tower may have to wait until it
/// is ready before it is called.
#[derive(Clone, Debug)]
pub(super) struct Watched<S, A> {
    pub(super) inner: S,
    pub(super) peer: Peer<A>,
    pub(super) requests: Arc<Requests>,
}

impl<S, A, In, Out> Service<Request<In>> for Watched<S, A>
where
    S: Service<Request<In>, Response = Response<Out>>,
    A: Clone + Send + Sync + 'static,
{
    type Response = Response<WatchedBody<Out>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn call(&self, mut request: Request<In>) -> Self::Future {
        request.extensions_mut().insert(self.peer.clone());
        let is_for_tunnel =
            request.version() == Version::HTTP_2 && request.method() == Method::CONNECT;
        Answering {
            running: Some(self.requests.begin()),
            is_for_tunnel,
            inner: self.inner.call(request),
        }
    }
}

pin_project! {
    /// An answer that is being found.
    pub(super) struct Answering<F> {
        #[pin]
        inner: F,
        running: Option<Running>,
        is_for_tunnel: bool,
    }
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<WatchedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let running = this.running.take();
        if let Some(running) = &running
            && *this.is_for_tunnel
            && response.status().is_success()
        {
            running.requests.state().has_tunnel = true;
        }
        Poll::Ready(Ok(response.map(|inner| WatchedBody {
            inner,
            _running: running,
        })))
    }
}

pin_project! {
    /// The body of a response, whose request ends with it.
    pub(super) struct WatchedBody<B> {
        #[pin]
        inner: B,
        _running: Option<Running>,
    }
}

impl<B> Body for WatchedBody<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
