//! What a runtime counts.

use std::fmt;

use super::Handle;
use crate::backend::Census;

/// What a runtime counts, read when it is asked.
///
/// On a thread that does not run the runtime, what it was when the runtime had nothing to do the last
/// time.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let metrics = simoom::runtime::Handle::current().metrics();
/// let task = simoom::spawn(std::future::pending::<()>());
/// assert_eq!(metrics.num_alive_tasks(), 1);
/// # drop(task);
/// # });
/// ```
#[derive(Clone)]
pub struct RuntimeMetrics {
    handle: Handle,
}

impl RuntimeMetrics {
    pub(super) fn of(handle: Handle) -> Self {
        Self { handle }
    }

    /// On how many threads tasks run: one.
    #[must_use]
    pub fn num_workers(&self) -> usize {
        1
    }

    /// How many tasks have not ended. The future of `block_on` is none.
    ///
    /// # Under simulation
    /// Of all nodes, with the test itself.
    #[must_use]
    pub fn num_alive_tasks(&self) -> usize {
        self.census().alive
    }

    /// How many tasks can run and wait for their turn.
    ///
    /// # Under simulation
    /// Of all nodes.
    #[must_use]
    pub fn global_queue_depth(&self) -> usize {
        self.census().runnable
    }

    /// How often the runtime had nothing to do and waited for an event or a timer.
    ///
    /// # Panics
    /// If `worker` is not 0.
    ///
    /// # Under simulation
    /// 0.
    #[track_caller]
    #[must_use]
    pub fn worker_park_count(&self, worker: usize) -> u64 {
        assert_eq!(worker, 0, "there is one worker, and it is 0");
        self.census().parks
    }

    fn census(&self) -> Census {
        self.handle.census()
    }
}

impl fmt::Debug for RuntimeMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Census {
            alive,
            runnable,
            parks,
        } = self.census();
        f.debug_struct("RuntimeMetrics")
            .field("num_alive_tasks", &alive)
            .field("global_queue_depth", &runnable)
            .field("worker_park_count", &parks)
            .finish_non_exhaustive()
    }
}
