//! How often each kind of fault came into question, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use simoom_faults::{Expected, Kind};

/// How often a kind of fault came into question, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultCounts {
    /// How often something that the plan covers could have been hit.
    pub offered: u64,
    /// How often of these its time had come and the run had it.
    pub armed: u64,
    /// How often it happened.
    pub fired: u64,
    /// How often the program saw it.
    pub observed: u64,
    /// How often it would have happened but for a budget.
    pub blocked: u64,
}

/// The counts of every kind of fault that came into question, in one run or in a sweep.
///
/// # Examples
/// ```
/// use simoom_sim::{Config, check};
///
/// let report = check(Config::default().seeds(1), |_sim| async {});
/// assert!(report.faults().is_empty(), "no plan, no faults");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultTally(BTreeMap<Kind, FaultCounts>);

impl FaultTally {
    /// The counts of `kind`; all zero if it never came into question.
    #[must_use]
    pub fn of(&self, kind: Kind) -> FaultCounts {
        self.0.get(&kind).copied().unwrap_or_default()
    }

    /// Whether no kind of fault came into question.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The kinds that came into question, in the order of [`Kind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Kind, FaultCounts)> {
        self.0.iter().map(|(&kind, &counts)| (kind, counts))
    }

    pub(crate) fn entry(&mut self, kind: Kind) -> &mut FaultCounts {
        self.0.entry(kind).or_default()
    }

    /// The kinds that happened or were blocked, and how many others there are.
    pub(crate) fn split(&self) -> (Self, usize) {
        let happened = |(_, counts): &(Kind, FaultCounts)| counts.fired + counts.blocked > 0;
        let told = Self(self.iter().filter(happened).collect());
        let quiet = self.0.len() - told.0.len();
        (told, quiet)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (kind, more) in other.iter() {
            let counts = self.entry(kind);
            counts.offered += more.offered;
            counts.armed += more.armed;
            counts.fired += more.fired;
            counts.observed += more.observed;
            counts.blocked += more.blocked;
        }
    }
}

/// One line for each kind.
impl fmt::Display for FaultTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, counts)) in self.iter().enumerate() {
            let FaultCounts {
                offered,
                armed,
                fired,
                observed,
                blocked,
            } = counts;
            let end = if index == 0 { "" } else { "\n" };
            write!(
                f,
                "{end}{kind:<24} offered {offered}, armed {armed}, fired {fired}, observed {observed}"
            )?;
            if blocked > 0 {
                write!(f, ", blocked {blocked}")?;
            }
        }
        Ok(())
    }
}

/// What became of one fault of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The fault, as a line of the plan.
    pub(crate) text: String,
    pub(crate) expected: Expected,
    /// How often it could have hit something.
    pub(crate) offered: u64,
    /// How often of these its time had come.
    pub(crate) open: u64,
    /// How often it should have fired on average in those runs that have it, in 2^-20.
    pub(crate) due: u64,
    pub(crate) fired: u64,
    pub(crate) blocked: u64,
    /// What there was of its kind while it had found nothing that it could hit.
    pub(crate) missed: BTreeSet<String>,
}

/// Which nodes the plans of runs name, where, and which nodes those runs have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The names, each with a place of the plan that says it.
    pub(crate) named: BTreeMap<String, String>,
    /// The names of the nodes; left out where no plan names any.
    pub(crate) nodes: BTreeSet<String>,
}

impl Named {
    /// Adds those of another run, in whatever order.
    pub(crate) fn add(&mut self, other: Self) {
        for (name, place) in other.named {
            match self.named.get_mut(&name) {
                None => {
                    self.named.insert(name, place);
                }
                Some(known) if place < *known => *known = place,
                Some(_) => {}
            }
        }
        self.nodes.extend(other.nodes);
    }

    /// Each name that no node has, with its place.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.named.iter();
        named
            .filter(|(name, _)| !self.nodes.contains(*name))
            .map(|(name, place)| (&**name, &**place))
    }
}

/// Adds up what became of the same faults in another run.
pub(crate) fn merge_entries(all: &mut BTreeMap<String, Entry>, more: Vec<Entry>) {
    for entry in more {
        match all.get_mut(&entry.text) {
            None => {
                all.insert(entry.text.clone(), entry);
            }
            Some(sum) => {
                sum.offered += entry.offered;
                sum.open += entry.open;
                sum.due = sum.due.saturating_add(entry.due);
                sum.fired += entry.fired;
                sum.blocked += entry.blocked;
                sum.missed.extend(entry.missed);
            }
        }
    }
}
