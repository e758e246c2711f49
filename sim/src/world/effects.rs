//! Foreign code that must wait until the world is released.

use std::task::Waker;

/// Wakers to wake and wakers to drop.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    wake: Vec<Waker>,
    drop: Vec<Waker>,
}

impl Effects {
    pub(crate) fn wake(&mut self, waker: Waker) {
        self.wake.push(waker);
    }

    pub(crate) fn wake_all(&mut self, wakers: &mut Vec<Waker>) {
        self.wake.append(wakers);
    }

    pub(crate) fn drop(&mut self, waker: Waker) {
        self.drop.push(waker);
    }

    pub(crate) fn drop_all(&mut self, wakers: &mut Vec<Waker>) {
        self.drop.append(wakers);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wake.is_empty() && self.drop.is_empty()
    }

    /// Runs what was collected. Called without any borrow of the world.
    pub(crate) fn run(self) {
        for waker in self.wake {
            waker.wake();
        }
        drop(self.drop);
    }
}
