//! The guest's side: a thread that a closure runs on, while it has the world and while it waits.
//!
//! Owns how a closure waits, and how it is unwound when it is not to go on.
//!
//! A closure whose node was killed, or whose run has ended, is unwound from the place where it
//! waits, in the dead context: destructors run, without effect. If it cannot be unwound, because
//! it waits inside a destructor that runs while another unwinding is under way, or catches
//! what unwinds it over and over, its thread is lost: it stops there for ever.

use std::cell::{Cell, RefCell};
use std::panic::{Location, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use simoom::backend::{Ended, TakenBack, enter_guest};

use super::worker::{Answer, Link, NewJob, Order};
use crate::backend::SimBackend;
use crate::panics;

thread_local! {
    static GUEST: RefCell<Option<Rc<Guest>>> = const { RefCell::new(None) };
}

/// How often a closure may catch what unwinds it.
const CATCHES_MAX: u32 = 100;

/// A closure that is running on this thread.
struct Guest {
    link: Arc<Link>,
    waker: Waker,
    /// The closure is not to go on.
    taken_back: Cell<bool>,
    /// How often it was unwound.
    unwound: Cell<u32>,
}

/// Runs a job in the world that came with it.
pub(super) fn perform(link: &Arc<Link>, job: NewJob) -> Answer {
    let NewJob {
        job,
        lent,
        waker,
        habit,
        dispatch,
        ..
    } = job;
    GUEST.set(Some(Rc::new(Guest {
        link: link.clone(),
        waker,
        taken_back: Cell::new(false),
        unwound: Cell::new(0),
    })));
    panics::forget();
    let world = lent.world();
    let ended = habit.keep(|| {
        tracing::dispatcher::with_default(&dispatch, || {
            enter_guest(world, world.claim(), || job.run())
        })
    });
    GUEST.set(None);
    let note = panics::take().filter(|_| ended == Ended::Panicked);
    Answer::Done(ended, note)
}

/// Whether this thread is a guest in a world.
pub(crate) fn is_guest() -> bool {
    GUEST.with_borrow(Option::is_some)
}

/// Stops what only the run's own thread may do.
///
/// # Panics
/// On a guest.
#[track_caller]
pub(crate) fn assert_at_home(what: &str) {
    assert!(
        !is_guest(),
        "`{what}` was called in a blocking closure, at {}: what it starts need not be `Send`, so \
         call it in a task",
        Location::caller()
    );
}

/// Has the run's thread do `request`, and waits until it has.
///
/// # Panics
/// If `request` does. If this thread is no guest.
pub(crate) fn ask(request: impl FnOnce(&SimBackend) + Send + 'static) {
    let guest = current();
    if guest.taken_back.get() {
        // The dead change nothing.
        return;
    }
    match guest.link.give_back(Answer::Asks(Box::new(request))) {
        Order::Asked(Ok(())) => {}
        Order::Asked(Err(payload)) => resume_unwind(payload),
        _ => unreachable!("a request is answered before anything else happens"),
    }
}

/// Polls until ready, and gives the world back in between.
pub(crate) fn block_on(poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
    let guest = current();
    let mut cx = Context::from_waker(&guest.waker);
    loop {
        if poll(&mut cx).is_ready() {
            return;
        }
        if guest.taken_back.get() {
            guest.unwind();
        }
        match guest.link.give_back(Answer::Waits) {
            Order::GoOn => {}
            Order::TakeBack => guest.unwind(),
            _ => unreachable!("a closure that waits goes on or is taken back"),
        }
    }
}

fn current() -> Rc<Guest> {
    GUEST
        .with_borrow(Clone::clone)
        .expect("only a thread that runs a blocking closure waits in a world")
}

impl Guest {
    /// Leaves the closure from where it waits.
    fn unwind(&self) -> ! {
        self.taken_back.set(true);
        let unwound = self.unwound.get() + 1;
        self.unwound.set(unwound);
        if thread::panicking() || unwound > CATCHES_MAX {
            self.link.leave();
            loop {
                thread::park();
            }
        }
        resume_unwind(Box::new(TakenBack))
    }
}
