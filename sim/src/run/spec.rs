//! What one run is made of, in numbers and choices.
//!
//! Owns what a run is asked to do. Knows nothing of how it does it.

use std::sync::Arc;
use std::time::Duration;

use crate::checkers::leaks::Leaks;
use crate::choice::{ChoiceKind, Deviation, Plan};
use crate::record::{Level, Watch};
use crate::strategy::{Choose, Explorer, Orders, Prefix, Profile, Replay, Strategy};
use crate::world::cancels::Cancelling;
use crate::world::entropy::Entropy;

/// What one run is made of.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) seed: u64,
    pub(crate) choices: Choices,
    pub(crate) limits: Limits,
    pub(crate) level: Level,
    /// The faults in place of those of the test.
    pub(crate) faults: Option<Arc<simoom_faults::Plan>>,
    /// Whether tasks are cancelled, beside what a plan says.
    pub(crate) cancels: Option<Cancelling>,
    /// Whether it is to be compared with another run.
    pub(crate) watch: Watch,
    /// Whether to list how else it could have gone on: other orders of the tasks, and faults and
    /// cancellations that did not happen.
    pub(crate) lists_others: bool,
    /// Whether to count what programs draw of the seed's numbers.
    pub(crate) counts_draws: bool,
    /// What it may leave behind, if anybody looks.
    pub(crate) leaks: Option<Leaks>,
    /// Where it is stopped to be looked at.
    pub(crate) stop: Option<Stop>,
}

/// Where a run is stopped to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// After so many polls of tasks, at least one.
    Step(u64),
    /// Once all is done that happens up to this moment of virtual time.
    Time(i64),
}

/// Where the environment's choices come from.
#[derive(Clone, Debug)]
pub(crate) enum Choices {
    Strategy {
        strategy: Strategy,
        profile: Arc<Profile>,
    },
    Plan(Arc<Plan>),
    /// The first ones of a plan, and others after them.
    Prefix(Arc<Plan>, Rest),
    /// Calm ones, to learn what the strategies want to know.
    Profile,
    /// Some that differ from calm or a strategy, to learn where else the run could have gone on.
    Orders(Arc<Orders>),
    /// Those that somebody has written down.
    #[cfg(feature = "fuzzing")]
    Given(GivenChoices),
}

/// Choices that somebody has written down, and others.
#[cfg(feature = "fuzzing")]
#[derive(Clone)]
pub(crate) struct GivenChoices {
    pub(crate) numbers: crate::strategy::Numbers,
    /// Who makes those that are not written down.
    pub(crate) base: Arc<dyn Fn() -> Box<dyn Choose> + Send + Sync>,
}

#[cfg(feature = "fuzzing")]
impl std::fmt::Debug for GivenChoices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.numbers.fmt(f)
    }
}

/// How a run goes on that keeps the beginning of another.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    /// After how many choices.
    pub(crate) kept: u64,
    /// Who makes the others.
    pub(crate) strategy: Strategy,
    pub(crate) profile: Arc<Profile>,
    /// From which seed. What the program itself draws follows from the run's seed.
    pub(crate) seed: u64,
}

/// When a run is ended by force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) steps: u64,
    pub(crate) time: Duration,
    /// How long one poll may take in real time; zero: for ever.
    pub(crate) watchdog: Duration,
    /// The most a task is held up before an operation.
    pub(crate) stall: Duration,
}

impl Spec {
    /// What is asked about cancelling; a plan that cancels asks for it, whatever its sweep does, and
    /// so does who wants to know where that could be done.
    pub(super) fn cancelling(&self) -> Option<Cancelling> {
        let is_cancel = |it: &Deviation| it.anchor.kind == ChoiceKind::Cancel;
        let by_plan = || match &self.choices {
            Choices::Plan(plan) | Choices::Prefix(plan, _) => plan.deviations.iter().any(is_cancel),
            _ => false,
        };
        let cancels = self.cancels.clone();
        cancels.or_else(|| (self.lists_others || by_plan()).then(Cancelling::default))
    }

    /// What of the programs' draws is simple: what a plan says, whoever makes the other choices.
    pub(super) fn entropy(&self) -> Entropy {
        let plan: &[Deviation] = match &self.choices {
            Choices::Plan(plan) | Choices::Prefix(plan, _) => &plan.deviations,
            _ => &[],
        };
        Entropy::of(plan, self.counts_draws)
    }
}

impl Choices {
    pub(super) fn chooser(&self, seed: u64, steps: u64) -> Box<dyn Choose> {
        match self {
            Self::Strategy { strategy, profile } => strategy.chooser(seed, profile, steps),
            Self::Plan(plan) => Box::new(Replay::of(plan)),
            Self::Prefix(plan, rest) => {
                let tail = rest.strategy.chooser(rest.seed, &rest.profile, steps);
                Box::new(Prefix::new(plan, rest.kept, tail))
            }
            Self::Profile => Strategy::profiler(),
            Self::Orders(orders) => Box::new(Explorer::new(orders, seed, steps)),
            #[cfg(feature = "fuzzing")]
            Self::Given(given) => {
                let base = (given.base)();
                Box::new(crate::strategy::Given::new(&given.numbers, base))
            }
        }
    }
}
