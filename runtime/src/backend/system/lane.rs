//! The order of the operations on one file.
//!
//! Owns who goes next and who waits for the end. Knows nothing of files.
//!
//! ```text
//!             submit, free                       keep
//! (owned) -----------------> handed over -----------------> kept -> Waiting::poll
//!    |                            ^
//!    '--- waiting, in order ------'  by the thread that ends the operation before it
//!         submit, not free           (`Turn::end`)
//! ```
//!
//! # Invariants
//! 1. Operations of a lane run in the order in which they were submitted; those that may overlap
//!    may overlap each other and nothing else.
//! 2. Every promise is kept: one whose operation was given up is kept with an error, which is why
//!    the operation before it was refused if that was why.
//! 3. An operation that was given up takes those with it that waited for it, and no later ones: the
//!    lane is free again.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::backend::{Completion, FileJob, Submitted};
use crate::shim::{Mutex, lock};

/// The operations on one file.
#[derive(Default)]
pub(super) struct Lane(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Why an operation that is being dropped was refused.
    refusal: Option<Refusal>,
    /// How many operations run, and whether they may overlap others.
    running: usize,
    overlapping: bool,
}

struct Job {
    may_overlap: bool,
    work: Box<dyn FnOnce() -> Completion + Send>,
    promise: Promise,
}

/// An error that several are told of.
struct Refusal {
    kind: io::ErrorKind,
    text: String,
}

impl Lane {
    /// Has `work` run when its turn comes: now, by `hand_over`, if nothing is before it.
    pub(super) fn submit(
        &self,
        may_overlap: bool,
        work: impl FnOnce() -> Completion + Send + 'static,
        hand_over: impl FnOnce(&mut Option<FileJob>) -> io::Result<()>,
    ) -> io::Result<Box<dyn Submitted>> {
        let (promise, waiting) = Promise::new();
        let mut state = lock(&self.0);
        if !(state.waiting.is_empty() && state.is_free(may_overlap)) {
            state.waiting.push_back(Job {
                may_overlap,
                work: Box::new(work),
                promise,
            });
            return Ok(Box::new(waiting));
        }
        state.begin(may_overlap);
        drop(state);
        let turn = Turn {
            lane: Some(self.0.clone()),
        };
        let mut job: Option<FileJob> = Some(Box::new(move || {
            // The turn ends before anybody hears of it, so that the next finds the lane free.
            let completion = work();
            let next = turn.end();
            promise.keep(completion);
            run_all(next);
        }));
        if let Err(error) = hand_over(&mut job) {
            if let Some(refused) = job {
                lock(&self.0).refusal = Some(Refusal::of(&error));
                // And with it the turn.
                drop(refused);
            }
            return Err(error);
        }
        Ok(Box::new(waiting))
    }
}

impl Refusal {
    fn of(error: &io::Error) -> Self {
        Self {
            kind: error.kind(),
            text: error.to_string(),
        }
    }

    fn to_error(&self) -> io::Error {
        io::Error::new(self.kind, self.text.clone())
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl State {
    fn is_free(&self, may_overlap: bool) -> bool {
        self.running == 0 || (may_overlap && self.overlapping)
    }

    fn begin(&mut self, may_overlap: bool) {
        self.running += 1;
        self.overlapping = may_overlap;
    }
}

/// The turn of an operation that runs.
struct Turn {
    lane: Option<Arc<Mutex<State>>>,
}

impl Turn {
    /// Ends the turn; the operation to run next, if its turn has come.
    fn end(mut self) -> Option<(Self, Job)> {
        let lane = self.lane.take()?;
        let mut state = lock(&lane);
        state.running -= 1;
        let next = state.waiting.front()?.may_overlap;
        if !state.is_free(next) {
            return None;
        }
        state.begin(next);
        let job = state.waiting.pop_front()?;
        drop(state);
        Some((Self { lane: Some(lane) }, job))
    }
}

impl Drop for Turn {
    /// The operation will never run: neither will those that waited for it.
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            let mut state = lock(&lane);
            state.running -= 1;
            let refusal = state.refusal.take();
            // The last of those that run beside it serves who waits.
            let waiting = match state.running {
                0 => std::mem::take(&mut state.waiting),
                _ => VecDeque::new(),
            };
            drop(state);
            // Keeping their promises wakes tasks.
            for job in waiting {
                let error = refusal.as_ref().map_or_else(given_up, Refusal::to_error);
                job.promise.keep(Completion::given_up(error));
            }
        }
    }
}

/// Runs the operations whose turn has come, one after the other.
fn run_all(mut next: Option<(Turn, Job)>) {
    while let Some((turn, job)) = next {
        let completion = (job.work)();
        next = turn.end();
        job.promise.keep(completion);
    }
}

/// Who waits for an operation, and its end.
#[derive(Default)]
struct Ticket {
    completion: Option<Completion>,
    waker: Option<Waker>,
}

/// The duty to tell how an operation ended.
pub(super) struct Promise(Option<Arc<Mutex<Ticket>>>);

impl Promise {
    pub(super) fn new() -> (Self, Waiting) {
        let ticket = Arc::new(Mutex::new(Ticket::default()));
        (Self(Some(ticket.clone())), Waiting(ticket))
    }

    pub(super) fn keep(mut self, completion: Completion) {
        self.tell(completion);
    }

    fn tell(&mut self, completion: Completion) {
        let Some(ticket) = self.0.take() else { return };
        let mut ticket = lock(&ticket);
        ticket.completion = Some(completion);
        let waker = ticket.waker.take();
        drop(ticket);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.tell(Completion::given_up(given_up()));
        }
    }
}

/// Waits for the end of an operation.
pub(super) struct Waiting(Arc<Mutex<Ticket>>);

impl Submitted for Waiting {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Completion> {
        // Cloning and dropping a waker runs foreign code.
        let waker = cx.waker().clone();
        let mut ticket = lock(&self.0);
        if let Some(completion) = ticket.completion.take() {
            return Poll::Ready(completion);
        }
        let previous = ticket.waker.replace(waker);
        drop(ticket);
        drop(previous);
        Poll::Pending
    }
}

fn given_up() -> io::Error {
    io::Error::other("the runtime of the file's operation is gone")
}

#[cfg(test)]
mod tests;
