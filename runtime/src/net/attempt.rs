//! Attempts on a socket: again and again until the outcome is known, or once.
//!
//! Owns the loop around an attempt. Knows nothing of what is attempted.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::readiness::ReadyFor;
use super::ready::Interest;
use crate::backend::{Direction, Op, OpKind, Polled, ReadBytes, Seat, WriteBytes};
use crate::coop::proceed;
use crate::io::ReadBuf;

/// Tries until the outcome is known or there is nothing to do but wait, in `seat` if there is one.
pub(super) fn poll_io<T, P: Polled + ?Sized>(
    cx: &mut Context<'_>,
    op: &Op<'_>,
    polled: &P,
    direction: Direction,
    mut seat: Option<&mut Seat>,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    let progress = ready!(proceed(cx, op));
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(polled.poll_ready(cx, direction, seat.as_deref_mut()))?;
            }
            outcome => {
                progress.done_with(&outcome);
                return Poll::Ready(outcome);
            }
        }
    }
}

/// Reads once there is something.
pub(super) fn poll_read<S: ReadBytes + ?Sized>(
    stream: &S,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
    site: &'static Location<'static>,
) -> Poll<io::Result<()>> {
    // The kernel would let an empty read wait for bytes.
    if buf.remaining() == 0 {
        return Poll::Ready(Ok(()));
    }
    let op = Op::write(OpKind::Read, stream.resource(Direction::Read), site);
    let attempt = || stream.try_read(buf);
    poll_io(cx, &op, stream, Direction::Read, None, attempt).map_ok(drop)
}

/// Writes once there is room.
pub(super) fn poll_write<S: WriteBytes + ?Sized>(
    stream: &S,
    cx: &mut Context<'_>,
    bytes: &[u8],
    site: &'static Location<'static>,
) -> Poll<io::Result<usize>> {
    let op = write_op(stream, site);
    poll_io(cx, &op, stream, Direction::Write, None, || {
        stream.try_write(bytes)
    })
}

/// As [`poll_write`], from several buffers.
pub(super) fn poll_write_vectored<S: WriteBytes + ?Sized>(
    stream: &S,
    cx: &mut Context<'_>,
    parts: &[IoSlice<'_>],
    site: &'static Location<'static>,
) -> Poll<io::Result<usize>> {
    let op = write_op(stream, site);
    poll_io(cx, &op, stream, Direction::Write, None, || {
        stream.try_write_vectored(parts)
    })
}

/// Ends sending, by `end`, when it is the task's turn.
pub(super) fn poll_shutdown<S: WriteBytes + ?Sized>(
    stream: &S,
    cx: &mut Context<'_>,
    site: &'static Location<'static>,
    end: impl FnOnce() -> io::Result<()>,
) -> Poll<io::Result<()>> {
    let progress = ready!(proceed(cx, &write_op(stream, site)));
    let result = end();
    progress.done_with(&result);
    Poll::Ready(result)
}

fn write_op<'a, S: WriteBytes + ?Sized>(stream: &'a S, site: &'static Location<'static>) -> Op<'a> {
    Op::write(OpKind::Write, stream.resource(Direction::Write), site)
}

/// Starts to connect, and waits for the outcome.
pub(super) async fn connected<S: Polled + ?Sized>(
    site: &'static Location<'static>,
    start: impl FnOnce() -> io::Result<Arc<S>>,
) -> io::Result<Arc<S>> {
    let op = Op::private(OpKind::Connect, site);
    let (mut start, mut started) = (Some(start), None);
    poll_fn(|cx| {
        let progress = ready!(proceed(cx, &op));
        if let Some(start) = start.take() {
            started = Some(start()?);
        }
        let stream: &Arc<S> = started
            .as_ref()
            .expect("a failed start is not polled again");
        ready!(stream.poll_ready(cx, Direction::Write, None))?;
        progress.done();
        Poll::Ready(Ok::<(), io::Error>(()))
    })
    .await?;
    let stream = started.expect("the poll above has started the connection");
    match stream.take_error()? {
        Some(error) => Err(error),
        None => Ok(stream),
    }
}

/// Calls `attempt` if one of `interest` may be tried.
///
/// The seam takes a closure that may be called often, and has no place for what it returns.
pub(crate) fn try_io<R>(
    polled: &dyn Polled,
    interest: Interest,
    attempt: impl FnOnce() -> io::Result<R>,
) -> io::Result<R> {
    let mut attempt = Some(attempt);
    let mut value = None;
    polled.try_io(interest.directions(), &mut || {
        let attempt = attempt.take().expect("the seam makes one attempt");
        value = Some(attempt()?);
        Ok(())
    })?;
    Ok(value.expect("an attempt that succeeded has left its result"))
}

/// Calls `attempt` whenever one of `interest` may be tried, until it would not block.
pub(super) async fn async_io<R>(
    ready: ReadyFor<'_>,
    mut attempt: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    let (polled, interest) = (ready.polled(), ready.interest);
    loop {
        ready.again().await?;
        match try_io(polled, interest, &mut attempt) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
}
