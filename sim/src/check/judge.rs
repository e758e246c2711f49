//! The runs of a shrinker's candidates, several at a time.

use std::collections::BTreeMap;
use std::panic::resume_unwind;

use super::environment;
use super::progress::Progress;
use super::shrink::{Judge, Others, Verdict};
use super::sweep::Sweep;
use crate::choice::{Deviation, Plan};
use crate::run::{Outcome, Spec};

/// Replays of `plan` with other deviations.
pub(super) struct Replays<'a> {
    sweep: &'a Sweep<'a>,
    /// Without its deviations.
    plan: Plan,
    width: usize,
    progress: Progress,
}

impl<'a> Replays<'a> {
    pub(super) fn of(sweep: &'a Sweep<'a>, plan: &Plan) -> Self {
        let Plan {
            seed,
            strategy,
            horizon,
            ..
        } = plan;
        let plan = Plan {
            seed: *seed,
            strategy: strategy.clone(),
            horizon: *horizon,
            failure: None,
            seen: None,
            siblings: BTreeMap::new(),
            deviations: Vec::new(),
        };
        let most = sweep.config.shrink_replays;
        Self {
            sweep,
            plan,
            width: sweep.config.jobs.unwrap_or_else(environment::jobs).min(64),
            progress: Progress::shrinking(sweep.identity.label(), most),
        }
    }

    fn run(&self, candidate: &[Deviation]) -> Verdict {
        verdict(self.sweep.replay(&self.plan(candidate)))
    }

    fn plan(&self, candidate: &[Deviation]) -> Plan {
        Plan {
            deviations: candidate.to_vec(),
            ..self.plan.clone()
        }
    }
}

impl Judge for Replays<'_> {
    fn judge(&self, candidates: &[Vec<Deviation>]) -> Vec<Verdict> {
        if let [candidate] = candidates {
            return vec![self.run(candidate)];
        }
        std::thread::scope(|scope| {
            let running: Vec<_> = (candidates.iter())
                .map(|candidate| scope.spawn(move || self.run(candidate)))
                .collect();
            let ended = running.into_iter().map(|it| it.join());
            ended
                .map(|ended| ended.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }

    fn others(&self, candidate: &[Deviation]) -> Others {
        let spec = Spec {
            lists_others: true,
            ..self.sweep.replay_spec(&self.plan(candidate))
        };
        let Outcome { orders, spared, .. } = self.sweep.run_quietly(spec);
        Others { orders, spared }
    }

    fn width(&self) -> usize {
        self.width
    }

    fn counted(&self, replays: u32, left: usize) {
        self.progress.shrunk(replays, left);
    }
}

/// What a shrinker is told of a run.
pub(super) fn verdict(outcome: Outcome) -> Verdict {
    Verdict {
        failure: outcome.failure,
        deviations: outcome.deviations,
        done: outcome.done,
        drew: outcome.drew,
    }
}
