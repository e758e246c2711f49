//! One run under a schedule.
//!
//! Owns what a fuzzer is told of it. Knows nothing of other runs.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::schedule::Schedule;
use crate::check::run_apart;
use crate::choice::{Plan, REPLAY};
use crate::record::{Level, Watch};
use crate::run::{Choices, GivenChoices, Outcome, Spec};
use crate::sim::{Exit, Sim};
use crate::strategy::{Learnt, Noticed};
use crate::{Config, Failure};

/// Runs `test` once under `schedule`, on a thread of its own.
///
/// Of `config`, limits, stalls and leaks count; faults are those of the test.
///
/// # Examples
/// See the [module](super).
#[track_caller]
pub fn run<F, M>(config: &Config, schedule: &Schedule, test: M) -> Ran
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    let steps = config.limits.steps;
    let schedule = Arc::new(schedule.clone());
    let seed = schedule.seed();
    let given = GivenChoices {
        numbers: schedule.numbers.clone(),
        base: Arc::new(move || schedule.base(steps)),
    };
    let spec = Spec {
        seed,
        choices: Choices::Given(given),
        limits: config.limits,
        level: Level::History,
        watch: Watch::Nothing,
        lists_others: false,
        counts_draws: false,
        faults: None,
        leaks: config.leaks.clone(),
        cancels: None,
        stop: None,
    };
    let outcome = run_apart(spec, Location::caller(), test);
    Ran::of(seed, outcome)
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    plan: Plan,
    failure: Option<Failure>,
    hash: u128,
    noticed: Noticed,
}

impl Ran {
    fn of(seed: u64, outcome: Outcome) -> Self {
        let noticed = match outcome.learnt {
            Learnt::Noticed(noticed) => noticed,
            _ => Noticed::default(),
        };
        Self {
            plan: Plan {
                seed,
                strategy: REPLAY.to_owned(),
                horizon: 0,
                failure: outcome.failure.as_ref().map(Failure::signature),
                seen: None,
                siblings: BTreeMap::new(),
                deviations: outcome.deviations,
            },
            failure: outcome.failure,
            hash: outcome.hash,
            noticed,
        }
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The plan of a failure, for [`Config::replay`] or a file that `SIMOOM_REPLAY` names, which
    /// shrinks it with `SIMOOM_MINIMIZE=1`.
    #[must_use]
    pub fn plan(&self) -> String {
        self.plan.to_text()
    }

    /// What identifies everything that happened.
    #[must_use]
    pub fn hash(&self) -> u128 {
        self.hash
    }

    /// Where choices were made, in order: the first 4096.
    #[must_use]
    pub fn places(&self) -> &[u64] {
        &self.noticed.places
    }

    /// What the run has that others may not have, as numbers: which operation found what which other
    /// operation of another task had left, which followed which, and where faults happened.
    ///
    /// Operations are told apart by their line and by the function that their task runs.
    pub fn traits(&self) -> impl ExactSizeIterator<Item = u16> {
        self.noticed.traits.iter().copied()
    }
}
