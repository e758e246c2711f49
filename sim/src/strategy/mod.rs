//! Who makes the choices of a run.
//!
//! Owns the strategies and their text form. A strategy sees anchors and alternatives, never the
//! world: what it says depends on the seed and on what it was asked.

mod pct;
mod random;
mod replay;

use std::fmt;
use std::str::FromStr;

use crate::choice::{AnchorHash, below, value};

pub(crate) use self::pct::Pct;
pub(crate) use self::random::Random;
pub(crate) use self::replay::Replay;

/// What a strategy is asked about the order of tasks.
#[derive(Debug)]
pub(crate) struct Scheduling<'a> {
    /// Where the choice is made.
    pub(crate) anchor: AnchorHash,
    /// The tasks that can run, by path hash, in path order.
    pub(crate) runnable: &'a [u64],
    /// The task that was running, if it can go on.
    pub(crate) current: Option<usize>,
    /// What calm would choose.
    pub(crate) calm: usize,
}

/// Makes the environment's choices of one run.
pub(crate) trait Choose {
    /// Which of the runnable tasks goes on.
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize;

    /// One of `alternatives`; calm is 0. `alternatives` is at least 2.
    fn pick(&mut self, anchor: AnchorHash, alternatives: u64) -> u64;

    /// At most `most` nanoseconds above the least delay; calm is 0.
    fn delay(&mut self, anchor: AnchorHash, most: u64) -> u64;

    /// How many of at most `most` bytes to leave out; calm is 0.
    fn short(&mut self, anchor: AnchorHash, most: u64) -> u64;

    /// How many of at most `most` nanoseconds a task is held up; calm is 0.
    fn stall(&mut self, anchor: AnchorHash, most: u64) -> u64;

    /// How big a fault is that happens here; calm is 0, it does not happen.
    fn fault(&mut self, anchor: AnchorHash, odds: &Odds) -> u64;
}

/// How probable a fault is, and how big.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Odds {
    /// It happens in `part` of `whole` cases.
    pub(crate) part: u64,
    pub(crate) whole: u64,
    /// The least and the most that it is, in its own unit; both are above 0.
    pub(crate) least: u64,
    pub(crate) most: u64,
}

impl Odds {
    /// How big the fault is by two draws of 64 bits; 0 if it does not happen.
    fn drawn(&self, coin: u64, size: u64) -> u64 {
        let happens = u128::from(coin) * u128::from(self.whole) < u128::from(self.part) << 64;
        if !happens {
            return 0;
        }
        // Every order of magnitude above the least alike.
        let span = self.most - self.least;
        let orders = u64::from(u64::BITS - span.leading_zeros());
        let smaller = below(size.rotate_left(29), orders + 1) as u32;
        let span = span.checked_shr(smaller).unwrap_or(0);
        self.least + below(size, span.saturating_add(1))
    }
}

/// Which strategy explores a run.
///
/// Its text form, as in `SIMOOM_STRATEGY=pct:3`, is `portfolio`, `calm`, `random` or `pct:` and
/// the depth.
///
/// ```
/// use simoom_sim::Strategy;
///
/// assert_eq!("pct:3".parse(), Ok(Strategy::Pct { depth: 3 }));
/// assert_eq!(Strategy::Random.to_string(), "random");
/// assert!("pct".parse::<Strategy>().unwrap_err().to_string().contains("pct:3"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// Half of the seeds run under `random`, half under `pct` with a depth of 1 to 4 (default).
    #[default]
    Portfolio,
    /// No deviation at all: least delays, whole reads, tasks in a fixed order.
    Calm,
    /// Every choice is drawn independently, with probabilities drawn per seed.
    Random,
    /// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS
    /// 2010): random priorities, lowered at `depth - 1` random moments. Finds a bug that needs
    /// `depth` ordering constraints among n tasks and k steps with probability at least
    /// 1/(n k^(depth-1)).
    Pct {
        /// How many ordering constraints the bug may need; 1 to 16.
        depth: u32,
    },
}

impl Strategy {
    /// The strategy that a seed of a portfolio runs under.
    pub(crate) fn for_seed(self, seed: u64) -> Self {
        match self {
            Self::Portfolio => {
                let bits = value(seed, STREAM, 0);
                if bits & 1 == 0 {
                    Self::Random
                } else {
                    Self::Pct {
                        depth: 1 + below(value(seed, STREAM, 1), 4) as u32,
                    }
                }
            }
            other => other,
        }
    }

    /// What makes the choices of the run of `seed`.
    pub(crate) fn chooser(self, seed: u64, horizon: u64) -> Box<dyn Choose> {
        match self.for_seed(seed) {
            Self::Pct { depth } => Box::new(Pct::new(seed, depth, horizon)),
            Self::Calm => Box::new(Replay::calm()),
            Self::Random | Self::Portfolio => Box::new(Random::new(seed)),
        }
    }
}

const STREAM: u64 = 0x7374_7261_7465_6779;

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Portfolio => f.write_str("portfolio"),
            Self::Calm => f.write_str("calm"),
            Self::Random => f.write_str("random"),
            Self::Pct { depth } => write!(f, "pct:{depth}"),
        }
    }
}

/// A text names no strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStrategy(String);

impl fmt::Display for UnknownStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} names no strategy: use portfolio, calm, random, or pct:3 with a depth of 1 to 16",
            self.0
        )
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
            other => match other.strip_prefix("pct:").map(str::parse) {
                Some(Ok(depth @ 1..=16)) => Ok(Self::Pct { depth }),
                _ => Err(UnknownStrategy(text.to_owned())),
            },
        }
    }
}

#[cfg(test)]
mod tests;
