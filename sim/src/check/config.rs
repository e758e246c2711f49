//! What a sweep is asked to do.

use std::time::Duration;

use crate::run::Limits;
use crate::strategy::Strategy;

/// What a sweep does. The environment overrides what code says.
///
/// | variable | meaning |
/// | --- | --- |
/// | `SIMOOM_SEED` | run this seed only; decimal or hexadecimal, underscores allowed |
/// | `SIMOOM_SEEDS` | how many seeds to run |
/// | `SIMOOM_STRATEGY` | `portfolio`, `calm`, `random` or `pct:3` |
/// | `SIMOOM_JOBS` | how many runs at once in this process; 1 under nextest unless set |
/// | `SIMOOM_REPLAY` | replay this plan file only |
/// | `SIMOOM_PERSIST` | `0`: do not save failures beside the sources |
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_sim::{Config, Strategy, check};
///
/// let config = Config::default()
///     .seeds(20)
///     .strategy(Strategy::Random)
///     .time(Duration::from_secs(60));
/// check(config, |_sim| async {}).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) seeds: u64,
    pub(crate) first_seed: u64,
    pub(crate) one_seed: Option<u64>,
    pub(crate) strategy: Strategy,
    pub(crate) limits: Limits,
    pub(crate) shrink: bool,
    pub(crate) jobs: Option<usize>,
    pub(crate) persist: bool,
}

/// The first seed of every sweep that names no other.
pub(crate) const FIRST_SEED: u64 = 0x5eed_0000_0000_0000;

impl Default for Config {
    /// 100 seeds from `0x5eed_0000_0000_0000` under the portfolio, at most a million polls and an
    /// hour of virtual time each; failures are shrunk and saved.
    fn default() -> Self {
        Self {
            seeds: 100,
            first_seed: FIRST_SEED,
            one_seed: None,
            strategy: Strategy::default(),
            limits: Limits {
                steps: 1_000_000,
                time: Duration::from_secs(3_600),
                watchdog: Duration::from_secs(10),
                stall: Duration::ZERO,
            },
            shrink: true,
            jobs: None,
            persist: true,
        }
    }
}

impl Config {
    /// How many seeds to run (default 100). 0 runs only the saved failures and
    /// the calm run that every sweep begins with.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    /// The first of the seeds; the others follow it (default `0x5eed_0000_0000_0000`).
    #[must_use]
    pub fn first_seed(mut self, seed: u64) -> Self {
        self.first_seed = seed;
        self
    }

    /// Runs this seed and no other.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.one_seed = Some(seed);
        self
    }

    /// Which strategy makes the choices (default [`Strategy::Portfolio`]).
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The most virtual time a run may take (default one hour). More fails the run.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// The most virtual time a task may be held up before an operation (default zero: not at all).
    ///
    /// Code takes no virtual time of its own, so an interrupted task goes on in the same instant.
    /// With this, some tasks are slow now and then, as on a busy machine: what other tasks and the
    /// network do in the meantime comes first. Durations are no longer exact.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom_sim::{Config, check};
    ///
    /// // Says that it is done before it is: only a slow task is ever caught at it.
    /// let config = Config::default().seeds(300).stalls(Duration::from_millis(50)).persist(false);
    /// let report = check(config, |_sim| async {
    ///     let (say, said) = simoom::sync::oneshot::channel();
    ///     let lock = std::sync::Arc::new(simoom::sync::Mutex::new(false));
    ///     let done = lock.clone();
    ///     simoom::spawn(async move {
    ///         say.send(()).unwrap();
    ///         *done.lock().await = true;
    ///     });
    ///     said.await.unwrap();
    ///     simoom::time::sleep(Duration::from_millis(1)).await;
    ///     assert!(*lock.lock().await, "it is not done");
    /// });
    /// assert_eq!(report.failure().unwrap().deviations(), 1);
    /// ```
    #[must_use]
    pub fn stalls(mut self, most: Duration) -> Self {
        self.limits.stall = most;
        self
    }

    /// The most polls of tasks a run may take (default 1 000 000). More fails the run.
    #[must_use]
    pub fn steps(mut self, steps: u64) -> Self {
        self.limits.steps = steps;
        self
    }

    /// Whether a failure is shrunk, in at most 200 replays (default true).
    #[must_use]
    pub fn shrink(mut self, shrink: bool) -> Self {
        self.shrink = shrink;
        self
    }

    /// How many runs at once, within the process's limit (default: one per processor).
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs.max(1));
        self
    }

    /// Whether a failure is saved beside the sources (default true).
    #[must_use]
    pub fn persist(mut self, persist: bool) -> Self {
        self.persist = persist;
        self
    }

    /// How long one poll may take in real time before the process is ended with the task's name
    /// and stack (default 10 s; zero turns the watchdog off).
    #[must_use]
    pub fn watchdog(mut self, limit: Duration) -> Self {
        self.limits.watchdog = limit;
        self
    }
}
