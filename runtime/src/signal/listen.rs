//! How often a signal came, and waiting for the next.

use std::io;
use std::panic::Location;
use std::task::{Context, Poll, ready};

use crate::backend::{Op, OpKind, SignalWait};
use crate::context;
use crate::coop::proceed;

/// How often `signal` came so far; from now on it does no longer what it does by default.
pub(super) fn count(signal: i32) -> io::Result<u64> {
    context::with_current(|backend| match backend {
        Some(backend) => backend.signal_count(signal),
        None => Err(outside()),
    })
}

/// Waits until `signal` came more than `seen` times; returns how often it came.
pub(super) fn poll_count(
    cx: &mut Context<'_>,
    signal: i32,
    seen: u64,
    wait: &mut Option<SignalWait>,
    site: &'static Location<'static>,
) -> Poll<io::Result<u64>> {
    let progress = ready!(proceed(cx, &Op::private(OpKind::Signal, site)));
    let polled = context::with_current(|backend| match backend {
        Some(backend) => backend.poll_signal(cx, signal, seen, wait).map(Ok),
        None => Poll::Ready(Err(outside())),
    });
    let count = ready!(polled);
    progress.done();
    *wait = None;
    Poll::Ready(count)
}

fn outside() -> io::Error {
    io::Error::other(
        "there is no simoom runtime here: listen for signals inside `Runtime::block_on`, \
         `#[simoom::main]` or `#[simoom::test]`",
    )
}
