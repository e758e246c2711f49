//! Waiting until a socket can be tried.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::backend::{Direction, Op, OpKind, Polled};
use crate::coop::proceed;
use crate::net::{Interest, Ready};

/// The future of `ready` of the sockets in this module.
///
/// # Examples
/// ```
/// use simoom::net::{Interest, UnixStream};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (one, _two) = UnixStream::pair().unwrap();
/// assert!(one.ready(Interest::WRITABLE).await.unwrap().is_writable());
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct ReadyFor<'a> {
    polled: &'a dyn Polled,
    interest: Interest,
    site: &'static Location<'static>,
}

impl<'a> ReadyFor<'a> {
    pub(super) fn new(
        polled: &'a dyn Polled,
        interest: Interest,
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            polled,
            interest,
            site,
        }
    }
}

impl Future for ReadyFor<'_> {
    type Output = io::Result<Ready>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll_ready_for(cx, self.polled, self.interest, self.site)
    }
}

impl fmt::Debug for ReadyFor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyFor")
            .field("interest", &self.interest)
            .finish_non_exhaustive()
    }
}

/// The future of `readable` of the sockets in this module.
///
/// # Examples
/// See [`UnixStream::readable`](super::UnixStream::readable).
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Readable<'a>(pub(super) ReadyFor<'a>);

impl Future for Readable<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(drop)
    }
}

/// The future of `writable` of the sockets in this module.
///
/// # Examples
/// See [`UnixStream::writable`](super::UnixStream::writable).
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Writable<'a>(pub(super) ReadyFor<'a>);

impl Future for Writable<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(drop)
    }
}

fn poll_ready_for(
    cx: &mut Context<'_>,
    polled: &dyn Polled,
    interest: Interest,
    site: &'static Location<'static>,
) -> Poll<io::Result<Ready>> {
    let (kind, direction) = if interest.is_readable() {
        (OpKind::Read, Direction::Read)
    } else {
        (OpKind::Write, Direction::Write)
    };
    let op = Op::read(kind, polled.resource(direction), site);
    let progress = ready!(proceed(cx, &op));
    let mut ready = Ready::EMPTY;
    if interest.is_readable()
        && let Poll::Ready(readable) = polled.poll_ready(cx, Direction::Read)
    {
        readable?;
        ready |= Ready::READABLE;
        if polled.closed().read {
            ready |= Ready::READ_CLOSED;
        }
    }
    if interest.is_writable()
        && let Poll::Ready(writable) = polled.poll_ready(cx, Direction::Write)
    {
        writable?;
        ready |= Ready::WRITABLE;
        if polled.closed().write {
            ready |= Ready::WRITE_CLOSED;
        }
    }
    if ready.is_empty() {
        return Poll::Pending;
    }
    progress.done();
    Poll::Ready(Ok(ready))
}

/// Calls `attempt` if one of `interest` may be tried.
pub(super) fn try_io<R>(
    polled: &dyn Polled,
    interest: Interest,
    attempt: impl FnOnce() -> io::Result<R>,
) -> io::Result<R> {
    let mut attempt = Some(attempt);
    let mut value = None;
    polled.try_io(interest.directions(), &mut || {
        let attempt = attempt.take().expect("an attempt is made once");
        value = Some(attempt()?);
        Ok(())
    })?;
    Ok(value.expect("an attempt that succeeded has a value"))
}

/// Calls `attempt` whenever one of `interest` may be tried, until it would not block.
pub(super) async fn async_io<R>(
    polled: &dyn Polled,
    interest: Interest,
    mut attempt: impl FnMut() -> io::Result<R>,
    site: &'static Location<'static>,
) -> io::Result<R> {
    loop {
        ReadyFor::new(polled, interest, site).await?;
        match try_io(polled, interest, &mut attempt) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
}
