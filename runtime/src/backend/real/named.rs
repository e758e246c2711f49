//! What all sockets and pipes of the real world share.
//!
//! Owns a descriptor with the names of its two directions. Knows nothing of what is transported.

use std::io;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use super::shared::Shared;
use super::watched::Watched;
use crate::backend::{Direction, Resource};

/// A watched descriptor, and the names of its directions.
pub(super) struct Named<S: AsRawFd> {
    watched: Watched<S>,
    reading: Resource,
    writing: Resource,
}

impl<S: AsRawFd> Named<S> {
    pub(super) fn new(io: S, shared: Arc<Shared>, readiness: usize) -> io::Result<Self> {
        Ok(Self {
            watched: Watched::new(io, shared, readiness)?,
            reading: Resource::new(),
            writing: Resource::new(),
        })
    }

    /// As [`new`](Self::new), for a descriptor of a socket that came from outside: whoever gave it
    /// away may have kept another one.
    pub(super) fn adopted(io: S, shared: Arc<Shared>, readiness: usize) -> io::Result<Self> {
        let this = Self::new(io, shared, readiness)?;
        this.watched.note_twin();
        Ok(this)
    }

    pub(super) fn resource(&self, direction: Direction) -> &Resource {
        match direction {
            Direction::Write => &self.writing,
            Direction::Read | Direction::Error | Direction::Priority => &self.reading,
        }
    }
}

impl<S: AsRawFd> Deref for Named<S> {
    type Target = Watched<S>;

    fn deref(&self) -> &Watched<S> {
        &self.watched
    }
}

/// Makes a type with the field `socket` a [`Polled`](crate::backend::Polled).
macro_rules! polled {
    ($type:ty) => {
        $crate::backend::real::named::polled!($type, |this| this.socket.io().take_error());
    };
    ($type:ty, |$this:ident| $error:expr) => {
        impl $crate::backend::Polled for $type {
            fn poll_ready(
                &self,
                cx: &mut std::task::Context<'_>,
                direction: $crate::backend::Direction,
                seat: Option<&mut $crate::backend::Seat>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.socket.poll_ready(cx, direction, seat)
            }

            fn leave(&self, seat: &mut $crate::backend::Seat) {
                self.socket.leave(seat);
            }

            fn try_io(
                &self,
                directions: &[$crate::backend::Direction],
                attempt: &mut dyn FnMut() -> std::io::Result<()>,
            ) -> std::io::Result<()> {
                self.socket.try_io(directions, attempt)
            }

            fn signs(&self) -> $crate::backend::Signs {
                self.socket.signs()
            }

            fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                let $this = self;
                $error
            }

            fn resource(
                &self,
                direction: $crate::backend::Direction,
            ) -> &$crate::backend::Resource {
                self.socket.resource(direction)
            }

            fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
                Some(self.socket.descriptor())
            }
        }
    };
}

pub(super) use polled;
