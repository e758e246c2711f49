//! What all handles do.
//!
//! Owns the way from a handle into its world. Knows nothing of what a handle names.

use std::io;
use std::task::Waker;

use simoom::backend::Direction;

use crate::backend::SimBackend;

/// Runs `f` in the world `world`, if this thread is inside it and the caller's node lives.
pub(super) fn inside<R>(world: u64, f: impl FnOnce(&SimBackend) -> io::Result<R>) -> io::Result<R> {
    SimBackend::current(
        |backend| match backend.filter(|backend| backend.id() == world) {
            Some(backend) if !backend.is_dead() => f(backend),
            _ => Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the socket's node was killed or its simulation ended",
            )),
        },
    )
}

/// Keeps `waker` unless an equal one is kept; returns the one that is not needed.
pub(crate) fn keep_waker(wakers: &mut Vec<Waker>, waker: Waker) -> Option<Waker> {
    if wakers.iter().any(|kept| kept.will_wake(&waker)) {
        return Some(waker);
    }
    wakers.push(waker);
    None
}

/// Calls `attempt` if one of `directions` is ready, and has those that are noted if it would block.
pub(super) fn try_ready(
    directions: &[Direction],
    attempt: &mut dyn FnMut() -> io::Result<()>,
    is_ready: impl Fn(Direction) -> io::Result<bool>,
    block: impl Fn(Direction) -> io::Result<()>,
) -> io::Result<()> {
    let mut ready = Vec::new();
    for &direction in directions {
        if is_ready(direction)? {
            ready.push(direction);
        }
    }
    if ready.is_empty() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let result = attempt();
    if let Err(error) = &result
        && error.kind() == io::ErrorKind::WouldBlock
    {
        for direction in ready {
            block(direction)?;
        }
    }
    result
}

/// Why a handle has no descriptor.
pub(super) fn no_descriptor() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a simulated socket has no counterpart in the operating system",
    )
}
