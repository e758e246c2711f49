//! What a sweep is asked to do.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use simoom_faults::Plan;

use super::cancels::Cancels;
use crate::cancel::Deny;
use crate::checkers::leaks::Leaks;
use crate::run::Limits;
use crate::strategy::Strategy;

/// What a sweep does. The environment overrides what code says.
///
/// | variable | meaning |
/// | --- | --- |
/// | `SIMOOM_SEED` | run this seed only; decimal or hexadecimal, underscores allowed |
/// | `SIMOOM_SEEDS` | how many seeds to run |
/// | `SIMOOM_FIRST_SEED` | the first of them |
/// | `SIMOOM_STRATEGY` | `portfolio`, `calm`, `random`, `pct:3`, `pos`, `surw`, `reads-from`, `starvation`, or `exhaustive`, `exhaustive:2` with at most so many deviations from calm, see [`Strategy`] |
/// | `SIMOOM_FAULTS` | these faults in place of the test's: the name of a [`Profile`](crate::Profile), or the text of a [`Plan`](simoom_faults::Plan) with or without its first line, `;` for the end of a line |
/// | `SIMOOM_DOUBLED` | of how many seeds one runs twice, see [`doubled`](Self::doubled); `0`: none |
/// | `SIMOOM_PROCESSES` | how many of those run in a fresh process, see [`processes`](Self::processes) |
/// | `SIMOOM_NOTES` | how many notes a report shows, see [`notes`](Self::notes) |
/// | `SIMOOM_EXPLAIN` | `0`: do not explain failures, see [`explain`](Self::explain) |
/// | `SIMOOM_JOBS` | how many runs at once in this process; 1 under nextest unless set |
/// | `SIMOOM_REPLAY` | replay this file of saved failures only |
/// | `SIMOOM_PERSIST` | `0`: do not save failures beside the sources |
/// | `SIMOOM_PROGRESS` | `0`: no line of progress; `1`: one even where there is no terminal |
/// | `SIMOOM_SHRINK_REPLAYS`, `SIMOOM_SHRINK_TIME` | see [`shrink_replays`](Self::shrink_replays) and [`shrink_time`](Self::shrink_time); a time has its unit: `30s` |
/// | `SIMOOM_SHRINK_ENTROPY` | `1`: see [`shrink_entropy`](Self::shrink_entropy); `0`: do not |
/// | `SIMOOM_EXPLAIN_RUNS`, `SIMOOM_EXPLAIN_TIME` | see [`explain_runs`](Self::explain_runs) and [`explain_time`](Self::explain_time) |
/// | `SIMOOM_SAVED` | `0`: do not replay saved failures before the seeds |
/// | `SIMOOM_MINIMIZE` | `1`: shrink what `SIMOOM_REPLAY` replays once more |
/// | `SIMOOM_STOP` | with `SIMOOM_SEED` or `SIMOOM_REPLAY`: stop the run there, `0.812s` or `step:1204`, and look at it |
/// | `SIMOOM_KNOWN` | a file with a signature on each line: seeds that fail so are counted and passed over |
/// | `SIMOOM_JSON` | append a line of JSON to this file for each sweep |
///
/// Faults of `SIMOOM_FAULTS` begin with the run, or, if its text says `after_setup`, with
/// [`Sim::setup_complete`](crate::Sim::setup_complete); where the test calls
/// [`Sim::faults`](crate::Sim::faults), they begin anew instead of what it says. With it, saved
/// failures are not replayed, since they happened under other faults, and none is saved:
/// `SIMOOM_FAULTS` is part of the command that a report shows. Neither does it apply to
/// `SIMOOM_REPLAY`. A fault of it that does nothing in a sweep, and a node that it names and no run
/// has, fails no sweep: it is a [note](crate::Report::notes), as is that saved failures are left out.
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
    pub(crate) cancels: Cancels,
    pub(crate) cancel_deny: Deny,
    pub(crate) limits: Limits,
    pub(crate) shrink: bool,
    pub(crate) shrink_replays: u32,
    pub(crate) shrink_time: Duration,
    pub(crate) shrink_entropy: bool,
    /// Where failures are saved, if not in the usual folder.
    pub(crate) regressions: Option<PathBuf>,
    pub(crate) explain: bool,
    pub(crate) explain_runs: u32,
    pub(crate) explain_time: Duration,
    /// What is replayed in place of seeds.
    pub(crate) replay: Option<Arc<str>>,
    pub(crate) jobs: Option<usize>,
    pub(crate) persist: bool,
    pub(crate) doubled: u64,
    pub(crate) processes: Option<u64>,
    /// How many of the user's notes a report shows.
    pub(crate) notes: usize,
    /// The faults in place of those of the test.
    pub(crate) faults: Option<Arc<Plan>>,
    /// The modules whose assertions the sweep is to see.
    pub(crate) cover: Vec<String>,
    pub(crate) leaks: Option<Leaks>,
    /// The environment asks for fewer seeds than the test.
    pub(crate) is_shortened: bool,
    /// Whether saved failures are replayed before the seeds.
    pub(crate) replays_saved: bool,
    /// The signatures of failures that are counted and passed over.
    pub(crate) known: BTreeSet<String>,
    /// What is known of earlier inputs, if others draw those of the test.
    pub(crate) drawn: Option<Drawn>,
}

/// A test whose input is drawn by others, sweep after sweep.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    /// The choices that failed with the input before, and how. They are tried first, and this
    /// failure alone is shrunk.
    pub(crate) carried: Option<Arc<crate::choice::Plan>>,
}

/// The first seed of every sweep that names no other.
pub(crate) const FIRST_SEED: u64 = 0x5eed_0000_0000_0000;

impl Default for Config {
    /// 100 seeds from `0x5eed_0000_0000_0000` under the portfolio, at most a million polls and an
    /// hour of virtual time each; one seed in 20 runs twice; failures are shrunk and saved.
    fn default() -> Self {
        Self {
            seeds: 100,
            first_seed: FIRST_SEED,
            one_seed: None,
            strategy: Strategy::default(),
            cancels: Cancels::Never,
            cancel_deny: Deny::none(),
            limits: Limits {
                steps: 1_000_000,
                time: Duration::from_secs(3_600),
                watchdog: Duration::from_secs(10),
                stall: Duration::ZERO,
            },
            shrink: true,
            shrink_replays: 200,
            shrink_time: Duration::from_secs(300),
            shrink_entropy: false,
            regressions: None,
            explain: true,
            explain_runs: 600,
            explain_time: Duration::from_secs(10),
            replay: None,
            jobs: None,
            persist: true,
            doubled: 20,
            processes: None,
            notes: 20,
            faults: None,
            cover: Vec::new(),
            leaks: None,
            is_shortened: false,
            replays_saved: true,
            known: BTreeSet::new(),
            drawn: None,
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

    /// Where tasks, and futures of [`cancel::scope`](crate::cancel::scope), are cancelled (default
    /// [`Cancels::Never`]): by chance, or at every await in place of seeds.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, Ratio, check};
    ///
    /// let config = Config::default().seeds(20).persist(false).cancels(Ratio::one_in(3));
    /// let report = check(config, |_sim| async {
    ///     simoom::spawn(simoom::task::yield_now()).await.expect("nobody aborts it");
    /// });
    /// let found = report.failure().unwrap();
    /// assert!(found.story()[0].contains("task.cancelled"), "{found}");
    /// ```
    #[must_use]
    pub fn cancels(mut self, cancels: impl Into<Cancels>) -> Self {
        self.cancels = cancels.into();
        self
    }

    /// What may not come of cancelling (default [`Deny::none`]): a run that leaves something behind, or
    /// tears a frame, fails although its test passes.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom::time::sleep;
    /// use simoom_sim::cancel::{self, Deny};
    /// use simoom_sim::{Config, Failure};
    ///
    /// let config = Config::default().persist(false).cancel_deny(Deny::all());
    /// let report = cancel::every_await(config, |_sim| async {
    ///     let parent = simoom::spawn(async {
    ///         let child = simoom::spawn(std::future::pending::<()>());
    ///         sleep(Duration::from_millis(1)).await;
    ///         child.abort();
    ///     });
    ///     drop(parent.await);
    /// });
    /// let cause = report.failure().unwrap().cause();
    /// assert!(matches!(cause, Failure::AfterCancel { .. }), "{cause}");
    /// ```
    #[must_use]
    pub fn cancel_deny(mut self, deny: Deny) -> Self {
        self.cancel_deny = deny;
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

    /// Whether a failure is shrunk (default true), see [`shrink_replays`](Self::shrink_replays).
    #[must_use]
    pub fn shrink(mut self, shrink: bool) -> Self {
        self.shrink = shrink;
        self
    }

    /// The most replays that shrinking one failure takes (default 200).
    ///
    /// What is left is minimal, no choice can go, unless the report says that the budget ended it;
    /// the more replays, the smaller what is left may be. Besides, shrinking ends after 200 replays
    /// in a row that were of no use, and after [`shrink_time`](Self::shrink_time). How many replays
    /// run at once changes neither what is left nor how many there are.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// let config = Config::default().seeds(1).persist(false).shrink_replays(10);
    /// let report = check(config, |sim| async move {
    ///     let done = sim.workload("operation", 1_000).count();
    ///     assert!(done < 700, "too much");
    /// });
    /// assert_eq!(report.failure().unwrap().replays(), 10);
    /// ```
    #[must_use]
    pub fn shrink_replays(mut self, most: u32) -> Self {
        self.shrink_replays = most;
        self
    }

    /// The most real time that shrinking one failure takes (default 5 minutes).
    #[must_use]
    pub fn shrink_time(mut self, most: Duration) -> Self {
        self.shrink_time = most;
        self
    }

    /// Whether shrinking also replaces the random numbers that the program under test draws (default
    /// false) by simple ones: 1, 2, 3 and so on, in the order in which they are drawn.
    ///
    /// They are those of [`simoom::rand`] and, where the system's entropy is simulated, of what is
    /// made of that. Only numbers that the failure does not take are replaced: all of them, else all
    /// of a task, else those of a task from one on. What one thread keeps for all runs, such as the
    /// keys of `std`'s hash maps, stays the seed's, and so does what one poll draws after its first
    /// 64 simple numbers: a program that draws until it likes what it gets comes to its end.
    ///
    /// A program that takes two of its draws for surely far apart may fail by simple ones alone;
    /// therefore it is asked for.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// let config = Config::default().seeds(1).persist(false).shrink_entropy(true);
    /// let report = check(config, |_sim| async {
    ///     let id = simoom::rand::random::<u64>();
    ///     assert_eq!(id, 0, "so it is");
    /// });
    /// let message = report.failure().unwrap().cause().to_string();
    /// assert!(message.contains("left: 1\n"), "{message}");
    /// ```
    #[must_use]
    pub fn shrink_entropy(mut self, shrink: bool) -> Self {
        self.shrink_entropy = shrink;
        self
    }

    /// The folder in which failures are saved and from which they are replayed, below that of the
    /// package's manifest if it is not absolute (default `simoom-regressions`).
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// // Replays `tests/failures/CRATE/TEST.txt` before new seeds, and saves there.
    /// let config = Config::default().seeds(10).regressions("tests/failures");
    /// check(config, |_sim| async {}).unwrap();
    /// ```
    #[must_use]
    pub fn regressions(mut self, folder: impl Into<PathBuf>) -> Self {
        self.regressions = Some(folder.into());
        self
    }

    /// Whether a failure is explained (default true): when it was decided, what a run that passes
    /// does instead, how often it happens and what led to it, see [`Explanation`](crate::Explanation).
    ///
    /// A sweep that passes makes no run for it. One that fails makes at most
    /// [`explain_runs`](Self::explain_runs), for at most [`explain_time`](Self::explain_time): some
    /// hundred runs of the test.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// let config = Config::default().seeds(1).persist(false).explain(false);
    /// let report = check(config, |_sim| async { assert_eq!(1 + 1, 3) });
    /// let why = report.failure().unwrap().explanation();
    /// assert!(why.moment().is_none() && why.events().is_empty());
    /// ```
    #[must_use]
    pub fn explain(mut self, explain: bool) -> Self {
        self.explain = explain;
        self
    }

    /// The most runs that explaining one failure takes (default 600). With 0, only the failing run
    /// is looked at.
    ///
    /// How many run at once does not change what is found out.
    #[must_use]
    pub fn explain_runs(mut self, most: u32) -> Self {
        self.explain_runs = most;
        self
    }

    /// The most real time that explaining one failure takes (default 10 s). What was not found out
    /// by then is left out of the explanation.
    #[must_use]
    pub fn explain_time(mut self, most: Duration) -> Self {
        self.explain_time = most;
        self
    }

    /// Of how many seeds one runs twice (default 20); 0: none, 1: every one.
    ///
    /// The second run is compared with the first event by event while it happens, and ends where
    /// it differs. That fails the sweep: something outside the simulation decides, and no failure
    /// found by such a test is sure to come back. The report names the first event that differs
    /// and what each of the two runs did. The first seed is always one of those that run twice.
    ///
    /// A run of more than 65 536 events is compared by hashes of as many events, and run twice
    /// more if they differ: memory does not grow with the run.
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::time::Duration;
    /// use simoom_sim::{Class, Config, check};
    ///
    /// static RUNS: AtomicU64 = AtomicU64::new(0);
    /// let report = check(Config::default().persist(false).doubled(1), |_sim| async {
    ///     let late = RUNS.fetch_add(1, Ordering::Relaxed);
    ///     simoom::time::sleep(Duration::from_millis(late)).await;
    /// });
    /// let found = report.failure().unwrap();
    /// assert_eq!(found.class(), Class::Nondeterminism);
    /// assert!(found.cause().to_string().contains("time.advanced"));
    /// ```
    #[must_use]
    pub fn doubled(mut self, one_in: u64) -> Self {
        self.doubled = one_in;
        self
    }

    /// How many of a sweep's second runs happen in a fresh process of the same test.
    ///
    /// Two runs of one process see the same statics and much the same addresses; a fresh process
    /// sees neither. By default 1 for a test that is made by the attribute, which costs starting
    /// its binary once, and 0 for a call of [`check`](crate::check), whose process has to do first
    /// what stands before the call. 0: none. A process that was itself started to show a failure
    /// starts no other.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// // In a `#[test]`, this would run two of the ten seeds in processes of their own as well.
    /// let config = Config::default().seeds(10).doubled(5).processes(2);
    /// check(config, |_sim| async {}).unwrap();
    /// ```
    #[must_use]
    pub fn processes(mut self, most: u64) -> Self {
        self.processes = Some(most);
        self
    }

    /// How many of a failing run's [notes](crate::Sim::note) its report shows, the last ones
    /// (default 20); 0: none.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// let config = Config::default().seeds(1).persist(false).notes(2);
    /// let report = check(config, |sim| async move {
    ///     for number in 1..=5 {
    ///         sim.note(&format!("step {number} is done"));
    ///     }
    ///     assert_eq!(sim.seed(), 0, "always");
    /// });
    /// let text = report.failure().unwrap().to_string();
    /// assert!(text.contains("the last 2 of 5 notes"));
    /// assert!(text.contains("step 4 is done") && !text.contains("step 3 is done"));
    /// ```
    #[must_use]
    pub fn notes(mut self, most: usize) -> Self {
        self.notes = most;
        self
    }

    /// Fails the sweep unless its runs together see what the assertions of `module` ask some run to
    /// see. Default: no module. Called several times, all of them.
    ///
    /// `module` is a crate or a module such as `kv::store`, with all below it. An `assert_sometimes!`
    /// must hold once, an `assert_reachable!` and an `assert_always!` be come to once. Those of other
    /// modules are counted all the same: see [`Report::assertions`](crate::Report::assertions).
    ///
    /// Nothing is asked of the run of one seed, of a replay, under `calm`, and where `SIMOOM_SEEDS`
    /// asks for fewer seeds than the test.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// fn send(queued: usize) {
    ///     simoom::assert_sometimes!(queued == 3, "the queue is full");
    /// }
    ///
    /// let config = || Config::default().seeds(10).persist(false).cover(module_path!());
    /// let report = check(config(), |_sim| async { send(2) });
    /// let cause = report.failure().unwrap().cause().to_string();
    /// assert!(cause.contains("sometimes \"the queue is full\""), "{cause}");
    /// assert!(cause.contains("reached 10, held 0"), "{cause}");
    ///
    /// check(config(), |_sim| async { send(3) }).unwrap();
    /// ```
    #[must_use]
    pub fn cover(mut self, module: &str) -> Self {
        self.cover.push(module.to_owned());
        self
    }

    /// What each run may leave behind, from its start on: as [`Sim::leaks`](crate::Sim::leaks), called
    /// first of all. Default: nobody looks.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, Leak, Leaks, check};
    ///
    /// let leaks = Leaks::none().allow(Leak::Task);
    /// check(Config::default().seeds(3).leaks(leaks), |_sim| async {
    ///     simoom::spawn(std::future::pending::<()>());
    /// })
    /// .unwrap();
    /// ```
    #[must_use]
    pub fn leaks(mut self, allowed: Leaks) -> Self {
        self.leaks = Some(allowed);
        self
    }

    /// How many runs at once, within the process's limit (default: one per processor).
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs.max(1));
        self
    }

    /// Replays the failures of `plans` and nothing else: the text of a saved failure, of several,
    /// or of a `plan.txt`.
    ///
    /// [`Report::runs`](crate::Report::runs) has a run for each that was replayed, up to the first
    /// that still fails, and [`Report::notes`](crate::Report::notes) say which stored choices no
    /// longer apply. `SIMOOM_REPLAY` does the same from outside, and goes first.
    ///
    /// # Panics
    /// [`check`](crate::check) does if the text is not that of plans.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// let test = |_sim| async {
    ///     let flag = std::rc::Rc::new(std::cell::Cell::new(false));
    ///     let set = flag.clone();
    ///     simoom::task::spawn_local(async move { set.set(true) });
    ///     simoom::task::preemption_point().await;
    ///     assert!(!flag.get(), "something came between");
    /// };
    /// let found = check(Config::default().persist(false), test);
    /// let plan = found.failure().unwrap().plan();
    ///
    /// let again = check(Config::default().replay(&plan), test);
    /// assert_eq!(again.failure().unwrap().deviations(), 1);
    /// assert_eq!(again.runs().len(), 1);
    /// ```
    #[must_use]
    pub fn replay(mut self, plans: &str) -> Self {
        self.replay = Some(plans.into());
        self
    }

    /// Whether a failure is saved beside the sources (default true), once a fresh process has shown
    /// it.
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
