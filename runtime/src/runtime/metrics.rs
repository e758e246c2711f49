//! What a runtime counts.

use std::fmt;
use std::time::Duration;

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

    /// How often the runtime had nothing to do and waited, and how often it went on after that: an odd
    /// number says that it waits.
    ///
    /// # Panics
    /// If `worker` is not 0.
    ///
    /// # Under simulation
    /// 0.
    #[track_caller]
    #[must_use]
    pub fn worker_park_unpark_count(&self, worker: usize) -> u64 {
        assert_eq!(worker, 0, "there is one worker, and it is 0");
        let census = self.census();
        census.parks + census.unparks
    }

    /// How long the thread that runs the runtime did not wait for events and timers. Zero unless
    /// [`Builder::task_times`](super::Builder::task_times) or
    /// [`Builder::debug`](super::Builder::debug) has it measured.
    ///
    /// # Panics
    /// If `worker` is not 0.
    ///
    /// # Under simulation
    /// Zero.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom::runtime::Builder;
    ///
    /// let rt = Builder::new_current_thread().task_times(true).build().unwrap();
    /// rt.block_on(async {
    ///     std::thread::sleep(Duration::from_millis(3));
    ///     simoom::time::sleep(Duration::from_millis(1)).await;
    /// });
    /// assert!(rt.metrics().worker_total_busy_duration(0) >= Duration::from_millis(3));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn worker_total_busy_duration(&self, worker: usize) -> Duration {
        assert_eq!(worker, 0, "there is one worker, and it is 0");
        self.census().busy
    }

    /// How often a task was polled, or found to have ended when its turn came.
    ///
    /// # Panics
    /// If `worker` is not 0.
    ///
    /// # Under simulation
    /// 0.
    #[track_caller]
    #[must_use]
    pub fn worker_poll_count(&self, worker: usize) -> u64 {
        assert_eq!(worker, 0, "there is one worker, and it is 0");
        self.census().polls
    }

    /// How many tasks there ever were.
    ///
    /// # Under simulation
    /// 0.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// rt.block_on(async {
    ///     for _ in 0..3 {
    ///         simoom::spawn(async {}).await.unwrap();
    ///     }
    /// });
    /// let metrics = rt.metrics();
    /// # rt.block_on(simoom::time::sleep(std::time::Duration::from_millis(1)));
    /// assert_eq!(metrics.spawned_tasks_count(), 3);
    /// assert_eq!(metrics.worker_poll_count(0), 3);
    /// assert_eq!(metrics.budget_forced_yield_count(), 0);
    /// ```
    #[must_use]
    pub fn spawned_tasks_count(&self) -> u64 {
        self.census().spawned
    }

    /// How often a task had to give way because it had spent its
    /// [budget](crate::task::coop) and had more to do.
    ///
    /// # Under simulation
    /// 0: there is no budget.
    #[must_use]
    pub fn budget_forced_yield_count(&self) -> u64 {
        self.census().forced_yields
    }

    /// How many threads there are for [`spawn_blocking`](crate::task::spawn_blocking), right now also
    /// when another thread asks.
    ///
    /// # Under simulation
    /// 0, as with the next two.
    #[must_use]
    pub fn num_blocking_threads(&self) -> usize {
        self.census().blocking.threads
    }

    /// How many of them have nothing to do.
    #[must_use]
    pub fn num_idle_blocking_threads(&self) -> usize {
        self.census().blocking.idle
    }

    /// How many closures wait for such a thread.
    #[must_use]
    pub fn blocking_queue_depth(&self) -> usize {
        self.census().blocking.queued
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
            ..
        } = self.census();
        f.debug_struct("RuntimeMetrics")
            .field("num_alive_tasks", &alive)
            .field("global_queue_depth", &runnable)
            .field("worker_park_count", &parks)
            .finish_non_exhaustive()
    }
}
