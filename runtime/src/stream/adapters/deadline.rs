//! A deadline beside a stream that is polled first.
//!
//! Owns that it takes effect even if the stream spends the whole budget in each poll, and that a loop
//! over deadlines that have passed lets other tasks run.

use std::panic::Location;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::coop::{Op, OpKind, proceed};
use crate::time::Instant;
use crate::time::timer::{Timer, later};

/// So long after it was last set.
#[derive(Debug)]
pub(super) struct Deadline {
    timer: Timer,
    duration: Duration,
    turn: Turn,
}

impl Deadline {
    /// Counts from now.
    pub(super) fn new(duration: Duration, site: &'static Location<'static>) -> Self {
        Self {
            timer: Timer::new(later(Instant::now(), duration), site),
            duration,
            turn: Turn::default(),
        }
    }

    /// Counts from now.
    pub(super) fn restart(&mut self) {
        self.timer.reset(later(Instant::now(), self.duration));
        self.turn = Turn::default();
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.timer.poll(cx));
        self.turn.poll(cx, self.timer.location())
    }
}

/// The turn that others get before a deadline which has passed takes effect.
#[derive(Debug, Default)]
pub(super) struct Turn {
    is_given: bool,
}

impl Turn {
    /// `Pending` once at most, woken: who was polled before could spend the budget of every poll.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        site: &'static Location<'static>,
    ) -> Poll<()> {
        if !std::mem::take(&mut self.is_given) {
            match proceed(cx, &Op::private(OpKind::Sleep, site)) {
                Poll::Ready(progress) => progress.done(),
                Poll::Pending => {
                    self.is_given = true;
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }
}
