//! The strategies by their names.
//!
//! Owns which strategy a seed runs under, and their text form. Knows nothing of how they choose.

use std::fmt;
use std::str::FromStr;

use super::fair::Fair;
use super::pct::Pct;
use super::pos::Pos;
use super::profile::{Profile, Profiler};
use super::reads_from::ReadsFrom;
use super::starvation::Starvation;
use super::surw::Surw;
use super::{Choose, Replay};
use crate::choice::{below, value};

/// Which strategy explores a run.
///
/// A strategy decides in which order tasks that can run go on. How often branches, delays and short
/// reads differ from calm is drawn from the seed in the same way under each; faults happen as the
/// test's profile says. After about twice as many choices as the undisturbed run makes (and at least
/// 256), or when a quarter of the steps is spent that a run may take, each goes on as `random`: a
/// run that ends at its limit of steps was not starved by its strategy.
///
/// Its text form, as in `SIMOOM_STRATEGY=pct:3`, is `portfolio`, `calm`, `random`, `pct:` and the
/// depth, `pos`, `surw`, `reads-from`, `starvation`, or `exhaustive` with or without `:` and a
/// number.
///
/// ```
/// use simoom_sim::Strategy;
///
/// assert_eq!("pct:3".parse(), Ok(Strategy::Pct { depth: 3 }));
/// assert_eq!(Strategy::ReadsFrom.to_string(), "reads-from");
/// assert!("pct".parse::<Strategy>().unwrap_err().to_string().contains("pct:3"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// Each seed under one of the others (default): of 100 seeds about 30 under `reads-from`, 25
    /// under `surw`, 15 under `pos`, 15 under `pct` with a depth of 1, 2, 3 or 5, 10 under `random`
    /// and 5 under `starvation`. No strategy finds every bug soon.
    #[default]
    Portfolio,
    /// No deviation at all: least delays, whole reads, tasks in a fixed order.
    Calm,
    /// A random walk: every choice is drawn independently, with probabilities drawn per seed.
    Random,
    /// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS
    /// 2010): random priorities, lowered at `depth - 1` random moments. Finds a bug that needs
    /// `depth` ordering constraints among n tasks and k steps with probability at least
    /// 1/(n k^(depth-1)).
    Pct {
        /// How many ordering constraints the bug may need; 1 to 16.
        depth: u32,
    },
    /// Partial order sampling (Yuan, Yang, Gu, CAV 2018): a random priority for each pending
    /// operation, drawn anew when one that races with it is done.
    Pos,
    /// Selectively uniform random walk (Zhao, Wolff, Mathur, Roychoudhury, ASPLOS 2025): every
    /// order of the operations on one shared thing, drawn per seed, is equally likely.
    Surw,
    /// Reads-from constraints (after Wolff, Shi, Duck, Mathur, Roychoudhury, ASPLOS 2024): brings
    /// about that one operation finds what another left, for one to three pairs drawn per seed.
    ReadsFrom,
    /// Every order of the tasks, those with the fewest deviations from calm first, in place of
    /// seeds: at most as many as [`Config::seeds`](crate::Config::seeds) says. Delays, reads and
    /// faults are those of a calm run, `select!` starts at each branch. For small tests: the report
    /// [notes](crate::Report::notes) whether every order was run.
    ///
    /// Of orders that differ only in steps that are independent of each other, one is run (sleep
    /// sets, Godefroid, 1996), unless their deviations are bounded. Steps count as dependent unless
    /// all they do is to use locks, notifications and channels of [`simoom::sync`] or to join tasks,
    /// and share none of these. What tasks share by other means (an `Rc<Cell>`, a lock of `std`) is
    /// not seen, so that of two orders that differ in it alone one may be left out, unless a
    /// [`preemption_point`](simoom::task::preemption_point) stands before or behind it.
    Exhaustive {
        /// The most deviations from calm that an order may have; `None`: any number.
        deviations: Option<u32>,
    },
    /// Some tasks and nodes hardly run for a while (after the chaos mode of rr, O'Callahan, 2016).
    Starvation,
}

/// Every strategy's text form, for a message.
const STRATEGIES: &str = "portfolio, calm, random, pos, surw, reads-from, starvation, pct:3 with a depth of 1 to 16, \
     exhaustive, or exhaustive:2 with at most 1000 deviations";

impl Strategy {
    /// The strategy that a seed of a portfolio runs under.
    pub(crate) fn for_seed(self, seed: u64) -> Self {
        if self != Self::Portfolio {
            return self;
        }
        match below(value(seed, STREAM, 0), 100) {
            0..30 => Self::ReadsFrom,
            30..55 => Self::Surw,
            55..70 => Self::Pos,
            70..85 => Self::Pct {
                depth: [1, 2, 3, 5][below(value(seed, STREAM, 1), 4) as usize],
            },
            85..95 => Self::Random,
            _ => Self::Starvation,
        }
    }

    /// What makes the choices of the run of `seed`, which may take so many steps.
    pub(crate) fn chooser(self, seed: u64, profile: &Profile, steps: u64) -> Box<dyn Choose> {
        let horizon = profile.horizon;
        match self.for_seed(seed) {
            Self::Calm => Box::new(Replay::calm()),
            Self::Random | Self::Portfolio => Box::new(Fair::walk(seed)),
            Self::Pct { depth } => Box::new(Fair::new(
                Pct::new(seed, depth, horizon),
                seed,
                horizon,
                steps,
            )),
            Self::Pos => Box::new(Fair::new(Pos::new(seed, profile), seed, horizon, steps)),
            Self::Surw => Box::new(Fair::new(Surw::new(seed, profile), seed, horizon, steps)),
            Self::ReadsFrom => Box::new(Fair::new(
                ReadsFrom::new(seed, profile),
                seed,
                horizon,
                steps,
            )),
            // What one seed of it is, is the calm run: the others are not seeds.
            Self::Exhaustive { .. } => Box::new(Replay::calm()),
            Self::Starvation => Box::new(Fair::new(Starvation::new(seed), seed, horizon, steps)),
        }
    }

    /// Whether it has to know more of the program than how many choices there are.
    pub(crate) fn needs_profile(self) -> bool {
        matches!(self, Self::Pos | Self::Surw | Self::ReadsFrom)
    }

    /// What makes no choice but calm's and learns what other strategies want to know.
    pub(crate) fn profiler() -> Box<dyn Choose> {
        Box::new(Profiler::default())
    }
}

/// Reading.
impl Strategy {
    /// The strategy that a name with a number is, as `pct:3`.
    fn numbered(text: &str) -> Option<Self> {
        let (name, number) = text.split_once(':')?;
        match (name, number.parse().ok()?) {
            ("pct", depth @ 1..=16) => Some(Self::Pct { depth }),
            ("exhaustive", most @ 0..=1_000) => Some(Self::Exhaustive {
                deviations: Some(most),
            }),
            _ => None,
        }
    }
}

const STREAM: u64 = 0x7374_7261_7465_6779;

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Portfolio => "portfolio",
            Self::Calm => "calm",
            Self::Random => "random",
            Self::Pct { depth } => return write!(f, "pct:{depth}"),
            Self::Pos => "pos",
            Self::Surw => "surw",
            Self::ReadsFrom => "reads-from",
            Self::Exhaustive { deviations: None } => "exhaustive",
            Self::Exhaustive {
                deviations: Some(most),
            } => return write!(f, "exhaustive:{most}"),
            Self::Starvation => "starvation",
        };
        f.write_str(name)
    }
}

/// A text names no strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStrategy(String);

impl fmt::Display for UnknownStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} names no strategy: use {STRATEGIES}", self.0)
    }
}

impl std::error::Error for UnknownStrategy {}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(text: &str) -> Result<Self, UnknownStrategy> {
        match text.trim() {
            "portfolio" => Ok(Self::Portfolio),
            "calm" => Ok(Self::Calm),
            "random" => Ok(Self::Random),
            "pos" => Ok(Self::Pos),
            "surw" => Ok(Self::Surw),
            "reads-from" => Ok(Self::ReadsFrom),
            "starvation" => Ok(Self::Starvation),
            "exhaustive" => Ok(Self::Exhaustive { deviations: None }),
            other => Self::numbered(other).ok_or_else(|| UnknownStrategy(text.to_owned())),
        }
    }
}
