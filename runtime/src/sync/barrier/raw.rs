//! A barrier without errors' and results' types.
//!
//! Owns who waits, and who passes together. Knows nothing of what its users call it.
//!
//! ```text
//!   arrive            the last arrives              polled or dropped
//!   -------> [linked] ----------------> [popped] -------------------> gone
//!               |       abort, reset        ^
//!               '---------------------------'
//! ```
//!
//! # Invariants
//! 1. `waiting` is how many are linked. While a group may form, they are fewer than `parties`.
//! 2. If the barrier drains, `leaving` is how many were popped and have neither been polled nor
//!    dropped since, and no group is let through until it is 0. Else it is 0.
//! 3. Once the barrier is broken, nobody is linked.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::coop::{Op, OpKind, Resource, observe, proceed, touch};
use crate::shim::{Mutex, lock};
use crate::sync::wait_list::{Queue, Waiter, poll_wait};
use crate::sync::wakers::Wakers;

pub(super) struct RawBarrier {
    parties: usize,
    /// A group has to have gone before the next one is let through.
    drains: bool,
    resource: Resource,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    waiting: usize,
    leaving: usize,
    waiters: Queue<Ticket>,
}

/// What a barrier is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Filling,
    Draining,
    Resetting,
    Broken,
}

/// What one who waits is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ticket {
    Waits,
    Passes { index: usize },
    Broken,
}

/// The barrier was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl RawBarrier {
    pub(super) fn new(parties: usize, drains: bool) -> Self {
        Self {
            parties: parties.max(1),
            drains,
            resource: Resource::new(),
            state: Mutex::new(State {
                phase: Phase::Filling,
                waiting: 0,
                leaving: 0,
                waiters: Queue::new(),
            }),
        }
    }

    pub(super) fn parties(&self) -> usize {
        self.parties
    }

    pub(super) fn phase(&self) -> Phase {
        observe(&self.resource);
        lock(&self.state).phase
    }

    /// How many of the next group have come. Those who come while the last one leaves do not count
    /// yet.
    pub(super) fn waiting(&self) -> usize {
        observe(&self.resource);
        let state = lock(&self.state);
        match state.phase {
            Phase::Filling => state.waiting,
            _ => 0,
        }
    }

    /// Waits for the others. The number is different for each of a group, and the last one's is the
    /// greatest.
    pub(super) fn poll_wait(
        &self,
        cx: &mut Context<'_>,
        waiter: Pin<&mut Waiter<Ticket>>,
        site: &'static Location<'static>,
    ) -> Poll<Result<usize, Broken>> {
        let op = Op::write(OpKind::Meet, &self.resource, site).contained();
        let progress = ready!(proceed(cx, &op));
        let mut wakers = Wakers::new();
        let polled = poll_wait(
            &self.state,
            cx,
            waiter,
            false,
            |state| &mut state.waiters,
            |state, waiter| self.attempt(state, waiter, &mut wakers),
            |state, waiter, waker| {
                state.waiting += 1;
                state.waiters.enlist(waiter, Some(waker))
            },
        );
        let passed = ready!(polled);
        progress.done();
        wakers.finish();
        Poll::Ready(passed)
    }

    fn attempt(
        &self,
        state: &mut State,
        waiter: Pin<&mut Waiter<Ticket>>,
        wakers: &mut Wakers,
    ) -> Option<Result<usize, Broken>> {
        if waiter.is_enlisted() {
            if state.waiters.is_linked(&waiter) {
                return None;
            }
            let ticket = state.waiters.delist(waiter).value;
            self.leave(state, wakers);
            return Some(match ticket {
                Ticket::Passes { index } => Ok(index),
                Ticket::Waits | Ticket::Broken => Err(Broken),
            });
        }
        if state.phase == Phase::Broken {
            return Some(Err(Broken));
        }
        if state.leaving > 0 || state.waiting + 1 < self.parties {
            return None;
        }
        let index = state.waiting;
        self.let_through(state, index, wakers);
        Some(Ok(index))
    }

    /// The first `count` pass.
    fn let_through(&self, state: &mut State, count: usize, wakers: &mut Wakers) {
        for index in 0..count {
            wakers.add(state.waiters.pop_first(Ticket::Passes { index }));
        }
        state.waiting -= count;
        if self.drains && count > 0 {
            state.leaving += count;
            state.phase = Phase::Draining;
        }
    }

    /// One who was popped is gone.
    fn leave(&self, state: &mut State, wakers: &mut Wakers) {
        if !self.drains {
            return;
        }
        state.leaving -= 1;
        if state.leaving > 0 || state.phase == Phase::Broken {
            return;
        }
        state.phase = Phase::Filling;
        if state.waiting >= self.parties {
            self.let_through(state, self.parties, wakers);
        }
    }

    /// Takes a waiter that goes away out of the queue.
    pub(super) fn abandon(&self, waiter: Pin<&mut Waiter<Ticket>>) {
        if !waiter.is_enlisted() {
            return;
        }
        touch(&self.resource);
        let mut wakers = Wakers::new();
        {
            let mut state = lock(&self.state);
            if state.waiters.delist(waiter).linked {
                state.waiting -= 1;
            } else {
                self.leave(&mut state, &mut wakers);
            }
        }
        wakers.finish();
    }

    /// Breaks the barrier for those who wait and those who come.
    pub(super) fn abort(&self) {
        self.break_with(|state| {
            state.phase = Phase::Broken;
            true
        });
    }

    /// Breaks the barrier for those who wait, and mends it for those who come.
    pub(super) fn reset(&self) {
        self.break_with(|state| {
            let is_filling = state.phase == Phase::Filling;
            if matches!(state.phase, Phase::Filling | Phase::Broken) {
                state.phase = match state.waiting + state.leaving {
                    0 => Phase::Filling,
                    _ => Phase::Resetting,
                };
            }
            is_filling
        });
    }

    /// Changes the state, and tells those who wait if `change` says so.
    fn break_with(&self, change: impl FnOnce(&mut State) -> bool) {
        touch(&self.resource);
        let mut wakers = Wakers::new();
        {
            let mut state = lock(&self.state);
            if change(&mut state) {
                state.leaving += state.waiting;
                state.waiting = 0;
                while !state.waiters.is_empty() {
                    wakers.add(state.waiters.pop_first(Ticket::Broken));
                }
            }
        }
        wakers.finish();
    }
}
