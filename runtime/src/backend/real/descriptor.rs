//! Descriptors that the program brings along.
//!
//! Owns their registration. Knows nothing of what they are.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::local::Local;
use super::shared::Shared;
use super::watched::Watched;
use crate::backend::{Descriptor, Descriptors, Direction, Polled, Resource, Seat, Signs};

/// A descriptor of the program, which stays open for longer than this.
struct Foreign {
    watched: Watched<RawFd>,
    reading: Resource,
    writing: Resource,
}

impl Descriptors for Shared {
    fn watch_descriptor(&self, descriptor: RawFd) -> io::Result<Arc<dyn Descriptor>> {
        let watched = Watched::new(descriptor, self.this(), 0)?;
        // It stays open when this is dropped.
        watched.note_twin();
        watched.watch()?;
        Ok(Arc::new(Foreign {
            watched,
            reading: Resource::new(),
            writing: Resource::new(),
        }))
    }
}

impl Descriptors for Local {
    fn watch_descriptor(&self, descriptor: RawFd) -> io::Result<Arc<dyn Descriptor>> {
        self.shared().watch_descriptor(descriptor)
    }
}

impl Descriptor for Foreign {
    fn moment(&self) -> usize {
        self.watched.moment()
    }

    fn blocked(&self, directions: &[Direction], moment: usize) {
        for &direction in directions {
            self.watched.blocked(direction, moment);
        }
    }
}

impl Polled for Foreign {
    fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        seat: Option<&mut Seat>,
    ) -> Poll<io::Result<()>> {
        self.watched.poll_ready(cx, direction, seat)
    }

    fn leave(&self, seat: &mut Seat) {
        self.watched.leave(seat);
    }

    fn try_io(
        &self,
        directions: &[Direction],
        attempt: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        self.watched.try_io(directions, attempt)
    }

    fn signs(&self) -> Signs {
        self.watched.signs()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    fn resource(&self, direction: Direction) -> &Resource {
        match direction {
            Direction::Write => &self.writing,
            Direction::Read | Direction::Error | Direction::Priority => &self.reading,
        }
    }

    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}
