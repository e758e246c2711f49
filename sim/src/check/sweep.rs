//! The sweep: saved failures first, then a calm run, then seed after seed, some of them twice.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::config::{Config, FIRST_SEED};
use super::doubled::Side;
use super::found::{Found, Seed};
use super::identity::Identity;
use super::process::{self, Errand};
use super::progress::Progress;
use super::report::{Report, RunSummary};
use super::{driven, environment, jobs};
use crate::choice::Plan;
use crate::intercept::{Interception, interception};
use crate::logs::Log;
use crate::record::{Level, Watch};
use crate::run::{Choices, KeptRun, Outcome, Spec, run};
use crate::sim::{Exit, Sim};
use crate::strategy::{Profile, Strategy};
use crate::world::assertions::AssertionTally;
use crate::world::failure::Failure;
use crate::world::faults::{Entry, FaultTally, Named, merge_entries};
use crate::world::remains::Remains;
use crate::{logs, panics};

/// Runs `test` once for each seed, and says what came of it.
///
/// `test` is called anew for every run, each on a fresh thread. The sweep stops at the first
/// failing seed; its failure is replayed from its choices alone, shrunk, shown once more in a
/// fresh process if the call stands in a `#[test]` or in the `main` of an example, and saved.
///
/// # Several calls
/// Saved failures lie in `simoom-regressions/CRATE/TEST.txt`, as those of the attribute do, and
/// those of the second call of a test in `TEST-2.txt`. Calls in one `#[test]` share the
/// environment's `SIMOOM_SEED`. The fresh process that confirms the failure of one of them makes
/// the others' runs too, and keeps what they find to itself.
///
/// # Errors
/// A failing seed is part of the report: call [`Report::unwrap`], or look at
/// [`Report::failure`].
///
/// # Panics
/// If a `SIMOOM_…` variable of the environment is malformed.
///
/// # Examples
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use simoom_sim::{Config, check};
///
/// // Two tasks read, wait, and write: sooner or later one update is lost.
/// let report = check(Config::default().persist(false), |_sim| async {
///     let counter = Rc::new(Cell::new(0));
///     let lock = Rc::new(simoom::sync::Mutex::new(()));
///     let add = |counter: Rc<Cell<u32>>, lock: Rc<simoom::sync::Mutex<()>>| async move {
///         let seen = counter.get();
///         drop(lock.lock().await);
///         counter.set(seen + 1);
///     };
///     let one = simoom::task::spawn_local(add(counter.clone(), lock.clone()));
///     let two = simoom::task::spawn_local(add(counter.clone(), lock.clone()));
///     one.await.unwrap();
///     two.await.unwrap();
///     assert_eq!(counter.get(), 2);
/// });
/// assert!(report.failure().unwrap().deviations() <= 2);
/// ```
#[track_caller]
pub fn check<F, M>(config: Config, test: M) -> Report
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    let sweep = Identity::of_call(Location::caller(), TypeId::of::<M>(), &config);
    check_as(sweep, config, test)
}

pub(crate) fn check_as<F, M>(identity: Identity, config: Config, test: M) -> Report
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    let config = environment::apply(config);
    let config = if process::is_child() {
        config
            .persist(false)
            .shrink(false)
            .explain(false)
            .doubled(0)
    } else {
        config
    };
    let test = Arc::new(test);
    let place = identity.location;
    let runner = move |spec: Spec, mode: Mode| on_fresh_thread(spec, place, mode, test.clone());
    let sweep = Sweep {
        identity,
        config,
        runner: &runner,
        undisturbed: OnceLock::new(),
        shared: OnceLock::new(),
    };
    sweep.count_undisturbed();
    if let Some(request) = process::asked(&sweep.identity) {
        process::answer(request, |plan, errand| sweep.carry_out(plan, errand));
    }
    if process::is_child() {
        // This process was started for another sweep of the same test, which may come after this
        // one: it is to find what it would find, and to keep it to itself.
        return sweep.run();
    }
    let report = match (environment::replay(), &sweep.config.replay) {
        (Some(path), _) => sweep.replay_file(&path),
        (None, Some(text)) => sweep.replay_text(text),
        (None, None) => match (driven::stop(), sweep.config.one_seed) {
            (Some(stop), Some(seed)) => sweep.inspect_seed(seed, stop),
            _ => sweep.run(),
        },
    };
    driven::tell(&sweep, &report);
    let mut notes = report.notes;
    if environment::ignores_faults() {
        notes.push(
            "SIMOOM_FAULTS is ignored: what is replayed has the faults of its test".to_owned(),
        );
    }
    Report {
        exits: environment::is_replay() && sweep.identity.is_alone(),
        notes,
        ..report
    }
}

/// How much a run says on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Quiet,
    /// Nothing, but what the program logs is kept with the record.
    Kept,
    Verbose,
}

fn on_fresh_thread<F, M>(
    mut spec: Spec,
    place: &'static Location<'static>,
    mode: Mode,
    test: Arc<M>,
) -> Outcome
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    let _job = jobs::take();
    let seed = spec.seed;
    let thread = std::thread::Builder::new().name(format!("simoom {}", Seed(seed)));
    let log = Log::default();
    let heard = match mode {
        Mode::Quiet => None,
        Mode::Kept => Some(log.keeper()),
        Mode::Verbose => Some(logs::shown()),
    };
    let body = move || {
        let main = |sim| async move { test(sim).await };
        match heard {
            None => run(&spec, place, main),
            Some(kept) if mode == Mode::Kept => {
                tracing::dispatcher::with_default(&kept, || run(&spec, place, main))
            }
            Some(shown) => {
                panics::keep_backtraces();
                spec.level = Level::Full;
                tracing::dispatcher::with_default(&shown, || run(&spec, place, main))
            }
        }
    };
    let thread = thread
        .spawn(body)
        .expect("the system has room for one more thread");
    match thread.join() {
        Ok(mut outcome) => {
            if let Some(told) = &mut outcome.told {
                told.logs = log.take();
            }
            outcome
        }
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// One run of `test`, whoever asks for it.
#[cfg(feature = "fuzzing")]
pub(crate) fn run_apart<F, M>(spec: Spec, place: &'static Location<'static>, test: M) -> Outcome
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    on_fresh_thread(spec, place, Mode::Quiet, Arc::new(test))
}

pub(super) struct Sweep<'a> {
    pub(super) identity: Identity,
    pub(super) config: Config,
    pub(super) runner: &'a (dyn Fn(Spec, Mode) -> Outcome + Sync),
    /// What there is at the end of the undisturbed run, where something is compared with that.
    pub(super) undisturbed: OnceLock<Arc<Remains>>,
    /// What runs shared that were made at the same time, if one has noticed.
    shared: OnceLock<Failure>,
}

/// The seeds that were run, in order, and what went wrong in each.
#[derive(Default)]
pub(super) struct Ran {
    pub(super) summaries: Vec<RunSummary>,
    pub(super) tallies: Vec<FaultTally>,
    /// What became of each fault of their plans, by its text.
    pub(super) planned: BTreeMap<String, Entry>,
    /// Which nodes their plans name, and which nodes they have.
    pub(super) named: Named,
    /// What all of them saw of assertions.
    pub(super) assertions: AssertionTally,
    /// The failures that were known before: which of the sweep's seeds, and by what signature.
    pub(super) known: Vec<(u64, String)>,
}

/// A seed that failed.
pub(super) struct Failed {
    /// Which of the sweep's; `None` for the undisturbed run.
    pub(super) index: Option<u64>,
    pub(super) spec: Spec,
    pub(super) outcome: Outcome,
    /// In what a second run differed from it, if that is what failed.
    pub(super) differs: Option<String>,
}

/// What running the seeds came to.
#[derive(Default)]
pub(super) struct Swept {
    pub(super) ran: Ran,
    pub(super) failed: Option<Failed>,
    pub(super) doubled: u64,
    /// The first of the runs that were made twice, for comparing them with fresh processes.
    kept: Vec<Doubled>,
}

/// Adds up what runs saw in the order of their seeds, up to the first that fails: runs that others
/// made meanwhile do not count.
#[derive(Default)]
struct InOrder {
    next: u64,
    /// Those that came before their turn, and whether each failed.
    early: BTreeMap<u64, (AssertionTally, bool)>,
    has_failed: bool,
}

impl InOrder {
    fn add(&mut self, index: u64, seen: AssertionTally, fails: bool, sum: &mut AssertionTally) {
        self.early.insert(index, (seen, fails));
        while !self.has_failed
            && let Some((seen, fails)) = self.early.remove(&self.next)
        {
            sum.add(&seen);
            self.next += 1;
            self.has_failed = fails;
        }
    }
}

/// A run that was made twice.
struct Doubled {
    index: u64,
    spec: Spec,
    summary: RunSummary,
    kept: Box<KeptRun>,
}

impl Sweep<'_> {
    pub(super) fn run(&self) -> Report {
        let mut notes = Vec::new();
        if self.config.faults.is_some() {
            notes.push(
                "the faults are those of SIMOOM_FAULTS: saved failures are not replayed, and none \
                 is saved"
                    .to_owned(),
            );
        }
        // What was saved failed under other faults.
        if self.config.one_seed.is_none()
            && self.config.faults.is_none()
            && self.config.replays_saved
            && let Some(found) = self.replay_saved(&mut notes)
        {
            return self.report(Ran::default(), Some(found), notes);
        }
        if let Some(found) = self.replay_carried() {
            return self.report(Ran::default(), Some(found), notes);
        }
        let mut calm = self.run_calmly();
        let profile = Arc::new(calm.take_profile());
        let horizon = profile.horizon;
        let mut coverage = None;
        let mut tried = None;
        let mut swept = match self.config.strategy {
            _ if self.cancels_everywhere() => {
                let (swept, covered) = self.cancel_everywhere(&profile);
                notes.push(covered.to_string());
                tried = notes.last().cloned();
                coverage = Some(Box::new(covered));
                swept
            }
            Strategy::Exhaustive { deviations } if self.config.one_seed.is_none() => {
                let swept = self.explore(deviations, &mut notes);
                tried = notes.last().cloned();
                swept
            }
            _ => self.run_seeds(&profile, &mut notes),
        };
        let failed = swept.failed.take().or_else(|| {
            // Every seed passed. What fails when nothing is disturbed fails all the same.
            let counts = calm.failure.is_some()
                && self.config.one_seed.is_none()
                && self.known(calm.failure.as_ref()).is_none();
            counts.then_some(Failed {
                index: None,
                spec: self.spec(FIRST_SEED, Strategy::Calm, &profile),
                outcome: calm,
                differs: None,
            })
        });
        let mut in_processes = 0;
        let shared = self.shared(&swept.ran, horizon);
        let found = match failed {
            _ if shared.is_some() => shared,
            Some(failed) => Some(self.investigate(failed, horizon)),
            None => self
                .follow_in_processes(&swept.kept, horizon, &mut in_processes, &mut notes)
                .or_else(|| self.unknown_nodes(&swept.ran, horizon, &mut notes))
                .or_else(|| self.inert_faults(&swept.ran, horizon, &mut notes))
                .or_else(|| self.unseen_assertions(&swept.ran, horizon)),
        };
        if found.is_none() {
            notes.extend(self.clean_notes(swept.ran.summaries.len() as u64, tried.as_deref()));
        }
        Report {
            doubled: swept.doubled,
            in_processes,
            coverage,
            ..self.report(swept.ran, found, notes)
        }
    }

    /// Compares the first of the runs that were made twice with runs of fresh processes.
    fn follow_in_processes(
        &self,
        doubled: &[Doubled],
        horizon: u64,
        count: &mut u64,
        notes: &mut Vec<String>,
    ) -> Option<Found> {
        for Doubled {
            index,
            spec,
            summary,
            kept,
        } in doubled
        {
            let plan = self.plan_of(spec, horizon);
            let errand = Errand::Follow((*kept.kept.trail).clone());
            let witness = match process::ask(&self.identity, &plan, &errand) {
                Ok(witness) => witness,
                Err(error) => {
                    notes.push(format!("no fresh process made a run of this test: {error}"));
                    return None;
                }
            };
            *count += 1;
            let (here, there) = (Side::passed("here"), Side::of_witness(&witness));
            if let Some(differs) = here.differs(kept, &there, witness.parting.as_ref()) {
                return Some(self.disagreement(*index, *summary, plan, differs));
            }
        }
        None
    }

    /// How many runs are compared with runs of fresh processes.
    fn processes(&self) -> u64 {
        if self.identity.name.is_none() || process::is_child() {
            return 0;
        }
        let unless_told = u64::from(self.identity.is_whole);
        self.config.processes.unwrap_or(unless_told)
    }

    pub(super) fn report(&self, ran: Ran, found: Option<Found>, mut notes: Vec<String>) -> Report {
        let interception = interception();
        if interception != Interception::Active {
            notes.push(interception.to_string());
        }
        let label = self.identity.label().to_owned();
        let Ran {
            summaries,
            tallies,
            assertions,
            known,
            ..
        } = ran;
        let mut faults = FaultTally::default();
        for tally in &tallies {
            faults.add(tally);
        }
        Report {
            label,
            runs: summaries,
            found: found.map(Box::new),
            notes,
            faults,
            assertions,
            tallies,
            doubled: 0,
            in_processes: 0,
            coverage: None,
            known: known
                .into_iter()
                .map(|(index, signature)| (self.seed(index), signature))
                .collect(),
            inspected: None,
            exits: false,
        }
    }

    /// The signature of a failure, if it is one that was known before.
    fn known(&self, failure: Option<&Failure>) -> Option<String> {
        let known = &self.config.known;
        if known.is_empty() {
            return None;
        }
        failure
            .map(Failure::signature)
            .filter(|it| known.contains(it))
    }

    /// Where failures are saved.
    pub(super) fn saved_at(&self) -> Option<PathBuf> {
        self.identity.saved_at(self.config.regressions.as_deref())
    }

    fn seed(&self, index: u64) -> u64 {
        self.config
            .one_seed
            .unwrap_or(self.config.first_seed.wrapping_add(index))
    }

    pub(super) fn seeds(&self) -> u64 {
        if self.config.one_seed.is_some() {
            1
        } else {
            self.config.seeds
        }
    }

    pub(super) fn spec(&self, seed: u64, strategy: Strategy, profile: &Arc<Profile>) -> Spec {
        let profile = profile.clone();
        self.spec_of(seed, Choices::Strategy { strategy, profile })
    }

    pub(super) fn spec_of(&self, seed: u64, choices: Choices) -> Spec {
        Spec {
            seed,
            choices,
            limits: self.config.limits,
            level: Level::History,
            watch: Watch::Nothing,
            lists_others: false,
            counts_draws: self.config.shrink_entropy,
            faults: self.config.faults.clone(),
            leaks: self.config.leaks.clone(),
            cancels: self.cancelling(),
            stop: None,
        }
    }

    /// The plan that is the seed and its strategy.
    pub(super) fn plan_of(&self, spec: &Spec, horizon: u64) -> Plan {
        let strategy = match &spec.choices {
            Choices::Strategy { strategy, .. } => strategy.for_seed(spec.seed).to_string(),
            Choices::Plan(plan) | Choices::Prefix(plan, _) => plan.strategy.clone(),
            Choices::Profile => Strategy::Calm.to_string(),
            Choices::Orders(_) => self.config.strategy.to_string(),
            #[cfg(feature = "fuzzing")]
            Choices::Given(_) => Strategy::Calm.to_string(),
        };
        let seen = match &spec.choices {
            Choices::Plan(plan) => plan.seen,
            _ => None,
        };
        Plan {
            seed: spec.seed,
            strategy,
            horizon,
            failure: None,
            seen,
            siblings: BTreeMap::new(),
            deviations: Vec::new(),
        }
    }

    pub(super) fn run_quietly(&self, spec: Spec) -> Outcome {
        let outcome = (self.runner)(spec, Mode::Quiet);
        if let Some(failure @ Failure::SharedByRuns { .. }) = &outcome.failure {
            // Whoever noticed first: they all share it.
            let _ = self.shared.set(failure.clone());
        }
        outcome
    }

    /// What runs shared that were made at the same time: whatever else came of them is no news.
    fn shared(&self, ran: &Ran, horizon: u64) -> Option<Found> {
        let failure = self.shared.get()?.clone();
        let run = ran.summaries.first().copied()?;
        Some(self.found_by_sweep(run, failure, horizon))
    }

    /// The undisturbed run, which shows what the strategies want to know.
    ///
    /// Of the same seed in every sweep: what a seed does depends on what this shows, and is to
    /// depend on nothing but the seed and the program.
    pub(super) fn run_calmly(&self) -> Outcome {
        self.run_quietly(self.spec_of(FIRST_SEED, Choices::Profile))
    }

    /// Runs the seeds on several threads, up to the first that fails.
    fn run_seeds(&self, profile: &Arc<Profile>, notes: &mut Vec<String>) -> Swept {
        let foreign = AtomicU64::new(0);
        let lost = AtomicU64::new(0);
        let next = AtomicU64::new(0);
        let end = AtomicU64::new(self.seeds());
        let swept = Mutex::new((Vec::new(), Swept::default(), InOrder::default()));
        let progress = Progress::of(self.identity.label(), self.seeds());
        let one_in = self.config.doubled;
        let processes = self.processes();
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= end.load(Ordering::Relaxed) {
                    return;
                }
                let is_doubled = one_in > 0 && index.is_multiple_of(one_in);
                let mut spec = self.spec(self.seed(index), self.config.strategy, profile);
                if is_doubled {
                    spec.watch = Watch::Keep { from: 0 };
                }
                let mut outcome = self.run_quietly(spec.clone());
                foreign.fetch_add(outcome.foreign, Ordering::Relaxed);
                lost.fetch_add(outcome.lost_threads, Ordering::Relaxed);
                let tally = outcome.faults.clone();
                let planned = std::mem::take(&mut outcome.planned);
                let named = std::mem::take(&mut outcome.named);
                let kept = outcome.kept.take();
                let passed = outcome.failure.is_none();
                let differs = match &kept {
                    Some(kept) if passed => self.differs(&spec, &outcome, kept),
                    _ => None,
                };
                let broken = (differs.clone()).map(|message| Failure::Nondeterminism { message });
                let known = self.known(outcome.failure.as_ref().or(broken.as_ref()));
                let is_bad = !passed || differs.is_some();
                let fails = is_bad && known.is_none();
                progress.count(outcome.time_ns, is_bad);
                let summary = summary(spec.seed, &outcome);
                let mut swept = lock(&swept);
                let (runs, swept, assertions) = &mut *swept;
                let seen = std::mem::take(&mut outcome.assertions);
                assertions.add(index, seen, fails, &mut swept.ran.assertions);
                runs.push((index, summary, tally));
                // Added up at once, in whatever order: each run has the same names. What runs after
                // the first failing seed add is nobody's question, as that is reported instead.
                swept.ran.named.add(named);
                merge_entries(&mut swept.ran.planned, planned);
                swept.ran.known.extend(known.map(|it| (index, it)));
                if fails {
                    // Later seeds need not run; earlier ones still may fail.
                    end.fetch_min(index, Ordering::Relaxed);
                    let former = swept.failed.as_ref().and_then(|other| other.index);
                    if former.is_none_or(|former| index < former) {
                        swept.failed = Some(Failed {
                            index: Some(index),
                            spec,
                            outcome,
                            differs,
                        });
                    }
                } else if let Some(kept) = kept.filter(|_| !is_bad) {
                    swept.doubled += 1;
                    if index / one_in < processes {
                        swept.kept.push(Doubled {
                            index,
                            spec,
                            summary,
                            kept,
                        });
                    }
                }
            }
        };
        let workers = self.config.jobs.unwrap_or_else(environment::jobs).min(64);
        std::thread::scope(|scope| {
            for _ in 0..workers
                .min(usize::try_from(self.seeds()).unwrap_or(usize::MAX))
                .max(1)
            {
                scope.spawn(work);
            }
        });
        drop(progress);
        notes.extend(foreign_note(foreign.into_inner()));
        notes.extend(lost_note(lost.into_inner()));
        let (mut runs, mut swept, _) = swept.into_inner().unwrap_or_else(PoisonError::into_inner);
        runs.sort_unstable_by_key(|&(index, ..)| index);
        swept.kept.sort_unstable_by_key(|doubled| doubled.index);
        swept.ran.known.sort_unstable();
        if let Some(last) = swept.failed.as_ref().and_then(|failed| failed.index) {
            runs.retain(|&(index, ..)| index <= last);
            swept.ran.known.retain(|&(index, _)| index <= last);
        }
        for (_, summary, tally) in runs {
            swept.ran.summaries.push(summary);
            swept.ran.tallies.push(tally);
        }
        swept
    }
}

pub(super) fn foreign_note(count: u64) -> Option<String> {
    (count > 0).then(|| {
        format!(
            "{count} wakes or spawns came from threads outside the simulation: their timing is \
             not repeated"
        )
    })
}

pub(super) fn lost_note(count: u64) -> Option<String> {
    (count > 0).then(|| {
        format!(
            "{count} threads of blocking closures are left behind: their closures wait inside a \
             destructor, or catch what unwinds them"
        )
    })
}

pub(super) fn summary(seed: u64, outcome: &Outcome) -> RunSummary {
    RunSummary {
        seed,
        hash: outcome.hash,
        polls: outcome.polls,
        events: outcome.events,
        time: Duration::from_nanos(outcome.time_ns.unsigned_abs()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
