//! Polls that take long.
//!
//! Owns when a poll is a slow one, and what is said of it: when it is over, and while it goes on by a
//! thread that looks after the one that polls. Knows nothing of hooks.
//!
//! # Invariants
//! 1. `polled` is set while the thread that runs the world polls a future, and is touched by that
//!    thread and the one that looks after it.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::said::{contain, say};
use super::standing::Standing;
use crate::task::Id;
use crate::task::cell::{Extra, TaskRef};

/// A poll that took long, or that takes long: given to whoever asked by
/// [`Builder::on_slow_poll`](crate::runtime::Builder::on_slow_poll).
///
/// Its text says it all in one line, such as `task 7 (worker), spawned at src/main.rs:12:5, was polled
/// for 150 ms (slow poll 3)`.
#[derive(Clone, Copy)]
pub struct SlowPoll<'a> {
    polled: &'a Polled,
    took: Duration,
    count: u64,
    /// What its thread does meanwhile, if it goes on.
    goes_on: Option<&'a Standing>,
}

/// What is polled.
#[derive(Debug)]
struct Polled {
    /// The task; none is the future of `block_on`.
    task: Option<(Id, &'static Location<'static>)>,
    extra: Option<Arc<Extra>>,
    since: Instant,
    /// It was told of while it went on.
    is_told: bool,
}

impl SlowPoll<'_> {
    /// The task; `None` if it is the future of `block_on`, which is none.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        Some(self.polled.task?.0)
    }

    /// The task's name, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.polled.extra.as_ref()?.name.as_deref()
    }

    /// Where the task was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> Option<&'static Location<'static>> {
        Some(self.polled.task?.1)
    }

    /// How long the poll took, or has taken.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.took
    }

    /// How many slow polls of this runtime there have been so far that are over.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether the poll goes on, and so keeps all other tasks waiting.
    #[must_use]
    pub fn is_going_on(&self) -> bool {
        self.goes_on.is_some()
    }
}

impl fmt::Display for SlowPoll<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.polled.task {
            None => f.write_str("the future of `block_on`")?,
            Some((id, location)) => {
                write!(f, "task {id}")?;
                if let Some(name) = self.name() {
                    write!(f, " ({name})")?;
                }
                write!(f, ", spawned at {location},")?;
            }
        }
        let took = Duration::from_millis(u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX));
        match self.goes_on {
            None => write!(f, " was polled for {took:?} (slow poll {})", self.count),
            Some(standing) => {
                write!(
                    f,
                    " has been polled for {took:?} and still is: its thread {standing}"
                )
            }
        }
    }
}

impl fmt::Debug for SlowPoll<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowPoll")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("spawned_at", &self.spawned_at())
            .field("duration", &self.took)
            .field("count", &self.count)
            .field("is_going_on", &self.is_going_on())
            .finish()
    }
}

/// Whom a runtime tells of them.
pub(crate) type SlowHook = Arc<dyn Fn(&SlowPoll<'_>) + Send + Sync>;

/// Looks after the polls of one world.
pub(super) struct Slow {
    /// A poll that takes longer is slow.
    most: Duration,
    hook: Option<SlowHook>,
    count: AtomicU64,
    polled: Mutex<Option<Polled>>,
    /// The thread that runs the world, as `/proc` knows it.
    runner: Mutex<Standing>,
    watchdog: Mutex<Option<Thread>>,
}

/// A poll that takes so many times as long as a slow one is told of while it goes on.
const GOES_ON: u32 = 10;

impl Slow {
    pub(super) fn new(most: Duration, hook: Option<SlowHook>) -> Arc<Self> {
        Arc::new(Self {
            most,
            hook,
            count: AtomicU64::new(0),
            polled: Mutex::new(None),
            runner: Mutex::default(),
            watchdog: Mutex::new(None),
        })
    }

    /// This thread runs the world now. Somebody looks after it from here on.
    pub(super) fn run(self: &Arc<Self>) {
        *lock(&self.runner) = Standing::of_this_thread();
        let mut watchdog = lock(&self.watchdog);
        if watchdog.is_none() {
            let slow = Arc::downgrade(self);
            let started = std::thread::Builder::new()
                .name("simoom-watchdog".to_owned())
                .spawn(move || look_after(&slow));
            // Without it, slow polls are told of when they are over.
            *watchdog = started.ok().map(|started| started.thread().clone());
        }
    }

    /// A future is about to be polled: that of `task`, or that of `block_on`.
    pub(super) fn begin(&self, task: Option<TaskRef<'_>>) {
        *lock(&self.polled) = Some(Polled {
            task: task.map(|task| (task.id(), task.location())),
            extra: task.and_then(TaskRef::known_extra),
            since: Instant::now(),
            is_told: false,
        });
    }

    /// It was polled.
    pub(super) fn end(&self) {
        let Some(polled) = lock(&self.polled).take() else {
            return;
        };
        let took = polled.since.elapsed();
        if took > self.most {
            let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
            self.tell(&polled, took, count, None);
        }
    }

    /// Tells of a poll that goes on for too long, once.
    fn look(&self) {
        let mut current = lock(&self.polled);
        let Some(polled) = current.as_mut() else {
            return;
        };
        let took = polled.since.elapsed();
        if polled.is_told || took < self.most.saturating_mul(GOES_ON) {
            return;
        }
        polled.is_told = true;
        // Whoever is told must not hold up the poll's end.
        let polled = Polled {
            task: polled.task,
            extra: polled.extra.clone(),
            since: polled.since,
            is_told: true,
        };
        drop(current);
        let standing = lock(&self.runner).look();
        let count = self.count.load(Ordering::Relaxed);
        self.tell(&polled, took, count, Some(&standing));
    }

    fn tell(&self, polled: &Polled, took: Duration, count: u64, goes_on: Option<&Standing>) {
        let slow = SlowPoll {
            polled,
            took,
            count,
            goes_on,
        };
        match &self.hook {
            Some(hook) => {
                contain(|| hook(&slow));
            }
            None => say(&slow),
        }
    }

    /// How often the thread that looks after the polls looks.
    fn period(&self) -> Duration {
        let goes_on = self.most.saturating_mul(GOES_ON);
        (goes_on / 4).clamp(Duration::from_millis(5), Duration::from_millis(250))
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        if let Some(watchdog) = lock(&self.watchdog).take() {
            watchdog.unpark();
        }
    }
}

fn look_after(slow: &Weak<Slow>) {
    loop {
        let Some(slow) = slow.upgrade() else {
            return;
        };
        slow.look();
        let period = slow.period();
        drop(slow);
        std::thread::park_timeout(period);
    }
}

/// What is behind it is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
