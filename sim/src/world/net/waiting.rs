//! Who waits for one direction of a socket.

use std::task::Waker;

use simoom::backend::{Direction, Signs, Waiters};

use crate::world::Effects;

/// The tasks that wait, and whether there is any use in an attempt.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) waiters: Waiters,
    /// An attempt would have blocked, and nothing has changed since.
    pub(crate) blocked: bool,
    /// As `blocked`, for attempts on errors, whose tasks wait with the readers.
    no_errors: bool,
    /// As `blocked`, for attempts on urgent bytes, whose tasks wait with the readers.
    nothing_urgent: bool,
}

impl Waiting {
    /// An attempt in `direction` would have blocked.
    pub(crate) fn block(&mut self, direction: Direction) {
        *self.flag(direction) = true;
    }

    /// Whether an attempt in `direction` would have blocked, and nothing has changed since.
    pub(crate) fn is_blocked(&mut self, direction: Direction) -> bool {
        *self.flag(direction)
    }

    fn flag(&mut self, direction: Direction) -> &mut bool {
        match direction {
            Direction::Read | Direction::Write => &mut self.blocked,
            Direction::Error => &mut self.no_errors,
            Direction::Priority => &mut self.nothing_urgent,
        }
    }

    /// Something has changed: the next attempt may succeed.
    pub(crate) fn change(&mut self, effects: &mut Effects) {
        self.blocked = false;
        self.no_errors = false;
        self.nothing_urgent = false;
        effects.wake_all(self.waiters.drain());
    }

    /// Nobody waits any more.
    pub(crate) fn forget(&mut self, effects: &mut Effects) {
        effects.drop_all(self.waiters.drain());
    }

    /// Moves everyone who waits to `wakers`, at the end of a world.
    pub(crate) fn take_wakers(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.waiters.drain());
    }
}

/// Something has changed in one of a socket's directions.
///
/// An event of epoll(7) tells of both directions: an attempt that would have blocked in the other
/// one is worth another too.
pub(crate) fn change_one(changed: &mut Waiting, other: &mut Waiting, effects: &mut Effects) {
    changed.change(effects);
    if other.blocked || other.no_errors || other.nothing_urgent {
        other.change(effects);
    }
}

/// Whether there are news in a direction in which no bytes move. Nobody sends urgent ones.
pub(crate) fn is_news(direction: Direction, signs: Signs) -> bool {
    match direction {
        Direction::Read | Direction::Write => false,
        Direction::Error => signs.error,
        Direction::Priority => signs.priority || signs.read_closed,
    }
}
