//! A run that is stopped at one moment, to be looked at: every node, every task.
//!
//! Owns what is shown of it. Where it stops is said from outside, see `driven.rs`.

use std::sync::Arc;

use serde::Serialize;

use super::found::Seed;
use super::report::Report;
use super::sweep::{Mode, Ran, Sweep, summary};
use crate::choice::Plan;
use crate::run::{Outcome, Spec, Stop};
use crate::stuck::Stuck;
use crate::world::failure::Failure;
use crate::world::sight::NodeSight;

/// What was seen where a run was stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Inspected {
    pub(crate) seed: String,
    pub(crate) polls: u64,
    pub(crate) time_ns: i64,
    /// How the run ended, if it did before it came there.
    pub(crate) ended: Option<String>,
    pub(crate) nodes: Vec<NodeSight>,
    pub(crate) tasks: Vec<TaskSight>,
    /// What does not arrive: partitions, and what a test holds.
    pub(crate) stopped: Vec<String>,
    /// The last lines of the record.
    pub(crate) last: Vec<String>,
}

/// A task, as it is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TaskSight {
    pub(crate) number: u64,
    /// Its path, which begins with its node.
    pub(crate) path: String,
    pub(crate) spawned_at: String,
    /// What it does: whether it can run, and the operation at which it is.
    pub(crate) state: String,
    /// What it waits for in the end, if that can be told.
    pub(crate) why: Vec<String>,
    /// The awaits that it is inside of, innermost first, for each operation it waits for.
    pub(crate) awaits: Vec<Vec<String>>,
}

/// How many lines of the record are shown.
const LAST: usize = 10;

impl Sweep<'_> {
    /// Stops the run of a seed at `stop`.
    pub(super) fn inspect_seed(&self, seed: u64, stop: Stop) -> Report {
        let mut calm = self.run_calmly();
        let profile = Arc::new(calm.take_profile());
        self.inspect(self.spec(seed, self.config.strategy, &profile), stop)
    }

    /// Stops the run of the first of `plans` at `stop`.
    pub(super) fn inspect_plans(&self, plans: Vec<Plan>, stop: Stop) -> Report {
        match plans.first() {
            Some(plan) => self.inspect(self.replay_spec(plan), stop),
            None => self.report(Ran::default(), None, Vec::new()),
        }
    }

    fn inspect(&self, spec: Spec, stop: Stop) -> Report {
        let seed = spec.seed;
        let spec = Spec {
            stop: Some(stop),
            ..spec
        };
        let outcome = (self.runner)(spec, Mode::Verbose);
        let mut ran = Ran::default();
        ran.summaries.push(summary(seed, &outcome));
        ran.tallies.push(outcome.faults.clone());
        Report {
            inspected: Some(Box::new(Inspected::of(seed, outcome, stop))),
            ..self.report(ran, None, Vec::new())
        }
    }
}

impl Inspected {
    fn of(seed: u64, outcome: Outcome, stop: Stop) -> Self {
        let has_come = match (&outcome.failure, stop) {
            (Some(Failure::StepLimit { steps }), Stop::Step(step)) => *steps == step - 1,
            (Some(Failure::TimeLimit { limit_ns }), Stop::Time(time_ns)) => *limit_ns == time_ns,
            _ => false,
        };
        let ended = match &outcome.failure {
            _ if has_come => None,
            None => Some("the test had passed".to_owned()),
            Some(failure) => Some(failure.to_string()),
        };
        let from = outcome.record.len().saturating_sub(LAST);
        Self {
            seed: Seed(seed).to_string(),
            polls: outcome.polls,
            time_ns: match stop {
                Stop::Time(time_ns) if has_come => time_ns,
                _ => outcome.time_ns,
            },
            ended,
            nodes: outcome.nodes,
            tasks: outcome.stuck.into_iter().map(TaskSight::of).collect(),
            stopped: outcome.stopped,
            last: outcome.record[from..].to_vec(),
        }
    }
}

impl TaskSight {
    fn of(stuck: Stuck) -> Self {
        let mut awaits = stuck.stacks;
        if !stuck.dormant.is_empty() {
            awaits.push(stuck.dormant);
        }
        Self {
            number: stuck.birth,
            path: stuck.task,
            spawned_at: stuck.spawned_at,
            state: stuck.operation,
            why: stuck.why,
            awaits,
        }
    }
}
