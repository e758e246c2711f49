//! One kind of fault with all that is to be said about it.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::{Kind, Ratio, Target, When};

/// One kind of fault: where, when, how often and how much.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_faults::{Fault, Kind, Ratio, Target, When};
///
/// let fault = Fault::new(Kind::NodePaused)
///     .target(Target::node("replica-1"))
///     .when(When::After(Duration::from_secs(2)))
///     .every(Duration::from_millis(500))
///     .probability(Ratio::one_in(10))
///     .lasting(Duration::from_millis(10)..=Duration::from_secs(1))
///     .times(3);
/// assert_eq!(fault.kind(), Kind::NodePaused);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a fault does nothing until it is part of a plan"]
pub struct Fault {
    pub(crate) kind: Kind,
    pub(crate) target: Target,
    pub(crate) when: When,
    pub(crate) probability: Ratio,
    pub(crate) active: Ratio,
    pub(crate) least: u64,
    pub(crate) most: u64,
    pub(crate) every: Duration,
    pub(crate) times: Option<u64>,
    pub(crate) expected: Expected,
}

/// What it means if a fault never happens in a whole sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// The sweep fails if nothing could be hit, or if what could be hit never was against all
    /// chance (default).
    #[default]
    Fires,
    /// The sweep fails only if what could be hit never was against all chance: what profiles say.
    IfReached,
    /// Nothing.
    MayBeInert,
}

/// How often a spontaneous fault has an opportunity, unless it says otherwise.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

impl Fault {
    /// `kind` anywhere, at any time, at every opportunity, in every run.
    pub fn new(kind: Kind) -> Self {
        let (least, most) = kind.magnitudes();
        Self {
            kind,
            target: Target::Any,
            when: When::Always,
            probability: Ratio::ALWAYS,
            active: Ratio::ALWAYS,
            least,
            most,
            every: EVERY,
            times: None,
            expected: Expected::Fires,
        }
    }

    /// What may be hit (default: anything).
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// When it may happen (default: always).
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// How probable it is at each opportunity of a run in which it is active (default 1).
    pub fn probability(mut self, probability: Ratio) -> Self {
        self.probability = probability;
        self
    }

    /// How probable it is that a run has it at all (default 1); of marked places, each on its own.
    pub fn active(mut self, active: Ratio) -> Self {
        self.active = active;
        self
    }

    /// How much, in the kind's [unit](Kind::unit): every order of magnitude between the two is
    /// equally probable (default: [`Kind::magnitudes`]).
    pub fn magnitude(mut self, range: RangeInclusive<u64>) -> Self {
        (self.least, self.most) = range.into_inner();
        self
    }

    /// How long it lasts, or how late or wrong it makes things, for kinds measured in time.
    pub fn lasting(self, range: RangeInclusive<Duration>) -> Self {
        let (least, most) = range.into_inner();
        self.magnitude(nanos(least)..=nanos(most))
    }

    /// How often a kind that happens on its own has an opportunity (default: once a second).
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// How often it happens in one run at most (default: any number of times).
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Says that a sweep in which it never happens is fine.
    pub fn may_be_inert(mut self) -> Self {
        self.expected = Expected::MayBeInert;
        self
    }

    /// Says that a sweep in which nothing could be hit is fine.
    pub fn if_reached(mut self) -> Self {
        self.expected = Expected::IfReached;
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What may be hit.
    #[must_use]
    pub fn where_it_hits(&self) -> &Target {
        &self.target
    }

    /// When it may happen.
    #[must_use]
    pub fn schedule(&self) -> When {
        self.when
    }

    /// How probable it is: at each opportunity, and that a run has it at all.
    #[must_use]
    pub fn odds(&self) -> (Ratio, Ratio) {
        (self.probability, self.active)
    }

    /// The least and the most magnitude.
    #[must_use]
    pub fn magnitudes(&self) -> (u64, u64) {
        (self.least, self.most)
    }

    /// The time between two opportunities of a kind that happens on its own.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.every
    }

    /// How often it happens in one run at most.
    #[must_use]
    pub fn budget(&self) -> Option<u64> {
        self.times
    }

    /// What it means if it never happens in a whole sweep.
    #[must_use]
    pub fn expected(&self) -> Expected {
        self.expected
    }
}

/// Nanoseconds, at most what fits.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
