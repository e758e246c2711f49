//! What is there for those who follow, as long as they do.
//!
//! Owns that no commit is forgotten which one who is connected still has to be sent. Knows nothing
//! of connections.

use super::state::{Log, Position};

/// Keeps the commits after a position there, up to a limit. Dropping it lets them go.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    number: u64,
    log: &'a Log,
}

impl Log {
    /// Keeps the commits after `position` there; `None` if they are not all there any more.
    pub(crate) fn hold(&self, position: Position) -> Option<Hold<'_>> {
        let mut state = self.state();
        let is_there = state.backlog.after(position).is_some();
        is_there.then(|| {
            state.holds_taken += 1;
            let number = state.holds_taken;
            state.holds.insert(number, position);
            Hold { number, log: self }
        })
    }
}

impl Hold<'_> {
    /// Lets the commits up to `position` go.
    pub(crate) fn advance(&self, position: Position) {
        let mut state = self.log.state();
        state.holds.insert(self.number, position);
        state.forget_old();
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut state = self.log.state();
        state.holds.remove(&self.number);
        state.forget_old();
    }
}
