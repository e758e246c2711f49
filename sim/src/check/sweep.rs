//! The sweep: saved failures first, then a calm run, then seed after seed.

use std::future::Future;
use std::panic::Location;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::config::Config;
use super::identity::Identity;
use super::process::{self, Witness};
use super::report::{Confirmation, Found, Report, RunSummary, Seed, Shrinking};
use super::{environment, jobs, saved, shrink};
use crate::choice::{Deviation, Plan, REPLAY};
use crate::record::Level;
use crate::run::{Choices, Outcome, Spec, run};
use crate::sim::{Exit, Sim};
use crate::strategy::Strategy;
use crate::world::failure::Failure;
use crate::world::faults::FaultTally;
use crate::{logs, panics};

/// Runs `test` once for each seed, and says what came of it.
///
/// `test` is called anew for every run, each on a fresh thread. The sweep stops at the first
/// failing seed; its failure is replayed from its choices alone, shrunk, shown once more in a
/// fresh process if the call stands in a `#[test]` or in the `main` of an example, and saved.
///
/// # Several calls
/// Saved failures lie in `simoom-regressions/CRATE/TEST.txt`, as those of the attribute do. Calls in
/// one `#[test]` share that file, its replay command and the environment's `SIMOOM_SEED`. The fresh
/// process that confirms the failure of one of them makes the others' runs too, and keeps what they
/// find to itself.
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
    check_as(Identity::of_call(Location::caller()), config, test)
}

pub(crate) fn check_as<F, M>(identity: Identity, config: Config, test: M) -> Report
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    let config = environment::apply(config);
    let config = if process::is_child() {
        config.persist(false).shrink(false)
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
    };
    if let Some(plan) = process::asked(&sweep.identity) {
        process::answer(&plan, &sweep.identity, |plan| sweep.replay_verbosely(plan));
    }
    if process::is_child() {
        // This process was started for another sweep of the same test, which may come after this
        // one: it is to find what it would find, and to keep it to itself.
        return sweep.run();
    }
    match environment::replay() {
        Some(path) => sweep.replay_file(&path),
        None => sweep.run(),
    }
}

/// How much a run says on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Quiet,
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
    let body = move || {
        let main = |sim| async move { test(sim).await };
        match mode {
            Mode::Quiet => run(&spec, place, main),
            Mode::Verbose => {
                panics::keep_backtraces();
                spec.level = Level::Full;
                logs::showing(|| run(&spec, place, main))
            }
        }
    };
    let thread = thread
        .spawn(body)
        .expect("the system has room for one more thread");
    match thread.join() {
        Ok(outcome) => outcome,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

struct Sweep<'a> {
    identity: Identity,
    config: Config,
    runner: &'a (dyn Fn(Spec, Mode) -> Outcome + Sync),
}

/// The seeds that were run, in order, and what went wrong in each.
#[derive(Default)]
struct Ran {
    summaries: Vec<RunSummary>,
    tallies: Vec<FaultTally>,
}

/// A seed that failed.
struct Failed {
    index: u64,
    spec: Spec,
    outcome: Outcome,
}

impl Sweep<'_> {
    fn run(&self) -> Report {
        let mut notes = Vec::new();
        if self.config.one_seed.is_none()
            && let Some(found) = self.replay_saved(&mut notes)
        {
            return self.report(Ran::default(), Some(found), notes);
        }
        // Of the sweep's first seed, even if only one seed is asked for: what a seed does under
        // `pct` depends on the horizon.
        let spec = self.spec(self.config.first_seed, Strategy::Calm, 2);
        let calm = self.run_quietly(spec.clone());
        let horizon = calm.scheduled.max(2).next_power_of_two();
        let (runs, failed) = self.run_seeds(horizon, &mut notes);
        let failed = failed.or_else(|| {
            // Every seed passed. What fails when nothing is disturbed fails all the same.
            let counts = calm.failure.is_some() && self.config.one_seed.is_none();
            counts.then_some(Failed {
                index: 0,
                spec,
                outcome: calm,
            })
        });
        let found = match failed {
            Some(failed) => Some(self.investigate(failed, horizon)),
            None => self.compare_two_runs(&runs.summaries, horizon),
        };
        self.report(runs, found, notes)
    }

    /// Runs the first seed once more: a test that is not the same run twice proves nothing.
    fn compare_two_runs(&self, runs: &[RunSummary], horizon: u64) -> Option<Found> {
        let first = runs.first()?;
        let spec = self.spec(first.seed, self.config.strategy, horizon);
        let second = self.run_quietly(spec.clone());
        if second.hash == first.hash {
            return None;
        }
        let full = Spec {
            level: Level::Full,
            ..spec
        };
        let (one, two) = (self.run_quietly(full.clone()), self.run_quietly(full));
        let message = differing(&one.record, &two.record);
        let replay = format!("SIMOOM_SEED={}", Seed(first.seed));
        Some(Found {
            label: self.identity.label().to_owned(),
            seed: first.seed,
            position: Some((1, self.seeds())),
            failure: Failure::Nondeterminism { message },
            polls: second.polls,
            time_ns: second.time_ns,
            raw: Vec::new(),
            plan: Plan {
                seed: first.seed,
                strategy: self.config.strategy.for_seed(first.seed).to_string(),
                horizon,
                failure: None,
                deviations: Vec::new(),
            },
            shrunk: None,
            confirmed: Confirmation::NotTried("two runs in this process differ".to_owned()),
            witness: Witness::default(),
            saved: None,
            replay: self.identity.command(&replay),
            notes: Vec::new(),
            record: None,
        })
    }

    fn report(&self, ran: Ran, found: Option<Found>, notes: Vec<String>) -> Report {
        let label = self.identity.label().to_owned();
        let Ran { summaries, tallies } = ran;
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
            tallies,
        }
    }

    fn seed(&self, index: u64) -> u64 {
        self.config
            .one_seed
            .unwrap_or(self.config.first_seed.wrapping_add(index))
    }

    fn seeds(&self) -> u64 {
        if self.config.one_seed.is_some() {
            1
        } else {
            self.config.seeds
        }
    }

    fn spec(&self, seed: u64, strategy: Strategy, horizon: u64) -> Spec {
        Spec {
            seed,
            choices: Choices::Strategy { strategy, horizon },
            limits: self.config.limits,
            level: Level::History,
        }
    }

    fn run_quietly(&self, spec: Spec) -> Outcome {
        (self.runner)(spec, Mode::Quiet)
    }

    /// Runs the seeds on several threads, up to the first that fails.
    fn run_seeds(&self, horizon: u64, notes: &mut Vec<String>) -> (Ran, Option<Failed>) {
        let foreign = AtomicU64::new(0);
        let next = AtomicU64::new(0);
        let end = AtomicU64::new(self.seeds());
        let runs = Mutex::new(Vec::new());
        let failed: Mutex<Option<Failed>> = Mutex::new(None);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= end.load(Ordering::Relaxed) {
                    return;
                }
                let spec = self.spec(self.seed(index), self.config.strategy, horizon);
                let outcome = self.run_quietly(spec.clone());
                foreign.fetch_add(outcome.foreign, Ordering::Relaxed);
                let faults = outcome.faults.clone();
                lock(&runs).push((index, summary(spec.seed, &outcome), faults));
                if outcome.failure.is_some() {
                    // Later seeds need not run; earlier ones still may fail.
                    end.fetch_min(index, Ordering::Relaxed);
                    let mut failed = lock(&failed);
                    if failed.as_ref().is_none_or(|other| index < other.index) {
                        *failed = Some(Failed {
                            index,
                            spec,
                            outcome,
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
        notes.extend(foreign_note(foreign.into_inner()));
        let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        runs.sort_unstable_by_key(|&(index, ..)| index);
        if let Some(failed) = &failed {
            runs.retain(|&(index, ..)| index <= failed.index);
        }
        let mut ran = Ran::default();
        for (_, summary, tally) in runs {
            ran.summaries.push(summary);
            ran.tallies.push(tally);
        }
        (ran, failed)
    }

    /// Replays the failures saved beside the sources.
    fn replay_saved(&self, notes: &mut Vec<String>) -> Option<Found> {
        let path = self.identity.saved_at()?;
        let plans = match saved::load(&path) {
            Ok(plans) => plans,
            Err(error) => {
                notes.push(format!("saved failures were not replayed: {error}"));
                return None;
            }
        };
        for plan in plans {
            let outcome = self.replay(&plan);
            let lost = lost_anchors(&plan, &outcome);
            if outcome.failure.is_none() {
                notes.extend(lost);
                continue;
            }
            return Some(self.describe_saved(plan, outcome, lost.into_iter().collect()));
        }
        None
    }

    fn replay_file(&self, path: &Path) -> Report {
        let path = &self.identity.resolved(path);
        let plans = match saved::load(path) {
            Ok(plans) if !plans.is_empty() => plans,
            Ok(_) => panic!("SIMOOM_REPLAY: {} holds no plan", path.display()),
            Err(error) => panic!("SIMOOM_REPLAY: {error}"),
        };
        let mut notes = Vec::new();
        for plan in plans {
            let outcome = self.replay_verbosely(&plan);
            let lost = lost_anchors(&plan, &outcome);
            if outcome.failure.is_some() {
                let found = self.describe_saved(plan, outcome, lost.into_iter().collect());
                return self.report(Ran::default(), Some(found), notes);
            }
            notes.extend(lost);
        }
        self.report(Ran::default(), None, notes)
    }

    fn replay_spec(&self, plan: &Plan) -> Spec {
        let choices = match plan.strategy.parse() {
            // A plan that was never turned into deviations: its seed says it all.
            Ok(strategy) => Choices::Strategy {
                strategy,
                horizon: plan.horizon,
            },
            Err(_) => Choices::Plan(Arc::new(plan.clone())),
        };
        Spec {
            seed: plan.seed,
            choices,
            limits: self.config.limits,
            level: Level::History,
        }
    }

    fn replay(&self, plan: &Plan) -> Outcome {
        self.run_quietly(self.replay_spec(plan))
    }

    fn replay_verbosely(&self, plan: &Plan) -> Outcome {
        (self.runner)(self.replay_spec(plan), Mode::Verbose)
    }

    /// Makes a story of a failure: replay, shrink, confirm, save.
    fn investigate(&self, failed: Failed, horizon: u64) -> Found {
        let Failed {
            index,
            spec,
            outcome,
        } = failed;
        let seed = spec.seed;
        let strategy = match &spec.choices {
            Choices::Strategy { strategy, .. } => strategy.for_seed(seed).to_string(),
            Choices::Plan(plan) => plan.strategy.clone(),
        };
        let mut notes = Vec::new();
        let failure = outcome.failure.expect("only failing runs are investigated");
        let signature = failure.signature();
        let raw = outcome.deviations;
        let mut plan = Plan {
            seed,
            strategy: REPLAY.to_owned(),
            horizon,
            failure: Some(signature.clone()),
            deviations: raw.clone(),
        };
        let again = self.replay(&plan);
        let same = again.hash == outcome.hash;
        let mut shrunk = None;
        if !same {
            let second = self.run_quietly(spec);
            notes.push(differs(&second, outcome.hash, &again));
            plan.strategy = strategy;
            plan.deviations = Vec::new();
        } else if self.config.shrink {
            let start = Instant::now();
            let result = shrink::shrink(raw.clone(), |candidate| {
                let candidate = Plan {
                    deviations: candidate.to_vec(),
                    ..plan.clone()
                };
                let outcome = self.replay(&candidate);
                let fails = outcome
                    .failure
                    .is_some_and(|it| it.signature() == signature);
                fails.then_some(outcome.deviations)
            });
            plan.deviations = result.deviations;
            let (replays, minimal) = (result.replays, result.minimal);
            shrunk = Some(Shrinking {
                replays,
                minimal,
                took: start.elapsed(),
            });
        }
        notes.extend(foreign_note(outcome.foreign));
        let (confirmed, witness) = self.confirm(&plan, &signature);
        let record = self
            .identity
            .bundle(seed)
            .map(|path| self.identity.shown(&path.join("record.txt")))
            .filter(|_| witness.recorded);
        let saved = self.save(&plan, &mut notes);
        let variables = environment::strategy().unwrap_or_default();
        Found {
            label: self.identity.label().to_owned(),
            seed,
            position: Some((index + 1, self.seeds())),
            failure,
            polls: outcome.polls,
            time_ns: outcome.time_ns,
            raw,
            plan,
            shrunk,
            confirmed,
            witness,
            saved,
            replay: self
                .identity
                .command(&format!("{variables}SIMOOM_SEED={}", Seed(seed))),
            notes,
            record,
        }
    }

    fn describe_saved(&self, plan: Plan, outcome: Outcome, notes: Vec<String>) -> Found {
        let failure = outcome.failure.expect("only failing runs are described");
        let signature = failure.signature();
        let (confirmed, witness) = self.confirm(&plan, &signature);
        let record = self
            .identity
            .bundle(plan.seed)
            .map(|path| self.identity.shown(&path.join("record.txt")))
            .filter(|_| witness.recorded);
        let saved = self.identity.saved_at();
        let replay = match &saved {
            Some(path) => format!("SIMOOM_REPLAY={}", self.identity.shown(path).display()),
            None => format!("SIMOOM_SEED={}", Seed(plan.seed)),
        };
        Found {
            label: self.identity.label().to_owned(),
            seed: plan.seed,
            position: None,
            failure,
            polls: outcome.polls,
            time_ns: outcome.time_ns,
            raw: plan.deviations.clone(),
            plan,
            shrunk: None,
            confirmed,
            witness,
            saved: None,
            replay: self.identity.command(&replay),
            notes,
            record,
        }
    }

    /// Shows the failure once more in a fresh process, if the test can be started by its name.
    fn confirm(&self, plan: &Plan, signature: &str) -> (Confirmation, Witness) {
        let here = || {
            // The same run, here, for its stacks.
            let mut witness = Witness::of(&self.replay_verbosely_unheard(plan));
            witness.recorded = false;
            witness
        };
        if self.identity.name.is_none() {
            let why = "`check` was called neither on a test's own thread nor in the `main` of an \
                       example"
                .to_owned();
            return (Confirmation::NotTried(why), here());
        }
        if process::is_child() {
            let why = "this process was itself started to show another failure".to_owned();
            return (Confirmation::NotTried(why), Witness::default());
        }
        match process::ask(&self.identity, plan) {
            Err(error) => (Confirmation::No(error.to_string()), here()),
            Ok(witness) if witness.signature.as_deref() == Some(signature) => {
                (Confirmation::Yes, witness)
            }
            Ok(witness) => {
                let what = witness
                    .failure
                    .clone()
                    .unwrap_or_else(|| "it passes".to_owned());
                let why = format!(
                    "there, {what}; something outside the run decides, such as a static that \
                     earlier runs changed"
                );
                (Confirmation::No(why), witness)
            }
        }
    }

    /// A replay whose record is kept and whose logs are not shown.
    fn replay_verbosely_unheard(&self, plan: &Plan) -> Outcome {
        (self.runner)(
            Spec {
                level: Level::Full,
                ..self.replay_spec(plan)
            },
            Mode::Quiet,
        )
    }

    fn save(&self, plan: &Plan, notes: &mut Vec<String>) -> Option<std::path::PathBuf> {
        if !self.config.persist {
            return None;
        }
        let path = self.identity.saved_at()?;
        match saved::save(&path, plan) {
            Ok(()) => Some(self.identity.shown(&path)),
            Err(error) => {
                notes.push(format!("the failure could not be saved: {error}"));
                None
            }
        }
    }
}

fn foreign_note(count: u64) -> Option<String> {
    (count > 0).then(|| {
        format!(
            "{count} wakes or spawns came from threads outside the simulation: their timing is \
             not repeated"
        )
    })
}

fn summary(seed: u64, outcome: &Outcome) -> RunSummary {
    RunSummary {
        seed,
        hash: outcome.hash,
        polls: outcome.polls,
        events: outcome.events,
        time: Duration::from_nanos(outcome.time_ns.unsigned_abs()),
    }
}

fn differs(second: &Outcome, hash: u128, replayed: &Outcome) -> String {
    if second.hash == hash {
        let what = match &replayed.failure {
            Some(failure) => failure.to_string(),
            None => "it passed".to_owned(),
        };
        return format!(
            "replaying the failing run's choices gave another run ({what}): a choice is missing \
             from its record; please report this"
        );
    }
    Failure::Nondeterminism {
        message: TWO_RUNS.to_owned(),
    }
    .to_string()
}

const TWO_RUNS: &str = "running the same seed twice in one process gave two different runs; \
                        something outside the simulation decides (the real clock, entropy, hash \
                        order, another thread, a static)";

/// What two records of one seed differ in first.
fn differing(one: &[String], two: &[String]) -> String {
    let lines = one.iter().map(Some).chain(std::iter::repeat(None));
    let others = two.iter().map(Some).chain(std::iter::repeat(None));
    let longest = one.len().max(two.len());
    let parted = lines
        .zip(others)
        .take(longest)
        .find(|(one, two)| one != two);
    match parted {
        None => format!("{TWO_RUNS}; a third and a fourth run agreed"),
        Some((one, two)) => {
            let end = "the end of the run".to_owned();
            format!(
                "{TWO_RUNS}; they part at\n{}\n{}",
                one.unwrap_or(&end),
                two.unwrap_or(&end)
            )
        }
    }
}

/// Stored choices that had no effect: their anchors did not turn up, or calm chose the same.
fn lost_anchors(plan: &Plan, outcome: &Outcome) -> Option<String> {
    let effective: std::collections::BTreeSet<_> = outcome
        .deviations
        .iter()
        .filter_map(|it| it.anchor.hash())
        .collect();
    let lost: Vec<&Deviation> = plan
        .deviations
        .iter()
        .filter(|it| {
            it.anchor
                .hash()
                .is_none_or(|hash| !effective.contains(&hash))
        })
        .collect();
    let first = lost.first()?;
    let mut anchor = String::new();
    first.anchor.write(&mut anchor);
    Some(format!(
        "{} of {} stored choices of seed {} had no effect; the first is {anchor}",
        lost.len(),
        plan.deviations.len(),
        Seed(plan.seed)
    ))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
