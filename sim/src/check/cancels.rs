//! Cancelling at every place, in place of seeds.
//!
//! Owns which places are tried and in which sequence: each as it waits, then when it is woken, in the
//! order in which the undisturbed run came to them. Knows nothing of how something is cancelled.

use std::any::TypeId;
use std::future::Future;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use simoom_faults::Ratio;

use super::config::{Config, FIRST_SEED};
use super::environment;
use super::identity::Identity;
use super::progress::Progress;
use super::sweep::{Failed, Sweep, Swept, check_as, summary};
use crate::cancel::{CancelReport, Coverage, Denied, Deny, Target, Tried};
use crate::choice::AnchorHash;
use crate::run::{Choices, Outcome, Spec};
use crate::sim::{Exit, Sim};
use crate::strategy::{Learnt, Orders, Profile, Strategy};
use crate::world::cancels::{AwaitPlace, Cancelling, Moment};
use crate::world::failure::Failure;
use crate::world::remains::{Remains, Remnant};

/// Where a sweep cancels, for [`Config::cancels`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cancels {
    /// Nowhere.
    #[default]
    Never,
    /// With this probability at each await of each run: three times out of four as it waits, else
    /// when it is woken.
    Random(Ratio),
    /// At every await once, in place of seeds: see [`every_await`].
    Every,
    /// Twice, or once with one change of the order of tasks, in place of seeds: see [`pairs`].
    Pairs,
}

impl From<Ratio> for Cancels {
    fn from(odds: Ratio) -> Self {
        Self::Random(odds)
    }
}

/// Runs `test` undisturbed, then once for each of its await points and moments, at which it is
/// cancelled; nothing else is disturbed.
///
/// With [`Config::seed`], the run of that seed under [`Config::strategy`] takes the place of the
/// undisturbed one. All points are tried, whatever [`Config::seeds`] says. The first failure is
/// replayed, shrunk, shown by a fresh process and saved as any other; how many others failed, and
/// where, stands in the report.
///
/// # Panics
/// If a `SIMOOM_…` variable of the environment is malformed.
///
/// # Examples
/// ```
/// use simoom::sync::Mutex;
/// use simoom_sim::{Config, cancel};
///
/// let report = cancel::every_await(Config::default(), |_sim| async {
///     let mutex = std::sync::Arc::new(Mutex::new(0));
///     let held = mutex.clone().lock_owned().await;
///     let add = || {
///         let mutex = mutex.clone();
///         simoom::spawn(async move { *mutex.lock().await += 1 })
///     };
///     let (one, two) = (add(), add());
///     simoom::task::yield_now().await;
///     drop(held);
///     let added = one.await.is_ok() as i32 + two.await.is_ok() as i32;
///     assert_eq!(*mutex.lock().await, added);
/// });
/// assert_eq!((report.points(), report.cancelled(), report.cancelled_woken()), (2, 2, 2));
/// report.unwrap();
/// ```
#[track_caller]
pub fn every_await<F, M>(config: Config, test: M) -> CancelReport
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    explore(Location::caller(), config.cancels(Cancels::Every), test)
}

/// Runs `test` as [`every_await`] does, then with two disturbances at a time: it is cancelled at two
/// await points, or at one while once another task goes on than in the undisturbed run.
///
/// There are about as many pairs as points squared: at most as many as [`Config::seeds`] says are
/// run, evenly taken from all, and only if every single point passes. With [`Config::seed`], they are
/// laid over the run of that seed under [`Config::strategy`], as for [`every_await`].
///
/// # Panics
/// If a `SIMOOM_…` variable of the environment is malformed.
///
/// # Examples
/// ```
/// use simoom_sim::{Config, cancel};
///
/// let report = cancel::pairs(Config::default().seeds(500), |_sim| async {
///     let tasks: Vec<_> = (0..3)
///         .map(|_| simoom::spawn(simoom::task::yield_now()))
///         .collect();
///     for task in tasks {
///         drop(task.await);
///     }
/// });
/// let (run, known) = report.pairs().unwrap();
/// assert_eq!(run, known);
/// report.unwrap();
/// ```
#[track_caller]
pub fn pairs<F, M>(config: Config, test: M) -> CancelReport
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    explore(Location::caller(), config.cancels(Cancels::Pairs), test)
}

fn explore<F, M>(location: &'static Location<'static>, config: Config, test: M) -> CancelReport
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    let identity = Identity::of_call(location, TypeId::of::<M>(), &config);
    let mut report = check_as(identity, config, test);
    let coverage = report
        .coverage
        .take()
        .map_or_else(Coverage::default, |it| *it);
    CancelReport { report, coverage }
}

/// One run, by what is cancelled in it and what its order of tasks differs in.
#[derive(Clone, Debug)]
struct Attempt {
    targets: Vec<(AnchorHash, Moment)>,
    orders: Option<Orders>,
}

/// What comes after a first cancellation and can be the second disturbance.
#[derive(Clone, Copy, Debug)]
enum Second {
    Cancel(AnchorHash, Moment),
    Order(AnchorHash, u64),
}

/// What one run left.
struct Left {
    reached: bool,
    failure: Option<String>,
    seconds: Vec<Second>,
}

/// The most pairs that are known at a time.
const PAIRS_MAX: usize = 1 << 22;

impl Sweep<'_> {
    /// What the runs of this sweep are asked about cancelling.
    pub(super) fn cancelling(&self) -> Option<Cancelling> {
        match self.config.cancels {
            Cancels::Never => None,
            Cancels::Random(odds) => Some(Cancelling {
                odds: Some(odds),
                ..self.denying()
            }),
            Cancels::Every | Cancels::Pairs => Some(self.denying()),
        }
    }

    /// What may not come of cancelling. What is left is known to be too much once there is a run to
    /// compare with.
    fn denying(&self) -> Cancelling {
        let deny = &self.config.cancel_deny;
        let undisturbed = self.undisturbed.get().cloned();
        let denied = Denied {
            deny: match undisturbed {
                Some(_) => deny.clone(),
                None => deny.clone().without_left_behind(),
            },
            undisturbed: undisturbed.unwrap_or_default(),
        };
        Cancelling {
            counts: denied.deny.compares(),
            denied: (*deny != Deny::none()).then_some(denied),
            ..Cancelling::default()
        }
    }

    /// Counts what there is at the end of the run in which nothing is cancelled, if runs are to be
    /// compared with it.
    pub(super) fn count_undisturbed(&self) {
        let deny = &self.config.cancel_deny;
        if !self.cancels_everywhere() || !deny.compares() {
            return;
        }
        let profile = match self.config.one_seed {
            Some(_) => self.run_calmly().take_profile(),
            None => Profile::default(),
        };
        let mut spec = self.base(&Arc::new(profile));
        spec.cancels = Some(Cancelling {
            counts: true,
            denied: Some(Denied {
                deny: deny.clone(),
                undisturbed: Arc::default(),
            }),
            ..Cancelling::default()
        });
        let outcome = self.run_quietly(spec);
        // Nobody else sets it.
        let _ = self.undisturbed.set(Arc::new(outcome.awaits.remains));
    }

    /// Whether places to cancel are run in place of seeds.
    pub(super) fn cancels_everywhere(&self) -> bool {
        matches!(self.config.cancels, Cancels::Every | Cancels::Pairs)
    }

    /// Runs one attempt after the other, and says which was the first to fail.
    pub(super) fn cancel_everywhere(&self, profile: &Arc<Profile>) -> (Swept, Coverage) {
        let mut swept = Swept::default();
        let mut coverage = Coverage::default();
        let base = self.base(profile);
        let mut lists = base.clone();
        lists.cancels = Some(Cancelling {
            lists: true,
            counts: true,
            ..self.denying()
        });
        let mut outcome = self.run_quietly(lists);
        coverage.points = std::mem::take(&mut outcome.awaits.listed);
        coverage.remains = std::mem::take(&mut outcome.awaits.remains);
        if outcome.failure.is_some() {
            let index = self.config.one_seed.map(|_| 0);
            swept.failed = Some(Failed {
                index,
                spec: base,
                outcome,
                differs: None,
            });
            coverage.add_up();
            return (swept, coverage);
        }
        let waiting = (0..coverage.points.len()).map(|point| (point, Moment::Waiting));
        let woken = (0..coverage.points.len())
            .filter(|&point| coverage.points[point].woken)
            .map(|point| (point, Moment::Woken));
        let targets: Vec<_> = waiting
            .chain(woken)
            .map(|(point, moment)| Target { point, moment })
            .collect();
        let wants_pairs = self.config.cancels == Cancels::Pairs;
        let singles: Vec<_> = (targets.iter())
            .map(|target| Attempt {
                targets: vec![(coverage.points[target.point].anchor, target.moment)],
                orders: wants_pairs.then(|| orders_over(&base, Vec::new())),
            })
            .collect();
        let left = self.attempt(&base, &singles, 0, wants_pairs, &mut swept, &mut coverage);
        let seconds: Vec<_> = left.iter().map(|left| left.seconds.clone()).collect();
        let tried = targets.iter().zip(left).map(|(&target, left)| Tried {
            target,
            reached: left.reached,
            failure: left.failure,
        });
        coverage.tried = tried.collect();
        if wants_pairs && swept.failed.is_none() {
            let (pairs, known) = self.some_pairs(&base, &singles, &seconds);
            coverage.pairs = Some((pairs.len(), known));
            let runs = singles.len();
            self.attempt(&base, &pairs, runs, false, &mut swept, &mut coverage);
        }
        coverage.add_up();
        (swept, coverage)
    }

    /// The run in which something is cancelled: the undisturbed one, or that of a seed.
    fn base(&self, profile: &Arc<Profile>) -> Spec {
        match self.config.one_seed {
            Some(seed) => self.spec(seed, self.config.strategy, profile),
            None => self.spec(FIRST_SEED, Strategy::Calm, profile),
        }
    }

    /// At most as many pairs as the sweep has seeds, evenly taken from all; and how many there are.
    fn some_pairs(
        &self,
        base: &Spec,
        singles: &[Attempt],
        seconds: &[Vec<Second>],
    ) -> (Vec<Attempt>, usize) {
        let all = singles.iter().zip(seconds);
        let all = all.flat_map(|(single, seconds)| seconds.iter().map(move |it| (single, *it)));
        let known = seconds.iter().map(Vec::len).sum::<usize>().min(PAIRS_MAX);
        let most = usize::try_from(self.config.seeds)
            .unwrap_or(usize::MAX)
            .min(known);
        let is_taken = |index: usize| {
            // The `n`-th of `most` stands at `n * known / most`.
            let n = (index * most).div_ceil(known);
            n < most && n * known / most == index
        };
        let taken = all
            .take(known)
            .enumerate()
            .filter(|&(index, _)| is_taken(index));
        let pair = |(single, second): (&Attempt, Second)| {
            let mut targets = single.targets.clone();
            let orders = match second {
                Second::Cancel(anchor, moment) => {
                    targets.push((anchor, moment));
                    None
                }
                Second::Order(anchor, task) => Some(orders_over(base, vec![(anchor, task)])),
            };
            Attempt { targets, orders }
        };
        (taken.map(|(_, it)| pair(it)).collect(), known)
    }

    /// Makes the runs of `attempts` on several threads, all of them; the first that fails is kept.
    fn attempt(
        &self,
        base: &Spec,
        attempts: &[Attempt],
        earlier: usize,
        lists: bool,
        swept: &mut Swept,
        coverage: &mut Coverage,
    ) -> Vec<Left> {
        let next = AtomicUsize::new(0);
        let progress = Progress::of(self.identity.label(), attempts.len() as u64);
        let undisturbed = coverage.remains.clone();
        let done = Mutex::new((Vec::new(), std::mem::take(coverage), None::<Failed>));
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(attempt) = attempts.get(index) else {
                    return;
                };
                let spec = spec_of(base, attempt, lists);
                let mut outcome = self.run_quietly(spec.clone());
                progress.count(outcome.time_ns, outcome.failure.is_some());
                let summary = summary(spec.seed, &outcome);
                let tally = outcome.faults.clone();
                let interrupted = std::mem::take(&mut outcome.awaits.interrupted);
                let torn = std::mem::take(&mut outcome.awaits.torn);
                let more = left_over(&outcome, &undisturbed);
                let left = left_by(&mut outcome);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                let (runs, coverage, failed) = &mut *done;
                runs.push((index, left, summary, tally));
                coverage.interrupted.extend(interrupted);
                coverage.torn.extend(torn);
                for left in more {
                    *coverage.left.entry(left).or_default() += 1;
                }
                let position = Some((earlier + index) as u64);
                let is_first = failed.as_ref().is_none_or(|other| position < other.index);
                if outcome.failure.is_some() && is_first {
                    *failed = Some(Failed {
                        index: position,
                        spec,
                        outcome,
                        differs: None,
                    });
                }
            }
        };
        let workers = self.config.jobs.unwrap_or_else(environment::jobs);
        std::thread::scope(|scope| {
            for _ in 0..workers.min(64).min(attempts.len()) {
                scope.spawn(work);
            }
        });
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut runs, kept, failed) = done;
        *coverage = kept;
        runs.sort_unstable_by_key(|&(index, ..)| index);
        swept.failed = failed;
        let mut all = Vec::new();
        for (_, left, summary, tally) in runs {
            swept.ran.summaries.push(summary);
            swept.ran.tallies.push(tally);
            all.push(left);
        }
        all
    }
}

/// The choices of `base`, but for `stored` ones.
fn orders_over(base: &Spec, stored: Vec<(AnchorHash, u64)>) -> Orders {
    let base = match &base.choices {
        Choices::Strategy { strategy, profile } if *strategy != Strategy::Calm => {
            Some((*strategy, profile.clone()))
        }
        _ => None,
    };
    Orders {
        base,
        stored,
        ..Orders::default()
    }
}

fn spec_of(base: &Spec, attempt: &Attempt, lists: bool) -> Spec {
    let choices = match &attempt.orders {
        Some(orders) => Choices::Orders(Arc::new(orders.clone())),
        None => base.choices.clone(),
    };
    Spec {
        choices,
        cancels: Some(Cancelling {
            odds: None,
            targets: Arc::new(attempt.targets.clone()),
            lists,
            counts: true,
            denied: base.cancels.as_ref().and_then(|it| it.denied.clone()),
        }),
        ..base.clone()
    }
}

/// What a run that passed has left that the undisturbed one has not, or less of it, and where it was
/// cancelled first.
fn left_over(outcome: &Outcome, undisturbed: &Remains) -> Vec<(Remnant, AwaitPlace)> {
    let has_passed = matches!(outcome.failure, None | Some(Failure::AfterCancel { .. }));
    let Some(place) = outcome.awaits.place.filter(|_| has_passed) else {
        return Vec::new();
    };
    let remains = outcome.awaits.remains.iter();
    let more = remains.filter(|(what, count)| undisturbed.get(what) < Some(count));
    more.map(|(&what, _)| (what, place)).collect()
}

fn left_by(outcome: &mut Outcome) -> Left {
    let awaits = std::mem::take(&mut outcome.awaits);
    let later = awaits
        .first
        .map_or(&[][..], |first| &awaits.listed[first..]);
    let mut seconds = Vec::new();
    for point in later {
        seconds.push(Second::Cancel(point.anchor, Moment::Waiting));
        if point.woken {
            seconds.push(Second::Cancel(point.anchor, Moment::Woken));
        }
    }
    if let Learnt::Orders(explored) = std::mem::take(&mut outcome.learnt) {
        for point in explored.points.iter().filter(|it| it.calm.is_some()) {
            let others = point.others.iter();
            seconds.extend(others.map(|&task| Second::Order(point.anchor, task)));
        }
    }
    Left {
        reached: awaits.first.is_some(),
        failure: outcome.failure.as_ref().map(ToString::to_string),
        seconds,
    }
}
