//! The threads for blocking work of each node.
//!
//! Owns how many of a node's closures run and who waits for a thread. Knows nothing of what a
//! thread does.
//!
//! # Invariants
//! 1. At most `threads_max` closures of an incarnation have started and not ended.
//! 2. A closure waits only while that many run; the one that came first starts first.

use std::collections::BTreeMap;
use std::panic::Location;
use std::task::Waker;

use simoom::backend::OpKind;

use super::World;
use super::node::NodeId;
use super::tasks::At;
use crate::baton::Worker;
use crate::choice::ResourceName;
use crate::strategy::Thing;

/// The threads of one incarnation of a node.
#[derive(Debug)]
pub(crate) struct Pool {
    threads_max: usize,
    busy: usize,
    /// Who waits for a thread, in the order in which they came.
    waiting: BTreeMap<u64, Option<Waker>>,
    /// How many closures had to wait so far.
    waited: u64,
    /// Of those that may start and had to wait: the event after which there was a thread.
    freed: BTreeMap<u64, u64>,
    /// Waits until no closure runs any more.
    last_out: Option<Waker>,
    /// Threads without a job, the one that had one last at the end.
    idle: Vec<Worker>,
}

/// A closure's right to a thread, now or later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    node: NodeId,
    /// How often the node had been killed: a later incarnation has threads of its own.
    deaths: u32,
    /// Its number among those that had to wait; `None` if a thread was free when it came.
    number: Option<u64>,
}

impl Pool {
    /// As many threads as a runtime has by default.
    const THREADS_MAX: usize = 512;

    /// How many closures run at once.
    pub(crate) fn threads_max(&self) -> usize {
        self.threads_max
    }

    fn admit(&mut self) -> Option<u64> {
        if self.busy < self.threads_max {
            self.busy += 1;
            return None;
        }
        self.waited += 1;
        self.waiting.insert(self.waited, None);
        Some(self.waited)
    }

    /// Lets the first that wait start while there are threads for them, and collects who is to be
    /// woken for that. `event` is the last that happened.
    fn fill(&mut self, event: u64, wakers: &mut Vec<Waker>) {
        while self.busy < self.threads_max
            && let Some((number, waker)) = self.waiting.pop_first()
        {
            self.busy += 1;
            self.freed.insert(number, event);
            wakers.extend(waker);
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            threads_max: Self::THREADS_MAX,
            busy: 0,
            waiting: BTreeMap::new(),
            waited: 0,
            freed: BTreeMap::new(),
            last_out: None,
            idle: Vec::new(),
        }
    }
}

impl World {
    /// A closure's place among those of the running task's node.
    pub(crate) fn pool_ticket(&mut self) -> Ticket {
        let node = self.current_node();
        let this = &mut self.nodes[node.0 as usize];
        Ticket {
            node,
            deaths: this.deaths,
            number: this.pool.admit(),
        }
    }

    /// Whether the closure may start, else keeps the waker and notes that it waits.
    pub(crate) fn pool_admits(
        &mut self,
        ticket: Ticket,
        waker: Waker,
        site: &'static Location<'static>,
    ) -> bool {
        let pool = &mut self.nodes[ticket.node.0 as usize].pool;
        let place = ticket
            .number
            .and_then(|number| pool.waiting.get_mut(&number));
        let Some(place) = place else {
            self.effects.drop(waker);
            let freed = ticket.number.and_then(|number| pool.freed.remove(&number));
            if let Some(event) = freed {
                self.sees(event);
            }
            return true;
        };
        if let Some(before) = place.replace(waker) {
            self.effects.drop(before);
        }
        if let Some(entry) = self.tasks.current_mut() {
            entry.at = At {
                kind: Some(OpKind::Blocking),
                resource: ResourceName::NONE,
                thing: Thing::NONE,
                writes: false,
                is_contained: false,
                waker: 0,
                is_done: false,
                site,
            };
        }
        false
    }

    /// The running task's closure starts. A thread that another of the same incarnation has left,
    /// if there is one.
    pub(crate) fn take_idle_worker(&mut self, ticket: Ticket) -> Option<Worker> {
        if let Some(entry) = self.tasks.current_mut() {
            entry.on_thread = true;
        }
        self.nodes[ticket.node.0 as usize].pool.idle.pop()
    }

    /// The closure has ended. Gives its thread back if nobody has use for it any more.
    pub(crate) fn release_worker(&mut self, ticket: Ticket, worker: Worker) -> Option<Worker> {
        let event = self.record.count();
        let node = &mut self.nodes[ticket.node.0 as usize];
        if node.deaths != ticket.deaths {
            return Some(worker);
        }
        let mut wakers = Vec::new();
        node.pool.busy -= 1;
        node.pool.fill(event, &mut wakers);
        node.pool.idle.push(worker);
        wakers.extend(node.pool.last_out.take());
        self.effects.wake_all(wakers);
        None
    }

    /// A closure is dropped that has not ended, with the child process that it is of.
    pub(crate) fn abandon_closure(&mut self, ticket: Ticket) {
        let event = self.record.count();
        let node = &mut self.nodes[ticket.node.0 as usize];
        if node.deaths != ticket.deaths {
            return;
        }
        let mut wakers = Vec::new();
        let number = ticket.number;
        match number.and_then(|number| node.pool.waiting.remove(&number)) {
            Some(waker) => {
                self.effects.drop_some(waker);
            }
            None => {
                if let Some(number) = number {
                    node.pool.freed.remove(&number);
                }
                node.pool.busy -= 1;
                node.pool.fill(event, &mut wakers);
                wakers.extend(node.pool.last_out.take());
            }
        }
        self.effects.wake_all(wakers);
    }

    /// Whether no closure of `node` has started and not ended, else keeps the waker.
    pub(crate) fn is_pool_quiet(&mut self, node: NodeId, waker: Waker) -> bool {
        let is_quiet = !self
            .tasks
            .any(|entry| entry.node == node && entry.on_thread);
        let last_out = &mut self.nodes[node.0 as usize].pool.last_out;
        let before = if is_quiet {
            Some(waker)
        } else {
            last_out.replace(waker)
        };
        if let Some(waker) = before {
            self.effects.drop(waker);
        }
        is_quiet
    }

    /// Sets how many closures of a node run at once.
    pub(crate) fn set_pool_max(&mut self, node: NodeId, threads_max: usize) {
        let event = self.record.count();
        let mut wakers = Vec::new();
        let pool = &mut self.nodes[node.0 as usize].pool;
        pool.threads_max = threads_max;
        pool.fill(event, &mut wakers);
        self.effects.wake_all(wakers);
    }

    /// Forgets a node's closures, which are dropped with its tasks; the caller ends the threads.
    #[must_use = "the threads are there until they are ended"]
    pub(crate) fn clear_pool(&mut self, node: NodeId) -> Vec<Worker> {
        let pool = &mut self.nodes[node.0 as usize].pool;
        let fresh = Pool {
            threads_max: pool.threads_max,
            ..Pool::default()
        };
        let old = std::mem::replace(pool, fresh);
        let waiting = old.waiting.into_values().flatten();
        for waker in waiting.chain(old.last_out) {
            self.effects.drop(waker);
        }
        old.idle
    }
}
