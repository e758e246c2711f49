//! The threads of one runtime that may block.
//!
//! Owns the queue of jobs, the threads and their end. Knows nothing of what a job does.
//!
//! ```text
//!            run: no thread idle                    job done, queue empty
//!   (none) ----------------------> [busy] ------------------------------------> [idle]
//!                                    ^  '-- closed, queue empty --.                |
//!                                    '----- run: promised --------|---------------'|
//!                                                                 v                v
//!                                                               (ended) <-- idle too long, closed
//! ```
//!
//! # Invariants
//! 1. `threads` counts the threads that have not left their loop; `idle` those that wait and to
//!    which no job was promised; `promised` the jobs whose idle thread has not woken yet.
//! 2. A queued job is promised to an idle thread, or every thread is busy and looks at the queue
//!    when its job is done.
//! 3. Jobs run and are dropped without the lock.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::backend::{BlockingCensus, Job};
use crate::context;

/// How the threads are made and how many there are.
#[derive(Clone)]
pub(crate) struct PoolSettings {
    pub(crate) threads_max: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) stack_size: Option<usize>,
    pub(crate) name: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) on_start: Option<Callback>,
    pub(crate) on_stop: Option<Callback>,
}

/// What the user wants done on each thread.
type Callback = Arc<dyn Fn() + Send + Sync>;

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            threads_max: 512,
            keep_alive: Duration::from_secs(10),
            stack_size: None,
            name: Arc::new(|| "simoom-blocking".to_owned()),
            on_start: None,
            on_stop: None,
        }
    }
}

/// The threads that may block.
pub(super) struct Pool {
    settings: PoolSettings,
    state: Mutex<State>,
    /// A job was promised to an idle thread, or the pool was closed.
    work: Condvar,
    /// A thread left its loop.
    left: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
    promised: usize,
    closed: bool,
    /// Of every thread that has not ended, and of some that have.
    handles: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(super) fn new(settings: PoolSettings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
            work: Condvar::new(),
            left: Condvar::new(),
        }
    }

    /// What it counts.
    pub(super) fn census(&self) -> BlockingCensus {
        let state = self.lock();
        BlockingCensus {
            threads: state.threads,
            idle: state.idle,
            queued: state.queue.len(),
        }
    }

    /// Has `job` done by a thread inside `shared`'s runtime; gives it back if the pool is closed.
    ///
    /// # Panics
    /// If the system cannot start the only thread.
    pub(super) fn run(&self, shared: &Arc<Shared>, job: Job) -> Result<(), Job> {
        let mut state = self.lock();
        if state.closed {
            return Err(job);
        }
        if state.idle > 0 {
            state.queue.push_back(job);
            state.idle -= 1;
            state.promised += 1;
            drop(state);
            self.work.notify_one();
        } else if state.threads < self.settings.threads_max {
            // Foreign code: if it panics, the job must not be left in a queue that nobody serves.
            let name = (self.settings.name)();
            state.queue.push_back(job);
            self.start_thread(state, shared, name);
        } else {
            state.queue.push_back(job);
        }
        Ok(())
    }

    /// The lock is kept, so that the thread's handle is in the table before the thread looks.
    fn start_thread(&self, mut state: MutexGuard<'_, State>, shared: &Arc<Shared>, name: String) {
        let mut builder = thread::Builder::new().name(name);
        if let Some(bytes) = self.settings.stack_size {
            builder = builder.stack_size(bytes);
        }
        let inside = shared.clone();
        match builder.spawn(move || inside.pool().serve(&inside)) {
            Ok(handle) => {
                state.threads += 1;
                state.handles.retain(|handle| !handle.is_finished());
                state.handles.push(handle);
            }
            // A busy thread will come to it.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && state.threads > 0 => {}
            Err(error) => {
                let job = state.queue.pop_back();
                drop(state);
                drop(job);
                panic!("the system cannot start a thread for blocking work: {error}");
            }
        }
    }

    /// The life of one thread.
    fn serve(&self, shared: &Arc<Shared>) {
        call(self.settings.on_start.as_ref());
        let inside = context::enter_remote(shared.clone());
        self.serve_jobs();
        drop(inside);
        self.left.notify_all();
        call(self.settings.on_stop.as_ref());
    }

    /// Returns when the thread is not needed any more, and not counted either.
    fn serve_jobs(&self) {
        let mut state = self.lock();
        loop {
            while let Some(job) = state.queue.pop_front() {
                drop(state);
                job.run();
                state = self.lock();
            }
            if state.closed {
                state.threads -= 1;
                return;
            }
            state.idle += 1;
            let deadline = Instant::now().checked_add(self.settings.keep_alive);
            loop {
                if state.promised > 0 {
                    state.promised -= 1;
                    break;
                }
                let left =
                    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                if state.closed || left == Some(Duration::ZERO) {
                    state.idle -= 1;
                    state.threads -= 1;
                    return;
                }
                state = self.wait(&self.work, state, left);
            }
        }
    }

    /// Whether a closure is running, or is about to.
    pub(super) fn is_busy(&self) -> bool {
        let state = self.lock();
        state.threads > state.idle
    }

    /// Closes the pool: drops the jobs that wait, but for those that were promised, and waits for
    /// the threads, at most `timeout` or for as long as it takes.
    pub(super) fn close(&self, timeout: Option<Duration>) {
        let mut state = self.lock();
        state.closed = true;
        let (promised, dropped) = std::mem::take(&mut state.queue)
            .into_iter()
            .partition::<VecDeque<_>, _>(Job::is_promised);
        state.queue = promised;
        drop(state);
        drop(dropped);
        self.work.notify_all();
        let deadline = timeout.map(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        // A thread of the pool that drops its own runtime does not wait for itself.
        let this = thread::current().id();
        let own = state
            .handles
            .iter()
            .filter(|handle| handle.thread().id() == this)
            .count();
        while state.threads > own {
            let left = deadline
                .flatten()
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return;
            }
            state = self.wait(&self.left, state, left);
        }
        let handles = std::mem::take(&mut state.handles);
        drop(state);
        for handle in handles {
            if handle.thread().id() != this {
                // What a thread-local's destructor throws is nobody's business.
                let _ = handle.join();
            }
        }
    }

    fn wait<'a>(
        &self,
        condition: &Condvar,
        state: MutexGuard<'a, State>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        match timeout {
            None => condition
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                condition
                    .wait_timeout(state, timeout)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        }
    }

    /// Poison is ignored: no foreign code runs under the lock but the name of a thread, which
    /// leaves the state whole when it panics.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A callback that panics, which has been printed, must not take its thread out of the count.
fn call(callback: Option<&Callback>) {
    if let Some(callback) = callback {
        let _ = catch_unwind(AssertUnwindSafe(|| callback()));
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Pool")
            .field("threads", &state.threads)
            .field("queued", &state.queue.len())
            .finish_non_exhaustive()
    }
}
