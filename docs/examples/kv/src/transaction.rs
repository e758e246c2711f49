//! Requests that are done together.
//!
//! Owns what a connection has gathered between `MULTI` and `EXEC`, and whether the keys that it
//! watches have changed. Knows nothing of what requests do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::command::Effect;
use crate::resp::{Args, encode_request};

/// The transaction of one connection.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    gathered: Option<Gathered>,
    /// Raised when a watched key changes; none while nothing is watched.
    changed: Option<Arc<AtomicBool>>,
}

/// Requests that wait to be done.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// As they would be sent.
    pub(crate) requests: Vec<u8>,
    pub(crate) len: usize,
    /// One of them made no sense: none is done.
    pub(crate) is_broken: bool,
    /// What all of them do together.
    pub(crate) effect: Effect,
}

impl Transaction {
    /// Whether requests are gathered.
    pub(crate) fn is_open(&self) -> bool {
        self.gathered.is_some()
    }

    /// Gathers requests from now on; false if it did before.
    pub(crate) fn open(&mut self) -> bool {
        let is_new = self.gathered.is_none();
        self.gathered.get_or_insert_default();
        is_new
    }

    /// Keeps a request for later, and what it does; false if that would be more than `bytes_max` bytes.
    pub(crate) fn gather(&mut self, args: Args<'_>, effect: Effect, bytes_max: usize) -> bool {
        let Some(gathered) = &mut self.gathered else {
            return false;
        };
        let bytes: usize = args.iter().map(<[u8]>::len).sum();
        if gathered.requests.len() + bytes > bytes_max {
            gathered.is_broken = true;
            return false;
        }
        let args: Vec<_> = args.iter().collect();
        encode_request(&mut gathered.requests, &args);
        gathered.len += 1;
        gathered.effect = gathered.effect.max(effect);
        true
    }

    /// Lets the transaction fail: one of its requests made no sense.
    pub(crate) fn break_off(&mut self) {
        if let Some(gathered) = &mut self.gathered {
            gathered.is_broken = true;
        }
    }

    /// Ends it: what was gathered, and whether a watched key has changed.
    pub(crate) fn close(&mut self) -> (Option<Gathered>, bool) {
        let changed = self
            .changed
            .take()
            .is_some_and(|changed| changed.load(Ordering::Acquire));
        (self.gathered.take(), changed)
    }

    /// The flag to raise when a watched key changes.
    pub(crate) fn flag(&mut self) -> &Arc<AtomicBool> {
        self.changed.get_or_insert_default()
    }

    /// Watches nothing any more.
    pub(crate) fn unwatch(&mut self) {
        self.changed = None;
    }
}
