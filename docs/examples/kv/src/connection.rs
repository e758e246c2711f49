//! One connection, from its first byte to its last.
//!
//! Owns the order of reading, answering and sending, and everything that bounds them. Knows
//! nothing of what commands do.
//!
//! ```text
//!  read ──▶ answer all that has arrived ──▶ send ──▶ read …
//!   │              │ QUIT, or not the protocol
//!   │ stop         ▼
//!   └─▶ drain ──▶ close
//! ```
//!
//! # Invariants
//! 1. Nothing is read while replies are unsent, so a client that does not read its replies stops
//!    being served, and costs no more than one request and [`SEND_BYTES`] plus one reply. One that
//!    waits for an element may send as much as one request may take.
//! 2. Replies are sent in the order of their requests, and no reply before what it tells is safe.

use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::time::{Instant, sleep, timeout};

use crate::replication::{Asked, supply};
use crate::resp::{Replies, RequestDecoder};
use crate::session::{Blocked, ForReplicas, Next, Session, WaitEnd, leave_line};
use crate::shared::Shared;
use crate::statistics::Reply;

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug)]
enum Then {
    Continue,
    Close,
    /// It is that of a replica.
    Supply(Asked),
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    decoder: RequestDecoder,
    replies: Replies,
    session: Session,
    shared: Arc<Shared>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, id: u64, shared: Arc<Shared>) -> Self {
        Self {
            stream,
            decoder: RequestDecoder::new(shared.config.limits),
            replies: Replies::new(),
            session: Session::new(id),
            shared,
        }
    }

    /// Serves the client until it leaves, breaks the protocol or falls silent, or until the server
    /// stops.
    ///
    /// # Errors
    /// What the socket reports; `TimedOut` after the idle limit.
    ///
    /// # Cancel safety
    /// Dropped, it closes the connection at once; replies that were not sent are lost.
    pub(crate) async fn serve(mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let mut stop = pin!(shared.stop.requested());
        loop {
            let received = simoom::select! {
                biased;
                () = &mut stop => {
                    self.drain().await?;
                    break;
                }
                received = self.receive() => received?,
            };
            if received == 0 {
                return Ok(());
            }
            match self.answer_all().await? {
                Then::Continue => {}
                Then::Close => break,
                // A replica shows that it lives before it has its answer.
                Then::Supply(asked) => {
                    let rest = self.decoder.into_rest();
                    return supply(self.stream, asked, rest, &shared).await;
                }
            }
        }
        self.close().await
    }

    /// Answers all requests that have arrived as a whole, and sends the answers.
    async fn answer_all(&mut self) -> io::Result<Then> {
        let statistics = &Arc::clone(&self.shared).statistics;
        let mut answered = 0;
        let mut start = Instant::now();
        let mut then = Then::Continue;
        while matches!(then, Then::Continue) {
            let next = match self.decoder.next_request() {
                Ok(None) => break,
                Ok(Some(args)) => {
                    answered += 1;
                    let session = &mut self.session;
                    let replies = &mut self.replies;
                    let before = replies.len();
                    let next = session.answer(args, &self.shared, replies).await;
                    let now = Instant::now();
                    let reply = Reply::of(&replies.as_bytes()[before..]);
                    statistics.answered(args, reply, now - start);
                    start = now;
                    next
                }
                Err(error) => {
                    tracing::debug!(%error, "connection.request.malformed");
                    self.replies.error(format_args!("ERR {error}"));
                    Next::Close
                }
            };
            match next {
                Next::Continue => {}
                Next::Close => then = Then::Close,
                Next::Block(blocked) => {
                    if let Err(error) = self.send().await {
                        leave_line(blocked.number, &self.shared).await;
                        return Err(error);
                    }
                    then = self.wait(blocked).await;
                    start = Instant::now();
                }
                Next::Wait(replicas) => {
                    self.send().await?;
                    then = self.wait_for_replicas(replicas).await;
                    start = Instant::now();
                }
                Next::Tell(tellings) => {
                    // Who follows does not wait for what it has done itself.
                    self.wait_until_safe().await?;
                    let (shared, replies) = (&self.shared, &mut self.replies);
                    self.session.tell_all(tellings, shared, replies).await;
                    start = Instant::now();
                }
                Next::Supply(asked) => then = Then::Supply(asked),
            }
            if self.replies.len() >= SEND_BYTES {
                self.send().await?;
                start = Instant::now();
            }
        }
        statistics.requests_answered.add(answered);
        self.send().await?;
        Ok(then)
    }

    /// Waits for an element of a list, as long as the client and the server are there.
    async fn wait(&mut self, mut blocked: Blocked) -> Then {
        let shared = Arc::clone(&self.shared);
        let _blocked = shared.statistics.clients_blocked.raise();
        let ahead_max = self.shared.config.limits.request_bytes_max;
        let timeout = async {
            match blocked.timeout {
                Some(timeout) => sleep(timeout).await,
                None => pending().await,
            }
        };
        let (end, then) = simoom::select! {
            biased;
            popped = &mut blocked.element => match popped {
                Ok(popped) => (WaitEnd::Popped(popped), Then::Continue),
                Err(_) => (WaitEnd::Dismissed, Then::Close),
            },
            () = timeout => (WaitEnd::Nothing, Then::Continue),
            () = self.shared.stop.requested() => (WaitEnd::Nothing, Then::Close),
            () = gone(&mut self.stream, &mut self.decoder, ahead_max) => {
                (WaitEnd::Nothing, Then::Close)
            }
        };
        // An element that comes at the last moment is taken off its list already.
        blocked.element.close();
        let end = match blocked.element.try_recv() {
            Ok(popped) => WaitEnd::Popped(popped),
            Err(_) => end,
        };
        let (shared, replies) = (&self.shared, &mut self.replies);
        let answered = self
            .session
            .answer_blocked(end, blocked.number, shared, replies);
        answered.await;
        then
    }

    /// Waits until replicas have what was written, as long as the client and the server are there.
    async fn wait_for_replicas(&mut self, wait: ForReplicas) -> Then {
        let ahead_max = self.shared.config.limits.request_bytes_max;
        let shared = Arc::clone(&self.shared);
        let replicas = &shared.roles.replicas;
        let reached = async {
            loop {
                // Waiting starts before looking: progress in between is not missed.
                let acknowledged = replicas.acknowledged();
                // At a replica nobody waits: nobody will acknowledge anything.
                let is_replica = shared.roles.is_replica();
                if is_replica || replicas.reached(wait.offset) >= wait.count {
                    return;
                }
                acknowledged.await;
            }
        };
        let timeout = async {
            match wait.timeout {
                Some(timeout) => sleep(timeout).await,
                None => pending().await,
            }
        };
        let then = simoom::select! {
            biased;
            () = reached => Then::Continue,
            () = timeout => Then::Continue,
            () = shared.stop.requested() => Then::Close,
            () = gone(&mut self.stream, &mut self.decoder, ahead_max) => Then::Close,
        };
        self.session.count_replicas(&shared, &mut self.replies);
        then
    }

    /// Receives some bytes, and returns how many; 0 if the client sends no more.
    async fn receive(&mut self) -> io::Result<usize> {
        let receiving = self.stream.read_buf(self.decoder.space());
        let received = unless_idle(self.shared.config.timeout, receiving).await?;
        self.shared.statistics.input_bytes.add(received as u64);
        Ok(received)
    }

    /// Sends all replies, once what they tell is safe.
    async fn send(&mut self) -> io::Result<()> {
        if self.replies.is_empty() {
            return Ok(());
        }
        self.wait_until_safe().await?;
        let mut unsent = self.replies.as_bytes();
        while !unsent.is_empty() {
            let sending = self.stream.write(unsent);
            let sent = unless_idle(self.shared.config.timeout, sending).await?;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.shared.statistics.output_bytes.add(sent as u64);
            unsent = &unsent[sent..];
        }
        self.replies.clear();
        self.session.were_sent();
        Ok(())
    }

    /// Waits until what the replies tell is safe.
    ///
    /// That takes a moment, or as long as there is no replica which must have it: so a client that
    /// hangs up meanwhile is noticed after a while.
    async fn wait_until_safe(&mut self) -> io::Result<()> {
        let patience = self.shared.config.replica_timeout;
        let ahead_max = self.shared.config.limits.request_bytes_max;
        let positions = self.session.positions();
        let left = async {
            sleep(patience).await;
            gone(&mut self.stream, &mut self.decoder, ahead_max).await;
        };
        simoom::select! {
            biased;
            safe = self.shared.log.reached(positions) => safe,
            () = left => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Answers what was sent before the server stopped: everything that arrives before the client
    /// pauses, but not for ever.
    async fn drain(&mut self) -> io::Result<()> {
        let mut allowed = self.shared.config.limits.request_bytes_max;
        while allowed > 0 {
            let Ok(received) = timeout(PAUSE, self.receive()).await else {
                break;
            };
            let received = received?;
            if received == 0 || !matches!(self.answer_all().await?, Then::Continue) {
                break;
            }
            allowed = allowed.saturating_sub(received);
        }
        Ok(())
    }

    /// Says that there will be no more replies and waits for the client to hang up.
    ///
    /// Closing while bytes of the client are unread would reset the connection, and the client
    /// might never see the last replies.
    async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let leaving = async {
            let mut ignored = vec![0; 16 << 10];
            while self.stream.read(&mut ignored).await? > 0 {}
            Ok(())
        };
        timeout(LINGER, leaving).await.unwrap_or(Ok(()))
    }
}

/// Waits until the client has hung up. What it sends before that is kept for later; one that has
/// sent `ahead_max` bytes is not looked at any more.
///
/// # Cancel safety
/// Safe: what was read is in `decoder`.
async fn gone(stream: &mut TcpStream, decoder: &mut RequestDecoder, ahead_max: usize) {
    while decoder.buffered() < ahead_max {
        if let Ok(0) | Err(_) = stream.read_buf(decoder.space()).await {
            return;
        }
    }
    pending().await
}

/// The outcome of `operation`, or `TimedOut` if it takes longer than `limit`.
async fn unless_idle<T>(
    limit: Option<Duration>,
    operation: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match limit {
        None => operation.await,
        Some(limit) => timeout(limit, operation)
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into())),
    }
}

/// How many bytes of replies are gathered before they are sent.
const SEND_BYTES: usize = 64 << 10;

/// A client that sends nothing for this long has sent what it had to send.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a client may take to hang up after it was told of the end.
const LINGER: Duration = Duration::from_millis(500);
