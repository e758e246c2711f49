//! One deadline, armed in the world that polls it.
//!
//! Owns the key of an armed timer: it is armed at the first poll that finds the deadline ahead,
//! anew in another world, and disarmed on drop. Knows nothing of budgets, periods or what the
//! deadline is for.
//!
//! ```text
//!                    poll, deadline ahead          reset, poll in another world
//!   [not armed] --------------------------> [armed] --------------------------.
//!        ^  ^                                | |  ^                           |
//!        |  '--- poll, the timer fired ------' |  '---------------------------'
//!        '------ reset outside its world ------'
//! ```
//!
//! # Invariants
//! 1. An armed timer wakes whoever polled last, once `deadline` has passed in its world.

use std::panic::Location;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use super::Instant;
use crate::backend::{Backend, TimerKey};
use crate::context;

/// A deadline that can be waited for.
#[derive(Debug)]
pub(crate) struct Timer {
    deadline: Instant,
    armed: Option<Armed>,
    location: &'static Location<'static>,
}

#[derive(Debug)]
struct Armed {
    key: TimerKey,
    /// The world has a copy but does not give it back, and `reset` has no context to take one from.
    waker: Waker,
}

impl Timer {
    pub(crate) const fn new(deadline: Instant, location: &'static Location<'static>) -> Self {
        Self {
            deadline,
            armed: None,
            location,
        }
    }

    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The user's line.
    pub(crate) const fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// `Ready` when the deadline has passed on the clock of the current world.
    ///
    /// # Panics
    /// Outside a runtime.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        context::with_current(|backend| match backend {
            Some(backend) => self.poll_in(backend, cx.waker()),
            None => self.outside(),
        })
    }

    fn poll_in(&mut self, backend: &dyn Backend, waker: &Waker) -> Poll<()> {
        if let Some(armed) = &mut self.armed
            && armed.is_in(backend)
        {
            // The clock need not be read: the timer fires when the deadline has passed.
            ready!(armed.poll(backend, waker));
            self.armed = None;
            return Poll::Ready(());
        }
        if backend.now() >= self.deadline {
            self.armed = None;
            return Poll::Ready(());
        }
        self.armed = Some(Armed::new(backend, self.deadline, waker.clone()));
        Poll::Pending
    }

    /// Moves the deadline; whoever polled last is woken at the new one.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        let Some(armed) = self.armed.take() else {
            return;
        };
        self.armed = context::with_current(|backend| match backend {
            Some(backend) if armed.is_in(backend) => {
                backend.disarm(armed.key);
                Some(Armed::new(backend, deadline, armed.waker))
            }
            // Its world is out of reach from here: let whoever waits poll again and arm anew.
            _ => {
                armed.waker.wake();
                None
            }
        });
    }

    #[cold]
    fn outside(&self) -> ! {
        panic!(
            "the timer made at {} was polled outside a simoom runtime: await it inside \
             `Runtime::block_on`, `#[simoom::main]` or `#[simoom::test]`, or keep the guard of \
             `Handle::enter`",
            self.location
        )
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let Some(armed) = &self.armed else {
            return;
        };
        // In another world the timer fires in vain, and wakes a task that polls in vain.
        context::with_current(|backend| match backend {
            Some(backend) if armed.is_in(backend) => backend.disarm(armed.key),
            _ => {}
        });
    }
}

impl Armed {
    fn new(backend: &dyn Backend, deadline: Instant, waker: Waker) -> Self {
        Self {
            key: backend.arm(deadline, &waker),
            waker,
        }
    }

    fn is_in(&self, backend: &dyn Backend) -> bool {
        self.key.owner == backend.owner().id
    }

    fn poll(&mut self, backend: &dyn Backend, waker: &Waker) -> Poll<()> {
        let polled = backend.poll_timer(self.key, waker);
        if polled.is_pending() {
            // Clones only if the two wake different tasks.
            self.waker.clone_from(waker);
        }
        polled
    }
}

/// `duration` after `start`, or far away if the clock ends before that.
pub(crate) fn later(start: Instant, duration: Duration) -> Instant {
    start
        .checked_add(duration)
        .unwrap_or_else(Instant::far_future)
}
