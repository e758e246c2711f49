//! Descriptors that the program brings along.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use super::{Direction, Polled};

/// Where descriptors are waited for.
pub trait Descriptors {
    /// Has the events of a descriptor noted that stays open for as long as what this returns.
    fn watch_descriptor(&self, descriptor: RawFd) -> io::Result<Arc<dyn Descriptor>>;
}

/// A descriptor whose events are noted. Nothing is known of it before the first.
pub trait Descriptor: Polled {
    /// A number that every event changes.
    fn moment(&self) -> usize;

    /// Attempts in `directions` would have blocked, unless an event came after `moment`. Of a
    /// direction that is closed, that stays known.
    fn blocked(&self, directions: &[Direction], moment: usize);
}
