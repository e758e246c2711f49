//! The runs that explain a failure.
//!
//! Owns which runs are made, how many at a time, and when enough is enough. What they say does not
//! depend on how many are made at a time; only the limit of real time may end it sooner.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use super::chart::{LINES_MAX, chart};
use super::curve::{RUNS, Shape, curve};
use super::explanation::{Explanation, Moment, Place};
use super::nearest::{Nearest, part};
use super::slice::slice;
use super::words::Words;
use crate::check::environment;
use crate::check::process;
use crate::check::progress::Progress;
use crate::check::sweep::{Mode, Sweep};
use crate::choice::{ChoiceKind, Deviation, Plan, REPLAY, Rate, value};
use crate::record::{Detail, EventKind, Level, Told};
use crate::run::{Choices, Outcome, Rest, Spec, ToldRun};
use crate::strategy::{Profile, Strategy};
use crate::world::failure::Failure;

/// How many of the events a report shows.
const FEW: usize = 10;

/// A run of more events is not looked through.
const EVENTS_MAX: usize = 4_000_000;

/// Of how many choices it is tried whether leaving out that one alone makes the run pass, or making
/// that one alone.
const TRIED_MAX: usize = 24;

/// How many of the runs that passed are looked at for that.
const ENDS_MAX: usize = 4;

const STREAM: u64 = 0x0065_7870_6c61_696e;
const SEEDS: u64 = 0x0073_6565_6473;

/// What may still be done.
struct Budget {
    runs: u32,
    until: Option<Instant>,
    progress: Progress,
}

impl Budget {
    /// Takes so many runs, if they may be made.
    fn take(&mut self, runs: u32) -> bool {
        let is_late = self.is_late();
        let is_left = self.runs >= runs && !is_late;
        if is_left {
            self.runs -= runs;
        }
        is_left
    }

    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// A failing run that is to be explained.
struct Failing<'a> {
    plan: &'a Plan,
    signature: &'a str,
    failure: Failure,
    run: Box<ToldRun>,
    deviations: Vec<Deviation>,
    polls: u64,
    /// Where in the record its choices are, but for those to cancel: these do not count, and go with
    /// the choice after them.
    choices: Vec<usize>,
    profile: Arc<Profile>,
}

/// The runs that are looked at side by side.
#[derive(Debug)]
pub(in crate::check) struct Runs {
    pub(in crate::check) failing: Box<ToldRun>,
    /// The anchors of its choices that differ from calm.
    pub(in crate::check) changed: BTreeSet<u64>,
    /// The nearest that passes.
    pub(in crate::check) passing: Option<Box<ToldRun>>,
}

/// A run that passes, and where it parts from the failing one.
type Near = (Nearest, Box<ToldRun>);

/// The first run of each level that passes: how much it keeps, and the number of its rest.
type Passing = Vec<(u64, u32)>;

impl Sweep<'_> {
    /// Explains the failure of `plan` with this signature. `seen` says how many of the sweep's seeds
    /// failed like that, if it is a seed's.
    pub(in crate::check) fn explain(
        &self,
        plan: &Plan,
        signature: &str,
        seen: Option<Rate>,
    ) -> (Explanation, Option<Runs>) {
        if plan.strategy != REPLAY || process::is_child() {
            return (Explanation::default(), None);
        }
        if !self.config.explain {
            return (Explanation::default(), self.failing_alone(plan, signature));
        }
        let mut budget = Budget {
            runs: self.config.explain_runs,
            until: Instant::now().checked_add(self.config.explain_time),
            progress: Progress::explaining(self.identity.label(), self.config.explain_runs),
        };
        let Some(failing) = self.failing(plan, signature) else {
            return (Explanation::default(), None);
        };
        let changed = anchors(&failing.deviations);
        let events = &failing.run.events;
        let slice = slice(events, &failing.failure, &changed);
        let words = Words::of(&failing.run);
        let mut passing = Vec::new();
        let moment = self.moment(&failing, &changed, &mut budget, &mut passing);
        budget.progress.ask(1);
        let near = self.nearest(&failing, passing, &mut budget);
        let (nearest, passing) = near.unzip();
        budget.progress.ask(2);
        let rate = seen.map(|seen| self.rate(&failing, seen, &mut budget));
        let explanation = Explanation {
            moment,
            tried: None,
            nearest,
            rate,
            events: chart(&slice, &failing.run, &words, LINES_MAX),
            few: match slice.crosses {
                true => chart(&slice, &failing.run, &words, FEW),
                false => Vec::new(),
            },
            counts: (slice.events, events.len()),
        };
        let runs = Runs {
            failing: failing.run,
            changed,
            passing,
        };
        (explanation, Some(runs))
    }

    /// The failing run, where nothing else is to be found out of it.
    fn failing_alone(&self, plan: &Plan, signature: &str) -> Option<Runs> {
        self.identity.bundle(plan.seed)?;
        let mut outcome = self.told(self.replay_spec(plan));
        let failure = outcome.failure.as_ref();
        let failing = (outcome.told.take()).filter(|run| run.events.len() <= EVENTS_MAX)?;
        (failure?.signature() == signature).then(|| Runs {
            failing,
            changed: anchors(&outcome.deviations),
            passing: None,
        })
    }

    /// The failing run, with all there is to know of it.
    fn failing<'a>(&self, plan: &'a Plan, signature: &'a str) -> Option<Failing<'a>> {
        let mut outcome = self.told(self.replay_spec(plan));
        let failure = (outcome.failure.take()).filter(|it| it.signature() == signature)?;
        let run = (outcome.told.take()).filter(|run| run.events.len() <= EVENTS_MAX)?;
        let counts = |told: &Told| told.event.kind == EventKind::ChoiceMade && !is_cancel(told);
        let choices = (run.events.iter().enumerate())
            .filter(|(_, told)| counts(told))
            .map(|(place, _)| place)
            .collect();
        let mut calm = self.run_calmly();
        Some(Failing {
            plan,
            signature,
            failure,
            run,
            deviations: outcome.deviations,
            polls: outcome.polls,
            choices,
            profile: Arc::new(calm.take_profile()),
        })
    }

    /// Makes a run of which every event is kept.
    fn told(&self, spec: Spec) -> Outcome {
        let level = Level::Full;
        (self.runner)(Spec { level, ..spec }, Mode::Kept)
    }

    /// Where the failure is decided. Keeps in `passing` which runs passed.
    fn moment(
        &self,
        failing: &Failing<'_>,
        changed: &BTreeSet<u64>,
        budget: &mut Budget,
        passing: &mut Passing,
    ) -> Option<Moment> {
        let events = &failing.run.events;
        let total = failing.choices.len() as u64;
        let is_change = |told: &Told| {
            told.event.kind == EventKind::ChoiceMade && changed.contains(&told.event.one)
        };
        let mut changes: Vec<u64> = (events.iter().enumerate())
            .filter(|(_, told)| is_change(told))
            .map(|(place, _)| failing.choices.partition_point(|&it| it < place) as u64)
            .filter(|&number| number < total)
            .collect();
        changes.dedup();
        let curve = curve(total, &changes, |kept| {
            if !budget.take(RUNS) {
                return None;
            }
            let passed = self.together(budget, |number| {
                let outcome = self.run_quietly(self.prefix(failing, kept, number));
                !fails(&outcome, failing.signature)
            })?;
            if let Some(number) = passed.iter().position(|&passed| passed) {
                passing.push((kept, number as u32));
            }
            Some(passed.iter().map(|&passed| u32::from(!passed)).sum())
        });
        let shape = curve.shape()?;
        let end_ns = events.last().map_or(0, |told| told.event.time_ns);
        let time_ns = |kept: u64| match kept.checked_sub(1) {
            _ if kept == total => end_ns,
            Some(last) => events[failing.choices[last as usize]].event.time_ns,
            None => 0,
        };
        let event = match shape {
            Shape::Always => None,
            Shape::Jump { after, .. } => self.place(failing, after.kept),
        };
        Some(Moment {
            times_ns: (curve.levels.iter())
                .map(|level| time_ns(level.kept))
                .collect(),
            curve,
            event,
        })
    }

    /// The last of the first `kept` choices.
    fn place(&self, failing: &Failing<'_>, kept: u64) -> Option<Place> {
        let run = &failing.run;
        let number = usize::try_from(kept.checked_sub(1)?).ok()?;
        let place = *failing.choices.get(number)?;
        // What is cancelled is kept with the choice after it, and matters more.
        let from = number.checked_sub(1).map_or(0, |it| failing.choices[it]);
        let cancelled = run.events[from..place].iter().position(is_cancel);
        let place = cancelled.map_or(place, |offset| from + offset);
        let is_poll = |told: &&Told| told.event.kind == EventKind::TaskPolled;
        let line = Words::of(run).line(&run.events[place]);
        Some(Place {
            time_ns: line.time_ns,
            polls: run.events[..place].iter().filter(is_poll).count() as u64,
            words: line.sentence(),
        })
    }

    /// The run that keeps the first `kept` choices and has the rest number `number`.
    fn prefix(&self, failing: &Failing<'_>, kept: u64, number: u32) -> Spec {
        let seed = failing.plan.seed;
        let rest = Rest {
            kept,
            strategy: self.tail(),
            profile: failing.profile.clone(),
            seed: value(seed, STREAM, u64::from(number)),
        };
        let plan = Arc::new(failing.plan.clone());
        let mut spec = self.spec_of(seed, Choices::Prefix(plan, rest));
        if !matches!(failing.failure, Failure::StepLimit { .. }) {
            // What goes on for much longer is another run.
            let most = failing.polls.saturating_mul(8).saturating_add(10_000);
            spec.limits.steps = spec.limits.steps.min(most);
        }
        spec
    }

    /// Who draws what is drawn anew.
    fn tail(&self) -> Strategy {
        match self.config.strategy {
            // There is no chance in these.
            Strategy::Calm | Strategy::Exhaustive { .. } => Strategy::Random,
            strategy => strategy,
        }
    }

    /// What [`RUNS`] runs come to, by their numbers; nothing if time is up.
    fn together<R: Send + Copy>(
        &self,
        budget: &Budget,
        run: impl Fn(u32) -> R + Sync,
    ) -> Option<Vec<R>> {
        let width = self.config.jobs.unwrap_or_else(environment::jobs).min(64);
        let (next, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
        let work = || {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= RUNS {
                    return done;
                }
                if budget.is_late() {
                    is_over.store(true, Ordering::Relaxed);
                    return done;
                }
                done.push((number, run(number)));
                budget.progress.explained();
            }
        };
        let mut done: Vec<(u32, R)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..width.max(1)).map(|_| scope.spawn(work)).collect();
            let done = workers.into_iter().map(|worker| worker.join());
            done.flat_map(|done| done.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        done.sort_unstable_by_key(|&(number, _)| number);
        (!is_over.into_inner()).then(|| done.into_iter().map(|(_, it)| it).collect())
    }

    /// The run that passes and is the nearest: without one of the choices that differ from calm, or
    /// with one more of those that passed; else the one of these that kept the most.
    fn nearest(
        &self,
        failing: &Failing<'_>,
        mut passing: Passing,
        budget: &mut Budget,
    ) -> Option<Near> {
        let mut best: Option<Near> = None;
        let deviations = &failing.deviations;
        let events = deviations.iter().filter(|it| is_event(it));
        for left_out in events.rev().take(TRIED_MAX) {
            let rest = deviations.iter().filter(|it| it.anchor != left_out.anchor);
            let near = self.passes_with(failing, rest.cloned().collect(), budget);
            // The later they part, the less there is to look at.
            if let Some(near) = near
                && (best.as_ref()).is_none_or(|best| near.0.agreed > best.0.agreed)
            {
                best = Some(near);
            }
        }
        if best.is_some() {
            return best;
        }
        passing.sort_unstable_by_key(|&(kept, _)| std::cmp::Reverse(kept));
        let mut whole = None;
        for (kept, number) in passing.into_iter().take(ENDS_MAX) {
            if !budget.take(1) {
                return whole;
            }
            let outcome = self.told(self.prefix(failing, kept, number));
            budget.progress.explained();
            let is_own = |it: &&Deviation| deviations.iter().any(|own| own.anchor == it.anchor);
            let more: Vec<_> = outcome.deviations.iter().filter(|it| !is_own(it)).collect();
            for one in more.iter().rev().take(TRIED_MAX) {
                let with = deviations.iter().chain([*one]).cloned().collect();
                let near = self.passes_with(failing, with, budget);
                if near.is_some() {
                    return near;
                }
            }
            let fewer = (deviations.iter())
                .filter(|own| outcome.deviations.iter().all(|it| it.anchor != own.anchor))
                .count();
            let parted = (outcome.told.as_deref())
                .and_then(|told| part(&failing.run, told, more.len() + fewer));
            whole = whole.or(parted.zip(outcome.told));
        }
        whole
    }

    /// Where the run of other deviations parts from the failing one, if it passes.
    fn passes_with(
        &self,
        failing: &Failing<'_>,
        deviations: Vec<Deviation>,
        budget: &mut Budget,
    ) -> Option<Near> {
        if !budget.take(1) {
            return None;
        }
        let plan = Plan {
            deviations,
            ..failing.plan.clone()
        };
        let outcome = self.told(self.replay_spec(&plan));
        budget.progress.explained();
        if outcome.failure.is_some() {
            return None;
        }
        let passing = outcome.told?;
        Some((part(&failing.run, &passing, 1)?, passing))
    }

    /// How many seeds fail: those that the sweep has `seen`, and as many others as are tried here.
    fn rate(&self, failing: &Failing<'_>, seen: Rate, budget: &mut Budget) -> Rate {
        if !budget.take(RUNS) {
            return seen;
        }
        let fresh = self.together(budget, |number| {
            let seed = value(failing.plan.seed, STREAM ^ SEEDS, u64::from(number));
            let spec = self.spec(seed, self.config.strategy, &failing.profile);
            fails(&self.run_quietly(spec), failing.signature)
        });
        let Some(fresh) = fresh else {
            return seen;
        };
        Rate {
            failed: seen.failed + fresh.iter().map(|&fails| u64::from(fails)).sum::<u64>(),
            runs: seen.runs + fresh.len() as u64,
        }
    }
}

/// The hashes of the anchors of `deviations`.
fn anchors(deviations: &[Deviation]) -> BTreeSet<u64> {
    let hashes = deviations.iter().filter_map(|it| it.anchor.hash());
    hashes.map(|hash| hash.0).collect()
}

fn fails(outcome: &Outcome, signature: &str) -> bool {
    let failure = outcome.failure.as_ref();
    failure.is_some_and(|it| it.signature() == signature)
}

fn is_cancel(told: &Told) -> bool {
    matches!(
        told.detail,
        Some(Detail::Choice {
            kind: ChoiceKind::Cancel,
            ..
        })
    )
}

/// Whether something happens because of it that would not happen otherwise. What a test leaves out
/// of its workload, and which draws are simple, is not told.
fn is_event(deviation: &Deviation) -> bool {
    deviation.anchor.kind.is_event()
}
