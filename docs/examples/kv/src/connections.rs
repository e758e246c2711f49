//! The connections that are open.
//!
//! Owns how many there may be and the means to end them. Knows nothing of what they say.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use simoom::sync::Notify;
use simoom::task::AbortHandle;

/// The open connections, by number.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Open {
    tasks: BTreeMap<u64, Option<AbortHandle>>,
    last_id: u64,
}

impl Connections {
    /// A place for one more connection, unless there are `max` already.
    pub(crate) fn admit(self: &Arc<Self>, max: usize) -> Option<Place> {
        let mut open = self.open();
        if open.tasks.len() >= max {
            return None;
        }
        open.last_id += 1;
        let id = open.last_id;
        open.tasks.insert(id, None);
        Some(Place {
            id,
            connections: Arc::clone(self),
        })
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.open().tasks.len()
    }

    /// Waits until none is open.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(crate) async fn all_ended(&self) {
        loop {
            // Waiting starts before looking: an end in between is not missed.
            let ended = self.ended.notified();
            if self.len() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Ends all of them at once.
    pub(crate) fn abort_all(&self) {
        // Taken out first: aborting may run a task's destructors, which come back here.
        let tasks: Vec<_> = self.open().tasks.values().flatten().cloned().collect();
        for task in tasks {
            task.abort();
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to have one connection open. Dropping it gives the place free.
#[derive(Debug)]
pub(crate) struct Place {
    id: u64,
    connections: Arc<Connections>,
}

impl Place {
    /// The number of the connection, unique while the server runs.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Starts the task of the connection, which keeps the place until it ends.
    pub(crate) fn spawn<F>(self, connection: impl FnOnce(Self) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (id, connections) = (self.id, Arc::clone(&self.connections));
        let task = simoom::spawn(connection(self)).abort_handle();
        if let Some(entry) = connections.open().tasks.get_mut(&id) {
            *entry = Some(task);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().tasks.remove(&self.id);
        self.connections.ended.notify_one();
    }
}
