//! What a shrinker is told of a candidate.
//!
//! Owns the words between it and those who make the runs.

use crate::choice::Deviation;
use crate::world::failure::{Class, Failure};

/// Runs candidates.
pub(crate) trait Judge {
    /// What became of each of `candidates`, in their order. The same candidate always comes to the
    /// same.
    fn judge(&self, candidates: &[Vec<Deviation>]) -> Vec<Verdict>;

    /// How else a run of `candidate` could have gone on. Takes a replay.
    fn others(&self, candidate: &[Deviation]) -> Others;

    /// How many candidates it runs at a time.
    fn width(&self) -> usize;

    /// Hears how far it is: so many candidates were counted, and so many choices are left.
    fn counted(&self, _replays: u32, _left: usize) {}
}

/// How else a run could have gone on: every single change of it, in the order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    /// Of the tasks' order.
    pub(crate) orders: Vec<Deviation>,
    /// The faults and cancellations that were in question and did not happen.
    pub(crate) spared: Vec<Deviation>,
}

/// What became of a candidate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) failure: Option<Failure>,
    /// What took effect, in the order of time.
    pub(crate) deviations: Vec<Deviation>,
    /// The operations of the workload that were done, as choices that leave them out.
    pub(crate) done: Vec<Deviation>,
    /// Who drew the seed's numbers, as choices that make them simple, and how many; nobody unless
    /// these are to become simple.
    pub(crate) drew: Vec<(Deviation, u64)>,
}

/// What the run does without one of the choices that are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// It was not tried.
    Unknown,
    Passes,
    /// It waits for ever.
    Hangs,
    /// It fails in another way.
    Fails(String),
    /// It fails in the same way, but what it takes is not less.
    Same,
}

impl Without {
    /// After "without it, the run"; nothing if that is not known.
    pub(crate) fn words(&self) -> Option<String> {
        Some(match self {
            Self::Unknown => return None,
            Self::Passes => "passes".to_owned(),
            Self::Hangs => "hangs".to_owned(),
            Self::Fails(how) => format!("fails in another way: {how}"),
            Self::Same => "fails all the same, with larger numbers".to_owned(),
        })
    }

    /// That of a run which failed by `signature` with the choice.
    pub(super) fn of(verdict: &Verdict, signature: &str) -> Self {
        match &verdict.failure {
            None => Self::Passes,
            Some(failure) if failure.signature() == signature => Self::Same,
            Some(failure) if failure.class() == Class::Liveness => Self::Hangs,
            Some(failure) => Self::Fails(first_line(failure)),
        }
    }
}

/// A failure that a candidate met instead of the one that is shrunk.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) failure: Failure,
    /// What led to it.
    pub(crate) deviations: Vec<Deviation>,
}

pub(crate) fn first_line(failure: &Failure) -> String {
    let text = failure.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}
