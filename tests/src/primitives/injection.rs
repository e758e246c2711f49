//! Who is ended, where, and how.
//!
//! Owns the future around a party's work. Knows nothing of what the party does.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use simoom::task::{self, JoinHandle, catch_cancel, spawn_local, yield_now};

/// How a party is ended at one of its waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Dropped as it waits.
    Waiting,
    /// Dropped when it was woken, before it is polled.
    Woken,
    /// Asked to end, inside of `catch_cancel`.
    Asked,
}

impl Form {
    /// Every way.
    pub const ALL: [Form; 3] = [Form::Waiting, Form::Woken, Form::Asked];
}

/// Those who take part in one run of a program, of whom one may be ended.
#[derive(Clone, Debug, Default)]
pub struct Parties(Rc<Plan>);

#[derive(Debug, Default)]
struct Plan {
    at: Option<(Form, u32)>,
    /// How many times one of them has waited.
    waits: Cell<u32>,
}

impl Parties {
    /// The party that waits as the `wait`-th of all, counted from one, is ended there.
    #[must_use]
    pub fn ended(form: Form, wait: u32) -> Self {
        Self(Rc::new(Plan {
            at: Some((form, wait)),
            waits: Cell::new(0),
        }))
    }

    /// Whether somebody was ended.
    #[must_use]
    pub fn has_ended_one(&self) -> bool {
        self.0
            .at
            .is_some_and(|(_, wait)| self.0.waits.get() >= wait)
    }

    /// Whether who is ended is asked to.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        matches!(self.0.at, Some((Form::Asked, _)))
    }

    /// Starts a party.
    #[track_caller]
    pub fn start<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> Party<T> {
        let work = Injected {
            work: Some(Box::pin(work)),
            parties: self.clone(),
            is_doomed: false,
        };
        Party(spawn_local(async move {
            match catch_cancel(work).await {
                Ok(done) => done,
                Err(_) => {
                    // It may clean up, undisturbed.
                    yield_now().await;
                    None
                }
            }
        }))
    }

    /// How the party that has just begun to wait is ended.
    fn waits(&self) -> Option<Form> {
        let waits = self.0.waits.get() + 1;
        self.0.waits.set(waits);
        let (form, wait) = self.0.at?;
        (wait == waits).then_some(form)
    }
}

struct Injected<F> {
    work: Option<Pin<Box<F>>>,
    parties: Parties,
    /// It is dropped instead of polled.
    is_doomed: bool,
}

impl<F: Future> Future for Injected<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.is_doomed {
            this.work = None;
            return Poll::Ready(None);
        }
        let work = this.work.as_mut().expect("it is polled until it is ready");
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            this.work = None;
            return Poll::Ready(Some(output));
        }
        match this.parties.waits() {
            None => {}
            Some(Form::Waiting) => {
                this.work = None;
                return Poll::Ready(None);
            }
            Some(Form::Woken) => this.is_doomed = true,
            Some(Form::Asked) => {
                task::current().cancel();
            }
        }
        Poll::Pending
    }
}

/// One of those who take part.
#[derive(Debug)]
pub struct Party<T>(JoinHandle<Option<T>>);

/// What became of a party.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It has done its work.
    Done(T),
    /// It was ended by the plan.
    Ended,
    /// Its task was aborted by the simulator.
    Aborted,
}

impl<T> Party<T> {
    /// Waits until it has ended, and returns what it has done, if it has.
    ///
    /// # Panics
    /// As the party did.
    pub async fn end(self) -> Option<T> {
        match self.outcome().await {
            Outcome::Done(output) => Some(output),
            Outcome::Ended | Outcome::Aborted => None,
        }
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// As the party did.
    pub async fn outcome(self) -> Outcome<T> {
        match self.0.await {
            Ok(Some(output)) => Outcome::Done(output),
            Ok(None) => Outcome::Ended,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(_) => Outcome::Aborted,
            },
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Counts who is inside of something.
#[derive(Clone, Debug, Default)]
pub(super) struct Inside(Rc<Cell<usize>>);

/// Somebody who is.
pub(super) struct Entered(Inside);

impl Inside {
    /// One more is, and at most so many may be.
    pub(super) fn enter(&self, most: usize) -> Entered {
        let count = self.0.get() + 1;
        assert!(count <= most, "{count} are inside at once");
        self.0.set(count);
        Entered(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.get()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get() - 1);
    }
}

/// Waits for all of them.
pub(super) async fn ends<T>(parties: Vec<Party<T>>) -> Vec<Option<T>> {
    let mut ended = Vec::new();
    for party in parties {
        ended.push(party.end().await);
    }
    ended
}
