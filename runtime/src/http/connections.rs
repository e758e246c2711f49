//! The connections of a server.
//!
//! Owns how many are open, and the means to end them: to ask all, and to cut them off. Knows
//! nothing of what they carry but whether that is a request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::requests::Requests;
use crate::sync::Notify;
use crate::task::AbortHandle;

/// The connections of a server.
#[derive(Debug, Default)]
pub(super) struct Connections {
    tasks: Tasks,
    shared: Arc<Shared>,
}

/// What a server's connections share with it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    open: Mutex<usize>,
    /// One has ended.
    ended: Notify,
    is_stopping: AtomicBool,
    stopping: Notify,
}

impl Connections {
    /// Waits until there are fewer than `max`.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(super) async fn below(&self, max: Option<usize>) {
        let Some(max) = max else {
            return;
        };
        self.shared.until(|open| open < max).await;
    }

    /// A place for one more.
    pub(super) fn place(&self) -> Place {
        *self.shared.open() += 1;
        Place(Arc::clone(&self.shared))
    }

    /// Notes the task that has taken a place, for these requests.
    pub(super) fn add(&mut self, task: AbortHandle, requests: Arc<Requests>) {
        self.tasks.add(Task { task, requests });
    }

    /// Asks all to finish, and waits until they have.
    ///
    /// # Cancel safety
    /// They are asked at the first poll.
    pub(super) async fn finish(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        self.shared.stopping.notify_waiters();
        self.shared.until(|open| open == 0).await;
    }

    /// Ends those that have not ended, and says how many of those had a request.
    pub(super) fn abort(&mut self) -> usize {
        self.tasks.abort()
    }
}

impl Shared {
    /// Waits until so many are open as `is_enough` asks.
    async fn until(&self, is_enough: impl Fn(usize) -> bool) {
        loop {
            // Waiting starts before looking: an end in between is not missed.
            let ended = self.ended.notified();
            if is_enough(*self.open()) {
                return;
            }
            ended.await;
        }
    }

    fn open(&self) -> MutexGuard<'_, usize> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Shared>);

impl Place {
    /// Waits until the server asks its connections to finish.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(super) async fn asked_to_finish(&self) {
        // Waiting starts before looking, as above.
        let stopping = self.0.stopping.notified();
        if !self.is_asked_to_finish() {
            stopping.await;
        }
    }

    /// Whether the server has asked its connections to finish. Asks no budget.
    pub(super) fn is_asked_to_finish(&self) -> bool {
        self.0.is_stopping.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.open() -= 1;
        self.0.ended.notify_one();
    }
}

/// The tasks of connections.
#[derive(Debug, Default)]
struct Tasks {
    tasks: Vec<Task>,
    /// How many there are to be before those that have ended are looked for.
    full: usize,
}

#[derive(Debug)]
struct Task {
    task: AbortHandle,
    requests: Arc<Requests>,
}

impl Tasks {
    fn add(&mut self, task: Task) {
        const FEW: usize = 32;
        if self.tasks.len() >= self.full.max(FEW) {
            self.tasks.retain(|task| !task.task.is_finished());
            self.full = self.tasks.len() * 2;
        }
        self.tasks.push(task);
    }

    fn abort(&mut self) -> usize {
        self.tasks.retain(|task| !task.task.is_finished());
        let mut with_request = 0;
        for Task { task, requests } in &self.tasks {
            with_request += usize::from(requests.have_begun());
            task.abort();
        }
        with_request
    }
}
