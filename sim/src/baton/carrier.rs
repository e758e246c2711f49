//! The run's side: the task that stands for a closure.
//!
//! Owns when a closure starts, and what becomes of it when its task is dropped. Knows nothing of
//! who decides when it is polled.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use simoom::backend::{Ended, Job};

use super::worker::{Answer, Order, Worker};
use crate::backend::SimBackend;
use crate::panics;
use crate::strategy::Thing;
use crate::world::pool::Ticket;

/// A closure as a task of its world.
///
/// Dropped before its end, it is unwound from where it waits.
pub(crate) struct Carrier {
    ticket: Ticket,
    stage: Stage,
    /// What whoever joins it waits for.
    joined: Option<Thing>,
}

enum Stage {
    /// It waits for its first turn, or for a thread.
    New(Job),
    /// It waits in the middle, on a thread.
    Started(Worker),
    Ended,
}

impl Carrier {
    pub(crate) fn new(ticket: Ticket, job: Job) -> Self {
        Self {
            ticket,
            stage: Stage::New(job),
            joined: None,
        }
    }

    /// Lends the world to the closure until it waits or has ended.
    fn go_on(&mut self, backend: &SimBackend, cx: &mut Context<'_>) -> Poll<()> {
        let ticket = self.ticket;
        let (worker, mut order) = match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::New(job) => {
                let waker = cx.waker().clone();
                let may_start = !backend.is_tracing_stacks()
                    && backend.with(|world| world.pool_admits(ticket, waker, job.location()));
                if !may_start {
                    self.stage = Stage::New(job);
                    return Poll::Pending;
                }
                let idle = backend.with(|world| world.take_idle_worker(ticket));
                let worker = idle.unwrap_or_else(|| match Worker::start() {
                    Ok(worker) => worker,
                    Err(error) => panic!("the system cannot start a thread: {error}"),
                });
                self.joined = backend.with(|world| {
                    let resource = job.resource()?;
                    Some(world.numbered(Some(resource)))
                });
                (worker, Worker::job(backend, job, cx.waker().clone()))
            }
            Stage::Started(worker) => (worker, Order::GoOn),
            Stage::Ended => unreachable!("a task that has ended is not polled"),
        };
        loop {
            order = match worker.hand_over(order) {
                Answer::Waits => {
                    self.stage = Stage::Started(worker);
                    return Poll::Pending;
                }
                Answer::Asks(request) => {
                    Order::Asked(catch_unwind(AssertUnwindSafe(|| request(backend))))
                }
                Answer::Done(ended, note) => {
                    let unused = backend.with(|world| {
                        if let Some(thing) = self.joined {
                            world.closure_ended(thing);
                        }
                        world.release_worker(ticket, worker)
                    });
                    if let Some(worker) = unused {
                        worker.end();
                    }
                    if ended == Ended::Panicked {
                        // What it means for the run is decided where tasks' panics are.
                        panics::put(note);
                        resume_unwind(Box::new("a blocking closure panicked"));
                    }
                    return Poll::Ready(());
                }
                Answer::Lost => unreachable!("a closure that may go on is not lost"),
            };
        }
    }
}

impl Future for Carrier {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        SimBackend::current(|backend| {
            let backend = backend.expect("a world polls its own tasks");
            self.go_on(backend, cx)
        })
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Stage::Ended);
        if matches!(stage, Stage::Ended) {
            return;
        }
        let ticket = self.ticket;
        SimBackend::current(|backend| {
            if let Some(backend) = backend {
                backend.with(|world| world.abandon_closure(ticket));
            }
        });
        let Stage::Started(worker) = stage else {
            return;
        };
        match worker.hand_over(Order::TakeBack) {
            Answer::Done(..) => worker.end(),
            Answer::Lost => SimBackend::current(|backend| {
                if let Some(backend) = backend {
                    backend.count_lost_thread();
                }
            }),
            Answer::Waits | Answer::Asks(_) => {
                unreachable!("a closure that was taken back neither waits nor asks")
            }
        }
    }
}
