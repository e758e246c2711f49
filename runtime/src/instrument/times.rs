//! What a task has done, and how long that took.
//!
//! Owns the counts and times of one task. Knows nothing of who reads them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What a task has done so far, and how long that took: kept where
/// [`Builder::task_times`](crate::runtime::Builder::task_times) or [`Builder::debug`](crate::runtime::Builder::debug)
/// asks for it.
///
/// Read from a [`JoinHandle`](crate::task::JoinHandle::times), from the running task itself by
/// [`task::current`](crate::task::current()), or from the [list](crate::task::all) of all tasks. What
/// it was at that moment: it does not go on.
///
/// # Under simulation
/// Nothing is kept.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom::runtime::Builder;
///
/// let rt = Builder::new_current_thread().task_times(true).build().unwrap();
/// rt.block_on(async {
///     let task = simoom::spawn(async {
///         std::thread::sleep(Duration::from_millis(3));
///         simoom::task::yield_now().await;
///     });
///     while !task.is_finished() {
///         simoom::task::yield_now().await;
///     }
///     let times = task.times().unwrap();
///     assert_eq!(times.polls(), 2);
///     assert!(times.longest_poll() >= Duration::from_millis(3));
///     assert!(times.busy() >= times.longest_poll());
///     assert!(times.age() >= times.busy());
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskTimes {
    polls: u64,
    busy: Duration,
    longest: Duration,
    runnable: Duration,
    first: Option<Duration>,
    age: Duration,
}

impl TaskTimes {
    /// How often it was polled. A poll that goes on does not count yet, nor does its time.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls
    }

    /// How long it was polled in all.
    #[must_use]
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// How long its longest poll took.
    #[must_use]
    pub fn longest_poll(&self) -> Duration {
        self.longest
    }

    /// How long it could run and waited for its turn, in all.
    #[must_use]
    pub fn runnable(&self) -> Duration {
        self.runnable
    }

    /// How long it was neither polled nor able to run, in all.
    #[must_use]
    pub fn idle(&self) -> Duration {
        (self.age.saturating_sub(self.busy)).saturating_sub(self.runnable)
    }

    /// How long it was from its spawn to its first poll; `None` if there was none.
    #[must_use]
    pub fn until_first_poll(&self) -> Option<Duration> {
        self.first
    }

    /// How long it was from its spawn until now, or until its end.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }
}

/// What is kept of one task. All times are nanoseconds since it was spawned; written by the thread
/// that runs the task's world, read by any.
#[derive(Debug)]
pub(crate) struct Times {
    spawned: Instant,
    /// When it was queued, and is still.
    queued: AtomicU64,
    /// When its poll began, which goes on.
    began: AtomicU64,
    ended: AtomicU64,
    first: AtomicU64,
    polls: AtomicU64,
    busy: AtomicU64,
    longest: AtomicU64,
    runnable: AtomicU64,
}

/// No moment.
const NEVER: u64 = u64::MAX;

impl Times {
    pub(super) fn new() -> Self {
        Self {
            spawned: Instant::now(),
            queued: AtomicU64::new(NEVER),
            began: AtomicU64::new(NEVER),
            ended: AtomicU64::new(NEVER),
            first: AtomicU64::new(NEVER),
            polls: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            runnable: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        nanoseconds(self.spawned.elapsed())
    }

    pub(super) fn scheduled(&self) {
        self.queued.store(self.now(), Relaxed);
    }

    pub(super) fn will_step(&self) {
        let now = self.now();
        let queued = self.queued.swap(NEVER, Relaxed);
        if queued != NEVER {
            self.runnable.fetch_add(now - queued, Relaxed);
        }
        self.began.store(now, Relaxed);
        let _ = self.first.compare_exchange(NEVER, now, Relaxed, Relaxed);
    }

    pub(super) fn stepped(&self) {
        let took = self.now() - self.began.swap(NEVER, Relaxed);
        self.polls.fetch_add(1, Relaxed);
        self.busy.fetch_add(took, Relaxed);
        self.longest.fetch_max(took, Relaxed);
    }

    pub(super) fn ended(&self) {
        self.ended.store(self.now(), Relaxed);
    }

    /// What they are now.
    pub(crate) fn read(&self) -> TaskTimes {
        let moment = |ns: &AtomicU64| Some(ns.load(Relaxed)).filter(|&ns| ns != NEVER);
        let length = |ns: &AtomicU64| Duration::from_nanos(ns.load(Relaxed));
        let age = moment(&self.ended).unwrap_or_else(|| self.now());
        let waits = moment(&self.queued).map_or(0, |queued| age.saturating_sub(queued));
        TaskTimes {
            polls: self.polls.load(Relaxed),
            busy: length(&self.busy),
            longest: length(&self.longest),
            runnable: length(&self.runnable) + Duration::from_nanos(waits),
            first: moment(&self.first).map(Duration::from_nanos),
            age: Duration::from_nanos(age),
        }
    }
}

/// As a number, which lasts for 500 years.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER - 1)
}
