//! Schedules that proptest draws: which strategy, from which seed.

use std::fmt;

use ::proptest::prelude::{Strategy as Draws, any};
use ::proptest::sample::select;

use crate::{Config, Strategy};

/// What makes the choices of one run: a strategy and its seed.
///
/// proptest does not shrink it: of a run that fails, [`run`](super::run()) shrinks the choices
/// themselves.
///
/// # Examples
/// ```
/// use proptest::prelude::*;
/// use simoom_sim::{Config, proptest::{run, schedules}};
///
/// proptest! {
///     #![proptest_config(ProptestConfig::with_cases(10))]
///     fn each_input_has_a_schedule_of_its_own(wait in 0..10_u64, schedule in schedules()) {
///         run(schedule.set(Config::default()), wait, |_sim, wait| async move {
///             simoom::time::sleep(std::time::Duration::from_secs(wait)).await;
///         })?;
///     }
/// }
/// each_input_has_a_schedule_of_its_own();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Who makes the choices.
    pub strategy: Strategy,
    /// From which seed; what the program itself draws follows from it as well.
    pub seed: u64,
}

impl Schedule {
    /// `config` with this strategy, and this seed alone.
    #[must_use]
    pub fn set(self, config: Config) -> Config {
        config.strategy(self.strategy).seed(self.seed)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from seed {:#x}", self.strategy, self.seed)
    }
}

/// Any seed under any strategy of a [portfolio](Strategy::Portfolio).
pub fn schedules() -> impl Draws<Value = Schedule> + Clone {
    let strategies = select(&[
        Strategy::ReadsFrom,
        Strategy::Surw,
        Strategy::Pos,
        Strategy::Pct { depth: 2 },
        Strategy::Pct { depth: 3 },
        Strategy::Random,
        Strategy::Starvation,
    ]);
    (strategies, any::<u64>())
        .prop_map(|(strategy, seed)| Schedule { strategy, seed })
        .no_shrink()
}
