//! What several programs are made of: a fair semaphore, and waiting for all tasks.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use simoom::sync::oneshot;
use simoom::task::{JoinHandle, preemption_point};

pub(super) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(super) async fn all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

/// Permits that are given to whoever has waited longest, and to nobody before.
pub(super) struct Semaphore {
    free: Cell<u32>,
    waiters: RefCell<VecDeque<Waiter>>,
    next: Cell<u64>,
    care: Care,
}

/// What who gives up takes care of.
#[derive(Clone, Copy)]
pub(super) struct Care {
    /// That those behind go on if there is enough for them.
    pub(super) for_those_behind: bool,
    /// That permits which were handed over already are given back.
    pub(super) for_permits: bool,
}

struct Waiter {
    number: u64,
    count: u32,
    granted: oneshot::Sender<()>,
}

impl Semaphore {
    pub(super) fn new(permits: u32) -> Rc<Self> {
        let care = Care {
            for_those_behind: true,
            for_permits: true,
        };
        Self::with_care(permits, care)
    }

    /// As [`new`](Self::new), with less care.
    pub(super) fn with_care(permits: u32, care: Care) -> Rc<Self> {
        Rc::new(Self {
            free: Cell::new(permits),
            waiters: RefCell::default(),
            next: Cell::new(0),
            care,
        })
    }

    /// Takes so many permits at once.
    pub(super) async fn acquire(self: &Rc<Self>, count: u32) -> Permits {
        preemption_point().await;
        if self.waiters.borrow().is_empty() && self.free.get() >= count {
            self.free.set(self.free.get() - count);
            return Permits(self.clone(), count);
        }
        let (granted, grant) = oneshot::channel();
        let number = self.next.replace(self.next.get() + 1);
        self.waiters.borrow_mut().push_back(Waiter {
            number,
            count,
            granted,
        });
        let mut ticket = Ticket {
            semaphore: self,
            number,
            count,
            is_used: false,
        };
        let _ = grant.await;
        ticket.is_used = true;
        Permits(self.clone(), count)
    }

    fn release(&self, count: u32) {
        self.free.set(self.free.get() + count);
        self.hand_out();
    }

    fn hand_out(&self) {
        loop {
            let mut waiters = self.waiters.borrow_mut();
            let Some(first) = waiters.front() else {
                return;
            };
            if first.count > self.free.get() {
                return;
            }
            self.free.set(self.free.get() - first.count);
            let first = waiters.pop_front();
            drop(waiters);
            // Who gives up has taken its place out of the queue.
            let _ = first.map(|it| it.granted.send(()));
        }
    }
}

/// A place in the queue.
struct Ticket<'a> {
    semaphore: &'a Rc<Semaphore>,
    number: u64,
    count: u32,
    is_used: bool,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.is_used {
            return;
        }
        let mut waiters = self.semaphore.waiters.borrow_mut();
        let place = waiters.iter().position(|it| it.number == self.number);
        let removed = place.and_then(|place| waiters.remove(place));
        drop(waiters);
        match removed {
            None if self.semaphore.care.for_permits => self.semaphore.release(self.count),
            Some(_) if self.semaphore.care.for_those_behind => self.semaphore.hand_out(),
            _ => {}
        }
    }
}

/// Permits that are given back when this is dropped.
pub(super) struct Permits(Rc<Semaphore>, u32);

impl Drop for Permits {
    fn drop(&mut self) {
        self.0.release(self.1);
    }
}
