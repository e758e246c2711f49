//! The place of one who waits for a signal.
//!
//! Owns that it is given up when the wait is dropped, in whatever world it was taken. Knows nothing
//! of what is kept there.

/// The place of one who waits for a signal, given up on drop.
#[derive(Debug)]
pub struct SignalWait {
    world: u64,
    signal: i32,
    key: u64,
    leave: fn(&Self),
}

impl SignalWait {
    /// The place `key` among those who wait for `signal`, which `leave` gives up.
    ///
    /// `world` tells the worlds apart whose keys may be equal.
    #[must_use]
    pub fn new(world: u64, signal: i32, key: u64, leave: fn(&Self)) -> Self {
        Self {
            world,
            signal,
            key,
            leave,
        }
    }

    /// The number of its world.
    #[must_use]
    pub fn world(&self) -> u64 {
        self.world
    }

    /// The signal that is waited for.
    #[must_use]
    pub fn signal(&self) -> i32 {
        self.signal
    }

    /// What names the place.
    #[must_use]
    pub fn key(&self) -> u64 {
        self.key
    }
}

impl Drop for SignalWait {
    fn drop(&mut self) {
        (self.leave)(self);
    }
}
