//! The way from a handle into its world.
//!
//! Knows nothing of what a handle names.

use std::io;

use crate::backend::SimBackend;
use crate::checkers::leaks::Leak;
use crate::world::net::os;

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

/// As [`inside`], also where what an ended process had open is dropped: to close it.
pub(super) fn inside_to_close(world: u64, f: impl FnOnce(&SimBackend)) {
    SimBackend::current(|backend| {
        if let Some(backend) = backend.filter(|it| it.id() == world && it.closes()) {
            f(backend);
        }
    });
}

/// Enters what the running task has made into the books of what programs hold; its number there.
pub(super) fn enter(world: u64, leak: Leak, what: &'static str) -> u64 {
    let entered = inside(world, |backend| {
        Ok(backend.with(|world| world.enter(leak, what)))
    });
    entered.unwrap_or(0)
}

/// What a socket notes that is bound to an interface, of which every machine has two.
pub(super) fn device(interface: Option<&[u8]>) -> io::Result<Option<Vec<u8>>> {
    match interface {
        None | Some(b"") => Ok(None),
        Some(name @ (b"lo" | b"eth0")) => Ok(Some(name.to_vec())),
        Some(_) => Err(os(libc::ENODEV)),
    }
}

/// Why a handle has no descriptor.
pub(super) fn no_descriptor() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a simulated socket has no counterpart in the operating system",
    )
}
