//! What is made of a failure: replayed, shrunk, shown by a fresh process, saved.
//!
//! Owns the finding. A failure is what a fresh process shows: where it shows something else, that
//! is the finding. Knows nothing of how seeds are swept.

use std::sync::Arc;
use std::time::Instant;

use super::build::Output;
use super::cancels::Cancels;
use super::doubled::{Side, TWO_PROCESSES, TWO_RUNS};
use super::explain::{Explanation, Runs, Tried};
use super::found::{Confirmation, Found, Position, Seed, Shrinking};
use super::judge::{Replays, verdict};
use super::process::{self, Errand, Witness};
use super::report::RunSummary;
use super::shrink::{self, Budget, Met, Shrunk};
use super::sweep::{Failed, Mode, Sweep, foreign_note, lost_note, summary};
use super::{environment, saved, workload};
use crate::choice::{Deviation, Plan, REPLAY, Rate};
use crate::record::{Level, Watch};
use crate::run::{Choices, Outcome, Spec};
use crate::strategy::Strategy;
use crate::world::failure::Failure;
use crate::world::faults::FaultTally;

/// What a fresh process made of a plan.
struct Shown {
    confirmation: Confirmation,
    witness: Witness,
    /// In what its run differs from the one here.
    differs: Option<String>,
}

impl Shown {
    /// The failure that is to be reported: what the two disagree in, if they do.
    fn failure(&self, failure: Failure) -> Failure {
        match (&self.confirmation, &self.differs) {
            (Confirmation::No(_), Some(differs)) => Failure::Nondeterminism {
                message: format!("{TWO_PROCESSES}: {differs}"),
            },
            _ => failure,
        }
    }

    /// What is to be said where both fail, but not by the same run.
    fn note(&self) -> Option<String> {
        match (&self.confirmation, &self.differs) {
            (Confirmation::Yes, Some(differs)) => Some(format!(
                "the fresh process fails the same way, but not by the same run: {differs}"
            )),
            _ => None,
        }
    }
}

impl Sweep<'_> {
    /// Makes a story of a failure: replay, shrink, confirm, save.
    pub(super) fn investigate(&self, failed: Failed, horizon: u64) -> Found {
        let Failed {
            index,
            spec,
            outcome,
            differs,
        } = failed;
        if let Some(message) = differs {
            let plan = self.plan_of(&spec, horizon);
            let index = index.expect("the undisturbed run is made once");
            let found = self.two_runs(index, summary(spec.seed, &outcome), plan, message);
            return self.keep(found, Vec::new(), None);
        }
        let seed = spec.seed;
        let mut notes = Vec::new();
        let failure = outcome.failure.expect("only failing runs are investigated");
        let signature = failure.signature();
        let raw = outcome.deviations;
        let mut unshrunk = Plan {
            strategy: REPLAY.to_owned(),
            failure: Some(signature.clone()),
            deviations: raw.clone(),
            ..self.plan_of(&spec, horizon)
        };
        unshrunk.count_siblings(&outcome.families);
        let mut plan = unshrunk.clone();
        let again = self.replay(&plan);
        let mut shrunk = None;
        let mut met = Vec::new();
        // The run that is told is the one whose choices are: the shrunk one.
        let mut told = None;
        if again.hash != outcome.hash {
            notes.push(self.why_not_repeated(&spec, outcome.hash, &again));
            plan = Plan {
                failure: Some(signature.clone()),
                ..self.plan_of(&spec, horizon)
            };
        } else if self.shrinks(&signature) {
            let (left, shrinking, others) = self.shrink(&plan, &signature, again);
            plan.deviations = left;
            shrunk = Some(shrinking);
            met = others;
            let again = self.replay(&plan);
            plan.count_siblings(&again.families);
            told = Some(again);
        }
        notes.extend(foreign_note(outcome.foreign));
        notes.extend(lost_note(outcome.lost_threads));
        let mut shown = self.confirm(&plan, &signature);
        if matches!(shown.confirmation, Confirmation::No(_))
            && shrunk.is_some()
            && plan.deviations.len() < raw.len()
        {
            // What threads shrank it to is not a failure; what was found may be one all the same.
            let whole = self.confirm(&unshrunk, &signature);
            if matches!(whole.confirmation, Confirmation::Yes) {
                notes.push(
                    "a fresh process does not fail as this process does when it is shrunk; it is \
                     left as it was found"
                        .to_owned(),
                );
                (plan, shown, shrunk, told) = (unshrunk, whole, None, None);
            }
        }
        notes.extend(shown.note());
        let seen = self.seen(index, &spec);
        let (mut explanation, runs) =
            self.explain_shown(&mut plan, &signature, seen, &shown.confirmation);
        if self.config.explain {
            explanation.tried = self.tried(&spec);
        }
        let saved = self.save(&plan, &shown.confirmation, &mut notes);
        notes.extend(self.places(&shown.witness));
        let operations = (told.as_ref())
            .map(|told| told_less(&told.done, &told.deviations))
            .unwrap_or_default();
        let told = told.and_then(|told| Some((told.failure?, told.polls, told.time_ns)));
        let (failure, polls, time_ns) = match told {
            Some(told) if told.0.signature() == signature => told,
            _ => (failure, outcome.polls, outcome.time_ns),
        };
        let failure = shown.failure(failure);
        let is_of_calm = self.is_of_calm(&spec);
        let variables = environment::variables(is_of_calm);
        let is_order = matches!(spec.choices, Choices::Orders(_));
        let targets = spec.cancels.as_ref().map(|it| it.targets.len());
        let is_cancelled = targets.is_some_and(|targets| targets > 0);
        let position = match index {
            Some(index) if is_cancelled => Position::Cancelled(index + 1),
            Some(index) if is_order => Position::Order(index + 1, self.seeds()),
            Some(index) => Position::Seed(index + 1, self.seeds()),
            None => Position::Undisturbed,
        };
        let again = match &saved {
            Some(path) if is_order || is_cancelled => {
                format!("SIMOOM_REPLAY={}", path.display())
            }
            _ if is_cancelled => self.cancelled_again(),
            _ if is_order => format!("{variables}SIMOOM_SEEDS={}", self.seeds()),
            // Whoever draws the input draws this one again.
            _ if self.config.drawn.is_some() => variables.trim_end().to_owned(),
            _ => format!("{variables}SIMOOM_SEED={}", Seed(seed)),
        };
        let found = Found {
            label: self.identity.label().to_owned(),
            seed,
            position,
            failure,
            polls,
            time_ns,
            raw,
            shrunk,
            faults: outcome.faults,
            record: self.record_of(&plan, &shown.witness),
            plan,
            confirmed: shown.confirmation,
            witness: shown.witness,
            saved,
            replay: self.identity.command(&again).trim_start().to_owned(),
            notes,
            notes_shown: self.config.notes,
            explanation,
            bundle: None,
            operations,
            met: Vec::new(),
        };
        self.keep(found, met, runs)
    }

    /// Whether a failure of this signature is shrunk: with an input that failed before, only the
    /// failure that it is drawn smaller for.
    fn shrinks(&self, signature: &str) -> bool {
        let carried = self
            .config
            .drawn
            .as_ref()
            .and_then(|it| it.carried.as_ref());
        let is_other = |plan: &Arc<Plan>| plan.failure.as_deref() != Some(signature);
        self.config.shrink && !carried.is_some_and(is_other)
    }

    /// The variables that make this sweep cancel the same run everywhere once more.
    fn cancelled_again(&self) -> String {
        let variables = environment::variables(false);
        match self.config.one_seed {
            Some(seed) => format!("{variables}SIMOOM_SEED={}", Seed(seed)),
            None => variables.trim_end().to_owned(),
        }
    }

    /// How many of the sweep's seeds failed, up to the one with this index, if chance chose them.
    fn seen(&self, index: Option<u64>, spec: &Spec) -> Option<Rate> {
        let by_chance = !matches!(spec.choices, Choices::Orders(_)) && !self.cancels_everywhere();
        let index = index.filter(|_| by_chance)?;
        Some(match self.config.one_seed {
            Some(_) => Rate { failed: 0, runs: 0 },
            None => Rate {
                failed: 1,
                runs: index + 1,
            },
        })
    }

    /// What the sweep tries in turn, if that is how `spec` was come to.
    fn tried(&self, spec: &Spec) -> Option<Tried> {
        let is_cancelled = (spec.cancels.as_ref()).is_some_and(|it| !it.targets.is_empty());
        match (self.config.cancels, self.config.strategy) {
            (Cancels::Every, _) => is_cancelled.then_some(Tried::Points),
            (Cancels::Pairs, _) => is_cancelled.then_some(Tried::Pairs),
            (_, Strategy::Exhaustive { deviations }) => {
                matches!(spec.choices, Choices::Orders(_)).then_some(Tried::Orders(deviations))
            }
            _ => None,
        }
    }

    /// Explains what a fresh process has shown, or would, and notes in the plan how often it was
    /// seen.
    fn explain_shown(
        &self,
        plan: &mut Plan,
        signature: &str,
        seen: Option<Rate>,
        confirmation: &Confirmation,
    ) -> (Explanation, Option<Runs>) {
        if matches!(confirmation, Confirmation::No(_)) {
            return (Explanation::default(), None);
        }
        let (explanation, runs) = self.explain(plan, signature, seen);
        let rate = explanation.rate().filter(|&(failed, _)| failed > 0);
        plan.seen = rate
            .map(|(failed, runs)| Rate { failed, runs })
            .or(plan.seen);
        (explanation, runs)
    }

    /// Whether a run was the undisturbed one that every sweep begins with.
    fn is_of_calm(&self, spec: &Spec) -> bool {
        matches!(&spec.choices, Choices::Strategy { strategy, .. }
            if *strategy == Strategy::Calm && self.config.strategy != Strategy::Calm)
    }

    /// Shrinks `plan`, which fails by `signature` with the outcome `found`: what is left, what it
    /// took, and what else it met.
    fn shrink(
        &self,
        plan: &Plan,
        signature: &str,
        found: Outcome,
    ) -> (Vec<Deviation>, Shrinking, Vec<Met>) {
        let start = Instant::now();
        let budget = Budget {
            replays: self.config.shrink_replays,
            kept: 500,
            idle: 200,
            time: self.config.shrink_time,
        };
        let judge = Replays::of(self, plan);
        let Shrunk {
            deviations,
            replays,
            minimal,
            without,
            met,
            passes,
        } = shrink::shrink(&judge, signature, verdict(found), budget);
        // Of what happened; nobody asks about an operation that did not, or a draw that is simple.
        let without = (deviations.iter().zip(without))
            .filter(|(it, _)| it.anchor.kind.is_event())
            .map(|(_, without)| without)
            .collect();
        let shrinking = Shrinking {
            replays,
            minimal,
            took: start.elapsed(),
            without,
            passes,
        };
        (deviations, shrinking, met)
    }

    /// Why replaying the choices of `spec`, whose run hashed to `hash`, gave the run `replayed`.
    fn why_not_repeated(&self, spec: &Spec, hash: u128, replayed: &Outcome) -> String {
        let spec = Spec {
            watch: Watch::Keep { from: 0 },
            ..spec.clone()
        };
        let mut first = self.run_quietly(spec.clone());
        let kept = first.kept.take();
        let differs = kept.and_then(|kept| self.differs(&spec, &first, &kept));
        let message = match differs {
            Some(differs) => differs,
            None if first.hash != hash => format!("{TWO_RUNS}; a third and a fourth run agreed"),
            None => {
                let what = match &replayed.failure {
                    Some(failure) => failure.to_string(),
                    None => "it passed".to_owned(),
                };
                return format!(
                    "replaying the failing run's choices gave another run ({what}): a choice is \
                     missing from its record; please report this"
                );
            }
        };
        Failure::Nondeterminism { message }.to_string()
    }

    /// A saved failure that still fails.
    pub(super) fn describe_saved(
        &self,
        mut plan: Plan,
        outcome: Outcome,
        mut notes: Vec<String>,
    ) -> Found {
        let failure = outcome.failure.expect("only failing runs are described");
        let shown = self.confirm(&plan, &failure.signature());
        notes.extend(shown.note());
        notes.extend(self.places(&shown.witness));
        let signature = failure.signature();
        let (explanation, runs) =
            self.explain_shown(&mut plan, &signature, None, &shown.confirmation);
        let saved = self.saved_at();
        let replay = match &saved {
            Some(path) => format!("SIMOOM_REPLAY={}", self.identity.shown(path).display()),
            None => format!("SIMOOM_SEED={}", Seed(plan.seed)),
        };
        let operations = told_less(&outcome.done, &outcome.deviations);
        let found = Found {
            label: self.identity.label().to_owned(),
            seed: plan.seed,
            position: Position::Saved,
            failure: shown.failure(failure),
            polls: outcome.polls,
            time_ns: outcome.time_ns,
            raw: plan.deviations.clone(),
            faults: outcome.faults,
            record: self.record_of(&plan, &shown.witness),
            plan,
            shrunk: None,
            confirmed: shown.confirmation,
            witness: shown.witness,
            saved: None,
            replay: self.identity.command(&replay),
            notes,
            notes_shown: self.config.notes,
            explanation,
            bundle: None,
            operations,
            met: Vec::new(),
        };
        self.keep(found, Vec::new(), runs)
    }

    /// Two runs of one seed that were not the same run.
    fn two_runs(&self, index: u64, run: RunSummary, plan: Plan, message: String) -> Found {
        let confirmed = match self.why_no_process() {
            Some(why) => Confirmation::NotTried(why),
            None => match process::ask(&self.identity, &plan, &Errand::Twice) {
                Err(error) => Confirmation::No(error.to_string()),
                Ok(witness) if witness.differs.is_some() => Confirmation::Yes,
                Ok(_) => Confirmation::No(
                    "two runs there are the same run: what decides is rare, or was left behind \
                     by earlier runs of this process"
                        .to_owned(),
                ),
            },
        };
        self.nondeterminism(index, run, plan, message, confirmed)
    }

    /// A run that was another run in a fresh process.
    pub(super) fn disagreement(
        &self,
        index: u64,
        run: RunSummary,
        plan: Plan,
        differs: String,
    ) -> Found {
        let message = format!("{TWO_PROCESSES}: {differs}");
        let found = self.nondeterminism(index, run, plan, message, Confirmation::Yes);
        self.keep(found, Vec::new(), None)
    }

    fn nondeterminism(
        &self,
        index: u64,
        run: RunSummary,
        plan: Plan,
        message: String,
        confirmed: Confirmation,
    ) -> Found {
        let variables = environment::variables(false);
        let replay = format!("{variables}SIMOOM_SEED={}", Seed(run.seed));
        Found {
            label: self.identity.label().to_owned(),
            seed: run.seed,
            position: Position::Seed(index + 1, self.seeds()),
            failure: Failure::Nondeterminism { message },
            polls: run.polls,
            time_ns: i64::try_from(run.time.as_nanos()).unwrap_or(i64::MAX),
            raw: Vec::new(),
            faults: FaultTally::default(),
            plan,
            shrunk: None,
            confirmed,
            witness: Witness::default(),
            saved: None,
            replay: self.identity.command(&replay),
            notes: self.identity.lacks().into_iter().collect(),
            notes_shown: self.config.notes,
            record: None,
            bundle: None,
            operations: Vec::new(),
            met: Vec::new(),
            explanation: Explanation::default(),
        }
    }

    /// What the sweep as a whole failed by, told by its first run.
    pub(super) fn found_by_sweep(&self, run: RunSummary, failure: Failure, horizon: u64) -> Found {
        let confirmed = Confirmation::NotTried("it is the sweep that fails, no run".to_owned());
        let message = String::new();
        let spec = self.spec(run.seed, self.config.strategy, &Arc::default());
        let variables = environment::variables(false);
        let replay = format!("{variables}SIMOOM_SEEDS={}", self.seeds());
        Found {
            failure,
            replay: self.identity.command(&replay),
            ..self.nondeterminism(0, run, self.plan_of(&spec, horizon), message, confirmed)
        }
    }

    /// Why no fresh process can show a failure of this sweep, if none can.
    fn why_no_process(&self) -> Option<String> {
        if self.identity.name.is_none() {
            return Some(
                "`check` was called neither on a test's own thread nor in the `main` of an example"
                    .to_owned(),
            );
        }
        if self.config.drawn.is_some() {
            return Some("its input is drawn, and would be another one there".to_owned());
        }
        process::is_child()
            .then(|| "this process was itself started to show another failure".to_owned())
    }

    /// Shows the failure once more in a fresh process, if the test can be started by its name.
    fn confirm(&self, plan: &Plan, signature: &str) -> Shown {
        let shown = |confirmation, witness, differs| Shown {
            confirmation,
            witness,
            differs,
        };
        // The same run, here, for its stacks and its record.
        let here = || {
            let outcome = self.replay_verbosely_unheard(plan);
            let recorded = process::write_record(self.identity.bundle(plan.seed), &outcome);
            Witness {
                recorded: recorded.is_ok(),
                ..Witness::of(&outcome)
            }
        };
        if let Some(why) = self.why_no_process() {
            let witness = if process::is_child() {
                Witness::default()
            } else {
                here()
            };
            return shown(Confirmation::NotTried(why), witness, None);
        }
        let mut own = self.run_quietly(Spec {
            watch: Watch::Keep { from: 0 },
            ..self.replay_spec(plan)
        });
        let kept = own.kept.take().expect("the run was to be kept");
        let errand = Errand::Show((*kept.kept.trail).clone());
        let witness = match process::ask(&self.identity, plan, &errand) {
            Ok(witness) => witness,
            Err(error) => return shown(Confirmation::No(error.to_string()), here(), None),
        };
        let (one, two) = (
            Side::of("here", own.failure.as_ref()),
            Side::of_witness(&witness),
        );
        let differs = one.differs(&kept, &two, witness.parting.as_ref());
        if two.signature() == Some(signature) {
            return shown(Confirmation::Yes, witness, differs);
        }
        let (ends_here, ends_there) = (one.verdict(), two.verdict());
        let differs = differs.unwrap_or_else(|| "two runs here were not the same run".to_owned());
        let differs = format!(
            "here, {ends_here}; there, {ends_there}; {}",
            differs.replace("\n  ", "\n    ")
        );
        let why = format!(
            "there, {ends_there}; something outside the run decides, such as a static that \
             earlier runs changed"
        );
        shown(Confirmation::No(why), witness, Some(differs))
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

    /// What is to be said of the record and of the command, if they are not what is usual.
    fn places(&self, witness: &Witness) -> impl Iterator<Item = String> + use<> {
        let record = Output::of_this_binary()
            .and_then(|output| output.instead)
            .filter(|_| witness.recorded);
        let record = record.map(|instead| {
            format!("this binary is not in a target directory of cargo: its record is in {instead}")
        });
        record.into_iter().chain(self.identity.lacks())
    }

    /// Where every event of the run is written down, if a fresh process did so.
    fn record_of(&self, plan: &Plan, witness: &Witness) -> Option<std::path::PathBuf> {
        let folder = self.identity.bundle(plan.seed)?;
        let path = self.identity.shown(&folder.join("record.txt"));
        witness.recorded.then_some(path)
    }

    /// Saves a failure, unless a fresh process has shown something else.
    fn save(
        &self,
        plan: &Plan,
        confirmation: &Confirmation,
        notes: &mut Vec<String>,
    ) -> Option<std::path::PathBuf> {
        if !self.config.persist {
            return None;
        }
        let (path, owner) = (self.saved_at()?, self.identity.owner()?);
        if matches!(confirmation, Confirmation::No(_)) {
            notes.push("it is not saved, since no fresh process has shown it".to_owned());
            return None;
        }
        match saved::save(&path, Some(&owner), plan) {
            Ok(()) => Some(self.identity.shown(&path)),
            Err(error) => {
                notes.push(format!("the failure could not be saved: {error}"));
                None
            }
        }
    }
}

/// What a run does less, and more simply, than its test asks for.
fn told_less(done: &[Deviation], deviations: &[Deviation]) -> Vec<String> {
    let mut lines = workload::lines(done, deviations);
    lines.extend(workload::simple_draws(deviations));
    lines
}

/// Stored choices that had no effect: their anchors did not turn up, or calm chose the same.
pub(super) fn lost_anchors(plan: &Plan, outcome: &Outcome) -> Option<String> {
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
    let gone = match first.tasks().find(|task| !outcome.families.has(task)) {
        Some(task) => format!(", and there is no task {task}"),
        None => String::new(),
    };
    Some(format!(
        "{} of {} stored choices of seed {} had no effect; the first is {anchor}{gone}",
        lost.len(),
        plan.deviations.len(),
        Seed(plan.seed)
    ))
}
