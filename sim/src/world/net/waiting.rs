//! Who waits for one direction of a socket.

use std::task::Waker;

use crate::world::Effects;

/// The tasks that wait, and whether there is any use in an attempt.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) wakers: Vec<Waker>,
    /// An attempt would have blocked, and nothing has changed since.
    pub(crate) blocked: bool,
}

impl Waiting {
    /// Something has changed: the next attempt may succeed.
    pub(crate) fn change(&mut self, effects: &mut Effects) {
        self.blocked = false;
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
