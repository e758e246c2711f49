//! Who waits for one direction of a socket.

use std::task::Waker;

use simoom::backend::{Direction, Signs};

use crate::world::Effects;

/// The tasks that wait, and whether there is any use in an attempt.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) wakers: Vec<Waker>,
    /// An attempt would have blocked, and nothing has changed since.
    pub(crate) blocked: bool,
    /// As `blocked`, for attempts on errors and urgent bytes, whose tasks wait with the readers.
    unanswered: bool,
}

impl Waiting {
    /// An attempt in `direction` would have blocked.
    pub(crate) fn block(&mut self, direction: Direction) {
        match direction {
            Direction::Read | Direction::Write => self.blocked = true,
            Direction::Error | Direction::Priority => self.unanswered = true,
        }
    }

    /// Whether an attempt in `direction` would have blocked, and nothing has changed since.
    pub(crate) fn is_blocked(&self, direction: Direction) -> bool {
        match direction {
            Direction::Read | Direction::Write => self.blocked,
            Direction::Error | Direction::Priority => self.unanswered,
        }
    }

    /// Something has changed: the next attempt may succeed.
    pub(crate) fn change(&mut self, effects: &mut Effects) {
        self.blocked = false;
        self.unanswered = false;
        effects.wake_all(&mut self.wakers);
    }

    /// Nobody waits any more.
    pub(crate) fn forget(&mut self, effects: &mut Effects) {
        effects.drop_all(&mut self.wakers);
    }
}

/// Something has changed in one of a socket's directions.
///
/// An event of epoll(7) tells of both directions: an attempt that would have blocked in the other
/// one is worth another too.
pub(crate) fn change_one(changed: &mut Waiting, other: &mut Waiting, effects: &mut Effects) {
    changed.change(effects);
    if other.blocked {
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
