//! A thread that runs the closures of one incarnation of one node, and the hand-over to it.
//!
//! Owns the life of the thread and the right to use a world, on its way between threads. Knows
//! nothing of tasks and of why the world is handed over.
//!
//! This file holds `unsafe`: a world that is not `Send` is lent to another thread.
//!
//! # Invariants
//! 1. Of a world's threads exactly one runs. The run's own waits in [`Worker::hand_over`] while a
//!    guest has the world, and a guest that has it not waits in [`Link::give_back`] or for its next
//!    job. The mutex of each [`Gate`] puts what one thread did before what the next one does.
//! 2. A guest reaches the world only through the [`Lent`] of its job, and only while it has it.
//! 3. What belongs to the run's thread is not made, cloned, polled or dropped by a guest: a guest
//!    spawns no task that is not `Send` (`enter_guest`), has killing and booting done for it
//!    (`guest::ask`), and gives no node a main (`guest::assert_at_home`). What else a world holds
//!    is plain data, or wakers, which are `Send` and `Sync`.
//! 4. A guest that is lost never runs again, and its [`Lent`] keeps the memory it refers to.

#![expect(unsafe_code, reason = "a world is lent to another thread")]

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::thread::{self, JoinHandle};

use simoom::backend::{Ended, Job};

use super::gate::Gate;
use super::guest;
use crate::backend::SimBackend;
use crate::choice::mix;
use crate::intercept::{self, Carried};
use crate::panics::{Habit, Note};
use crate::watchdog;

/// A world on loan to a guest.
pub(super) struct Lent(Arc<SimBackend>);

// SAFETY: one thread at a time uses the world (invariants 1 and 2), each after the one before it,
// and what must stay with one thread does (invariant 3). The count of the `Arc` is atomic, and the
// run's thread, which waits for every guest that is not lost, drops the last one.
unsafe impl Send for Lent {}

impl Lent {
    /// The world, while this thread has it.
    pub(super) fn world(&self) -> &SimBackend {
        &self.0
    }
}

/// What a guest is to do.
pub(super) enum Order {
    /// A new job.
    Job(Box<NewJob>),
    /// Go on: what was waited for may have happened.
    GoOn,
    /// Go on: what was asked was done, or panicked.
    Asked(Result<(), Payload>),
    /// Unwind: the closure is not to go on.
    TakeBack,
    /// There will be no more jobs.
    End,
}

/// A job, and what its thread needs for it.
pub(super) struct NewJob {
    pub(super) job: Job,
    pub(super) lent: Lent,
    /// Wakes the task that the world knows the closure by.
    pub(super) waker: Waker,
    pub(super) habit: Habit,
    /// Where a new thread's own chance comes from: from who is the first on it.
    seed: u64,
    pub(super) dispatch: tracing::Dispatch,
}

/// Why a guest gives the world back.
pub(super) enum Answer {
    /// It waits for something.
    Waits,
    /// The run's thread is to do something for it.
    Asks(Request),
    /// The job has ended; the note is of the panic that ended it.
    Done(Ended, Option<Note>),
    /// It was to unwind and cannot: it never runs again.
    Lost,
}

/// What the run's thread does for a guest.
pub(super) type Request = Box<dyn FnOnce(&SimBackend) + Send>;

/// What a panic threw.
pub(super) type Payload = Box<dyn Any + Send>;

/// Both ways between the run's thread and a guest.
pub(super) struct Link {
    orders: Gate<Handed<Order>>,
    answers: Gate<Handed<Answer>>,
}

/// What goes from thread to thread, with the state of libc's stand-ins.
type Handed<T> = (T, Carried);

impl Link {
    /// Gives the world back, and waits for the next order. On the guest.
    pub(super) fn give_back(&self, answer: Answer) -> Order {
        self.answers.put((answer, intercept::carry()));
        self.next_order()
    }

    fn next_order(&self) -> Order {
        let (order, carried) = self.orders.take();
        carried.resume();
        order
    }

    /// Gives the world back for good, without an order to wait for. On the guest.
    pub(super) fn leave(&self) {
        self.answers.put((Answer::Lost, intercept::carry()));
    }
}

/// A thread for blocking closures, as the run holds it.
pub(crate) struct Worker {
    link: Arc<Link>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts a thread, which waits for its first job.
    pub(super) fn start() -> io::Result<Self> {
        let link = Arc::new(Link {
            orders: Gate::new(),
            answers: Gate::new(),
        });
        let guest = link.clone();
        let builder = thread::Builder::new().name("simoom-blocking".to_owned());
        let thread = intercept::outside(|| builder.spawn(move || serve(&guest)))?;
        Ok(Self { link, thread })
    }

    /// Lends the world to the thread, and waits until it is back. On the run's thread.
    pub(super) fn hand_over(&self, order: Order) -> Answer {
        let _watched = watchdog::watch_instead(&self.thread);
        self.link.orders.put((order, intercept::carry()));
        let (answer, carried) = self.link.answers.take();
        carried.resume();
        answer
    }

    /// A job for the thread, which has none.
    pub(super) fn job(backend: &SimBackend, job: Job, waker: Waker) -> Order {
        Order::Job(Box::new(NewJob {
            job,
            lent: Lent(backend.to_shared()),
            waker,
            habit: Habit::of_this_thread(),
            seed: backend.with(|world| {
                let path = world.current_path();
                mix(world.seed, world.paths.hash(path).0)
            }),
            dispatch: tracing::dispatcher::get_default(Clone::clone),
        }))
    }

    /// Ends the thread, which has no job, and waits until it is gone.
    pub(crate) fn end(self) {
        // The thread only ends: to what is left of it everything is real.
        let carried = intercept::carry();
        self.link.orders.put((Order::End, intercept::carry()));
        // What the destructors of its thread-locals throw is nobody's business.
        let _ = self.thread.join();
        carried.resume();
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

/// The life of a guest.
fn serve(link: &Arc<Link>) {
    let mut order = link.next_order();
    if let Order::Job(job) = &order {
        intercept::seed_thread(job.seed);
    }
    loop {
        order = match order {
            Order::Job(job) => link.give_back(guest::perform(link, *job)),
            Order::End => return,
            Order::GoOn | Order::Asked(_) | Order::TakeBack => {
                unreachable!("a thread without a job is given one, or ended")
            }
        };
    }
}
