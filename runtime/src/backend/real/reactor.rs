//! Which sockets are registered for events.
//!
//! Owns the registration of sockets and finds the source that an event is for. Knows nothing of
//! what sockets do.
//!
//! # Invariants
//! 1. A token names one registration for ever: it holds the number of the registration beside the
//!    place, so an event that was on its way when its socket was closed reaches nobody.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::task::Waker;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Registry, Token};
use slab::Slab;

use super::source::{self, Source};
use crate::shim::{AtomicUsize, Mutex, Ordering, lock};

/// The token of the waker that ends a wait; no socket has it.
pub(super) const ALARM: Token = Token(usize::MAX);

/// The sockets that are registered.
pub(super) struct Reactor {
    registry: Registry,
    slots: Mutex<Slots>,
    /// How many sockets can have events, for a loop that would rather not ask.
    watched: AtomicUsize,
}

struct Slots {
    taken: Slab<Slot>,
    serial: usize,
    closed: bool,
}

struct Slot {
    serial: usize,
    source: Arc<Source>,
}

/// What events are asked for.
#[cfg(any(target_os = "linux", target_os = "android"))]
const INTEREST: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Half of a token: the place is in the lower one, the serial number in the upper one.
const HALF: u32 = usize::BITS / 2;
const PLACE: usize = (1 << HALF) - 1;

impl Reactor {
    pub(super) fn new(registry: Registry) -> Self {
        Self {
            registry,
            slots: Mutex::new(Slots {
                taken: Slab::new(),
                serial: 0,
                closed: false,
            }),
            watched: AtomicUsize::new(0),
        }
    }

    /// Takes a place for `source`. Its socket has no events before it is watched.
    pub(super) fn open(&self, source: &Arc<Source>) -> io::Result<Token> {
        let mut slots = lock(&self.slots);
        if slots.closed {
            return Err(source::gone());
        }
        if slots.taken.len() >= PLACE {
            return Err(io::Error::other("too many sockets are open"));
        }
        slots.serial = slots.serial.wrapping_add(1) & PLACE;
        let slot = Slot {
            serial: slots.serial,
            source: source.clone(),
        };
        let entry = slots.taken.vacant_entry();
        let token = slot.token(entry.key());
        entry.insert(slot);
        Ok(token)
    }

    /// Has the events of `descriptor` delivered from now on, and those that it has already.
    pub(super) fn watch(&self, descriptor: RawFd, token: Token) -> io::Result<()> {
        self.registry
            .register(&mut SourceFd(&descriptor), token, INTEREST)?;
        self.watched.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the events of a descriptor that stays open elsewhere. Closing the last one ends them
    /// too.
    pub(super) fn unwatch(&self, descriptor: RawFd) {
        // Nothing is lost if this fails: events of a token that is not taken reach nobody.
        let _ = self.registry.deregister(&mut SourceFd(&descriptor));
    }

    /// Gives a place back. `watched` says whether its socket was.
    pub(super) fn release(&self, token: Token, watched: bool) {
        if watched {
            self.watched.fetch_sub(1, Ordering::Relaxed);
        }
        let mut slots = lock(&self.slots);
        let place = token.0 & PLACE;
        let found = slots
            .taken
            .get(place)
            .is_some_and(|slot| slot.token(place) == token);
        let removed = found.then(|| slots.taken.remove(place));
        drop(slots);
        // The source may hold wakers, which are foreign code.
        drop(removed);
    }

    /// Whether no socket can have an event.
    pub(super) fn is_idle(&self) -> bool {
        self.watched.load(Ordering::Relaxed) == 0
    }

    /// Delivers `events` and moves whoever waited for them to `wakers`.
    pub(super) fn dispatch(&self, events: &Events, wakers: &mut Vec<Waker>) {
        let slots = lock(&self.slots);
        for event in events {
            let token = event.token();
            let place = token.0 & PLACE;
            // The alarm's token has a place that is never taken.
            if let Some(slot) = slots.taken.get(place)
                && slot.token(place) == token
            {
                slot.source.notify(readiness(event), wakers);
            }
        }
    }

    /// The world has ended: no socket will have another event.
    pub(super) fn close(&self, wakers: &mut Vec<Waker>) {
        let mut slots = lock(&self.slots);
        slots.closed = true;
        let taken = std::mem::take(&mut slots.taken);
        drop(slots);
        for (_, slot) in &taken {
            slot.source.close(wakers);
        }
    }
}

impl Slot {
    fn token(&self, place: usize) -> Token {
        Token(place | self.serial << HALF)
    }
}

fn readiness(event: &Event) -> usize {
    let mut ready = 0;
    if event.is_readable() {
        ready |= source::READABLE;
    }
    if event.is_writable() {
        ready |= source::WRITABLE;
    }
    if event.is_read_closed() {
        ready |= source::READABLE | source::READ_CLOSED;
    }
    if event.is_write_closed() {
        ready |= source::WRITABLE | source::WRITE_CLOSED;
    }
    if event.is_priority() {
        ready |= source::PRIORITY;
    }
    if event.is_error() {
        // The next attempt in either direction reports it.
        ready |= source::READABLE | source::WRITABLE | source::ERROR;
    }
    ready
}
