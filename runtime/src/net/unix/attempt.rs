//! Trying until the outcome is known.

use std::io;
use std::task::{Context, Poll, ready};

use crate::backend::{Direction, Op, Polled};
use crate::coop::proceed;

/// Tries until the outcome is known or there is nothing to do but wait.
pub(super) fn poll_io<T>(
    cx: &mut Context<'_>,
    op: &Op<'_>,
    polled: &dyn Polled,
    direction: Direction,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    let progress = ready!(proceed(cx, op));
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(polled.poll_ready(cx, direction))?;
            }
            outcome => {
                progress.done();
                return Poll::Ready(outcome);
            }
        }
    }
}
