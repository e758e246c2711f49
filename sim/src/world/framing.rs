//! Writes that were cut off in the middle, and what is written after them.
//!
//! Owns the rest of what a stream took only the first bytes of, until somebody writes on. Knows
//! nothing of frames: what was handed to a stream at once is taken for one.
//!
//! A write that took some of its bytes is followed by one that begins with the others: `write_all`
//! does so, and so does whoever keeps count. If the future that was to do it is cancelled and
//! something else is written, what its peer reads is neither.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::panic::Location;

use simoom::backend::Resource;

use super::World;
use super::cancels::AwaitPlace;
use crate::choice::PathId;
use crate::strategy::Thing;

/// What was written in part, by stream.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    begun: BTreeMap<Thing, Begun>,
    torn: Vec<Torn>,
}

/// A write of which the stream took the first bytes.
#[derive(Debug)]
struct Begun {
    /// The beginning of those that it did not take.
    rest: Vec<u8>,
    task: PathId,
    site: &'static Location<'static>,
    /// Where the one was cancelled that was to write on.
    cancelled: Option<AwaitPlace>,
}

/// A write that was cut off by a cancellation, and another after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Torn {
    /// Where it was begun.
    pub(crate) begun: &'static Location<'static>,
    /// Where its task waited when it was cancelled.
    pub(crate) cancelled: AwaitPlace,
    /// Where something else was written.
    pub(crate) next: &'static Location<'static>,
}

/// As many bytes of a rest are kept to know it again.
const KEPT_MAX: usize = 4096;

impl Framing {
    pub(crate) fn take_torn(&mut self) -> Vec<Torn> {
        std::mem::take(&mut self.torn)
    }

    pub(crate) fn torn(&self) -> &[Torn] {
        &self.torn
    }

    /// The futures of `task` that write are cancelled, or one of them is.
    fn cancel(&mut self, task: PathId, place: AwaitPlace) {
        let begun = self.begun.values_mut().filter(|it| it.task == task);
        begun.for_each(|it| it.cancelled = Some(place));
    }
}

impl World {
    /// The stream whose other direction is `resource` took the first `taken` bytes of `parts`.
    pub(crate) fn wrote(&mut self, resource: &Resource, parts: &[IoSlice<'_>], taken: usize) {
        if !self.cancels.asks() || taken == 0 {
            return;
        }
        let Some(thing) = self.resources.number(self.id, resource) else {
            return;
        };
        let Some(site) = self.running_site() else {
            return;
        };
        let bytes = || parts.iter().flat_map(|part| part.iter());
        if let Some(begun) = self.framing.begun.remove(&thing)
            && let Some(cancelled) = begun.cancelled
            && bytes().zip(&begun.rest).any(|(one, other)| one != other)
        {
            self.framing.torn.push(Torn {
                begun: begun.site,
                cancelled,
                next: site,
            });
        }
        let rest: Vec<u8> = bytes().skip(taken).take(KEPT_MAX).copied().collect();
        if !rest.is_empty() {
            let begun = Begun {
                rest,
                task: self.current_path(),
                site,
                cancelled: None,
            };
            self.framing.begun.insert(thing, begun);
        }
    }

    /// What waited at `place` in `task` was cancelled.
    pub(super) fn cut_writes(&mut self, task: PathId, place: AwaitPlace) {
        self.framing.cancel(task, place);
    }
}
