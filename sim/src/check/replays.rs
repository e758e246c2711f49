//! Plans once more: those that were saved, those of a file, those that a parent hands over.
//!
//! Owns what is replayed and when it is refused. Knows nothing of seeds that nobody has seen fail.

use std::path::Path;
use std::sync::Arc;

use super::found::{Found, Position};
use super::identity::Identity;
use super::investigate::lost_anchors;
use super::process::Errand;
use super::report::Report;
use super::sweep::{Failed, Mode, Ran, Sweep, summary};
use super::{driven, explain, saved};
use crate::choice::{Plan, Renamed};
use crate::record::Watch;
use crate::run::{Choices, Outcome, Spec};
use crate::strategy::{Profile, Strategy};
use crate::world::failure::Failure;

/// A stored plan, as it is meant today, and its run.
pub(super) struct Settled {
    pub(super) plan: Plan,
    pub(super) outcome: Outcome,
    /// What is to be said of its names.
    pub(super) note: Option<String>,
}

impl Sweep<'_> {
    /// Replays the failures saved beside the sources.
    pub(super) fn replay_saved(&self, notes: &mut Vec<String>) -> Option<Found> {
        let path = self.saved_at()?;
        let plans = match saved::load(&path) {
            Ok(saved) => saved.plans,
            Err(error) => {
                notes.push(format!("saved failures were not replayed: {error}"));
                return None;
            }
        };
        for plan in plans {
            let Settled {
                plan,
                outcome,
                note,
            } = self.settle(plan, Self::replay);
            if outcome.failure.is_none() {
                notes.extend(note);
                continue;
            }
            return Some(self.describe_saved(plan, outcome, note.into_iter().collect()));
        }
        None
    }

    /// Tries the choices that failed with another input of this test: whether they fail in the same
    /// way with this one.
    pub(super) fn replay_carried(&self) -> Option<Found> {
        let plan = self.config.drawn.as_ref()?.carried.as_ref()?;
        let spec = self.replay_spec(plan);
        let outcome = self.run_quietly(spec.clone());
        let failure = outcome.failure.as_ref()?;
        if plan.failure.as_ref() != Some(&failure.signature()) {
            return None;
        }
        let failed = Failed {
            index: None,
            spec,
            outcome,
            differs: None,
        };
        Some(Found {
            position: Position::Carried,
            ..self.investigate(failed, plan.horizon)
        })
    }

    /// What `clean` seeds in a row that pass, or what was `tried` without chance, say of the saved
    /// failures, which pass as well.
    pub(super) fn clean_notes(&self, clean: u64, tried: Option<&str>) -> Vec<String> {
        let may_be_saved = self.config.one_seed.is_none() && self.config.faults.is_none();
        let path = self.saved_at().filter(|_| may_be_saved);
        let saved = path.and_then(|path| saved::load(&path).ok());
        let plans = saved.map(|saved| saved.plans).unwrap_or_default();
        plans
            .iter()
            .filter_map(|plan| match tried {
                Some(tried) => Some(explain::tried_note(plan, tried)),
                None => explain::clean_note(plan, clean),
            })
            .collect()
    }

    pub(super) fn replay_file(&self, path: &Path) -> Report {
        let path = &self.identity.resolved(path);
        let saved = match saved::load(path) {
            Ok(saved) if !saved.plans.is_empty() => saved,
            Ok(_) if !path.exists() => {
                panic!("SIMOOM_REPLAY: there is no file {}", path.display())
            }
            Ok(_) => panic!("SIMOOM_REPLAY: {} holds no plan", path.display()),
            Err(error) => panic!("SIMOOM_REPLAY: {error}"),
        };
        let plans = match (saved.owner, self.identity.owner()) {
            (Some(owner), Some(own)) if owner != own => {
                if self.identity.is_test_of(&owner) {
                    // Another sweep of this test is to replay it, which may need what this one
                    // finds.
                    return self.run();
                }
                let test = owner.split(' ').next().unwrap_or_default();
                let (_, name) = test.split_once("::").unwrap_or(("", test));
                panic!(
                    "SIMOOM_REPLAY: {} holds failures of {test}, not of {own}: run that test \
                     alone, with `-- --exact {name}`:\n  {}",
                    path.display(),
                    Identity::command_of(path, &owner)
                );
            }
            _ => saved.plans,
        };
        match driven::stop() {
            Some(stop) => self.inspect_plans(plans, stop),
            None if driven::minimizes() => self.minimize(plans),
            None => self.replay_plans(plans, Self::replay_verbosely),
        }
    }

    pub(super) fn replay_text(&self, text: &str) -> Report {
        match saved::parse(text) {
            Ok(saved) => self.replay_plans(saved.plans, Self::replay),
            Err(error) => panic!("`Config::replay`: {error}"),
        }
    }

    /// Replays `plans` by `run`, up to the first that fails.
    pub(super) fn replay_plans(
        &self,
        plans: Vec<Plan>,
        run: impl Fn(&Self, &Plan) -> Outcome,
    ) -> Report {
        let (mut notes, mut ran) = (Vec::new(), Ran::default());
        for plan in plans {
            let Settled {
                plan,
                outcome,
                note,
            } = self.settle(plan, &run);
            ran.summaries.push(summary(plan.seed, &outcome));
            ran.tallies.push(outcome.faults.clone());
            if outcome.failure.is_some() {
                let found = self.describe_saved(plan, outcome, note.into_iter().collect());
                return self.report(ran, Some(found), notes);
            }
            notes.extend(note);
        }
        self.report(ran, None, notes)
    }

    /// Runs `plan` by `run`; where it passes, and there are other equal siblings than there were of
    /// the tasks that it names, what it may mean since then, up to what fails as it did.
    pub(super) fn settle(&self, plan: Plan, run: impl Fn(&Self, &Plan) -> Outcome) -> Settled {
        let outcome = run(self, &plan);
        let note = lost_anchors(&plan, &outcome);
        let fails = |outcome: &Outcome| {
            let signature = outcome.failure.as_ref().map(Failure::signature);
            signature.is_some() && signature == plan.failure
        };
        if outcome.failure.is_none() && plan.failure.is_some() {
            for Renamed { plan, note } in plan.renamed(&outcome.families) {
                if !fails(&self.replay(&plan)) {
                    continue;
                }
                let outcome = run(self, &plan);
                let mut plan = Plan {
                    deviations: outcome.deviations.clone(),
                    ..plan
                };
                plan.count_siblings(&outcome.families);
                let note = Some(format!(
                    "equal tasks were added or left out since it was stored: {note}; store it anew"
                ));
                return Settled {
                    plan,
                    outcome,
                    note,
                };
            }
        }
        Settled {
            plan,
            outcome,
            note,
        }
    }

    pub(super) fn replay_spec(&self, plan: &Plan) -> Spec {
        let choices = match plan.strategy.parse() {
            // A plan that was never turned into deviations: its seed says it all.
            Ok(strategy) => Choices::Strategy {
                strategy,
                profile: self.profile_for(strategy, plan),
            },
            Err(_) => Choices::Plan(Arc::new(plan.clone())),
        };
        self.spec_of(plan.seed, choices)
    }

    /// What `strategy` is to know of the program for the run that is the seed of `plan`.
    pub(super) fn profile_for(&self, strategy: Strategy, plan: &Plan) -> Arc<Profile> {
        let mut profile = Profile::default();
        if strategy.for_seed(plan.seed).needs_profile() {
            profile = self.run_calmly().take_profile();
        }
        profile.horizon = plan.horizon;
        Arc::new(profile)
    }

    /// In a fresh process: what it was started for.
    pub(super) fn carry_out(&self, plan: &Plan, errand: Errand) -> (Outcome, Option<String>) {
        let mut spec = self.replay_spec(plan);
        match errand {
            Errand::Show(trail) => {
                let (trail, stops) = (Arc::new(trail), false);
                spec.watch = Watch::Follow { trail, stops };
                ((self.runner)(spec, Mode::Verbose), None)
            }
            Errand::Follow(trail) => {
                let (trail, stops) = (Arc::new(trail), true);
                spec.watch = Watch::Follow { trail, stops };
                (self.run_quietly(spec), None)
            }
            Errand::Twice => {
                spec.watch = Watch::Keep { from: 0 };
                let mut outcome = self.run_quietly(spec.clone());
                let kept = outcome.kept.take();
                let differs = kept.and_then(|kept| self.differs(&spec, &outcome, &kept));
                (outcome, differs)
            }
        }
    }

    pub(super) fn replay(&self, plan: &Plan) -> Outcome {
        self.run_quietly(self.replay_spec(plan))
    }

    pub(super) fn replay_verbosely(&self, plan: &Plan) -> Outcome {
        (self.runner)(self.replay_spec(plan), Mode::Verbose)
    }
}
