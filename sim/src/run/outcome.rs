//! What came of a run, and where two runs parted.
//!
//! Owns the verdict's form. Knows nothing of how a run comes to it.

use crate::choice::{Deviation, Families};
use crate::record::{Kept, Names, Parted, Told};
use crate::strategy::{Learnt, Profile};
use crate::stuck::Stuck;
use crate::world::StoryLine;
use crate::world::assertions::AssertionTally;
use crate::world::cancels::Awaits;
use crate::world::failure::Failure;
use crate::world::faults::{Entry, FaultTally, Named};
use crate::world::sight::NodeSight;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) failure: Option<Failure>,
    pub(crate) hash: u128,
    pub(crate) events: u64,
    pub(crate) polls: u64,
    pub(crate) time_ns: i64,
    /// What differed from calm; empty if a strategy's run passed and is not recorded in full.
    pub(crate) deviations: Vec<Deviation>,
    /// The operations of the workloads that were done, as choices that leave them out; empty where
    /// `deviations` is.
    pub(crate) done: Vec<Deviation>,
    /// Who drew the seed's numbers, as choices that make them simple, and how many, if these were to
    /// be counted; empty where `deviations` is.
    pub(crate) drew: Vec<(Deviation, u64)>,
    /// How many tasks of each name there were; empty where `deviations` is.
    pub(crate) families: Families,
    /// How else the tasks' order could have gone on, if that was asked for.
    pub(crate) orders: Vec<Deviation>,
    /// Which faults and cancellations were in question and did not happen, if that was asked for.
    pub(crate) spared: Vec<Deviation>,
    pub(crate) stuck: Vec<Stuck>,
    /// What a test kept from arriving, if nothing could happen any more.
    pub(crate) stopped: Vec<String>,
    /// Every node, if the run was stopped to be looked at.
    pub(crate) nodes: Vec<NodeSight>,
    /// Wakes and spawns that came from other threads: their timing is not ours.
    pub(crate) foreign: u64,
    /// The record as text, if it was kept.
    pub(crate) record: Vec<String>,
    /// The record itself, if it was kept.
    pub(crate) told: Option<Box<ToldRun>>,
    /// What the user noted, as text.
    pub(crate) history: Vec<String>,
    /// What the test did itself, if the run was recorded in full.
    pub(crate) acts: Vec<StoryLine>,
    /// What was seen of the program's assertions.
    pub(crate) assertions: AssertionTally,
    /// What the test wrote down for checkers, by the name of its file, if the run was recorded in
    /// full.
    pub(crate) sheets: Vec<(String, Vec<String>)>,
    /// How often each kind of fault came into question.
    pub(crate) faults: FaultTally,
    /// Which nodes its plans name.
    pub(crate) named: Named,
    /// What became of each fault of its plans.
    pub(crate) planned: Vec<Entry>,
    pub(crate) backtrace: Option<String>,
    /// Threads of blocking closures that could not be unwound and are there for ever.
    pub(crate) lost_threads: u64,
    /// What was kept to compare another run with.
    pub(crate) kept: Option<Box<KeptRun>>,
    /// Where it began to be another run than the one it followed.
    pub(crate) parting: Option<Parting>,
    /// Where tasks waited, if that was to be listed, and what was cancelled with a lock held.
    pub(crate) awaits: Awaits,
    /// What was learnt, if the run was for more than its verdict.
    pub(crate) learnt: Learnt,
}

impl Outcome {
    /// What a calm run shows of the program.
    pub(crate) fn take_profile(&mut self) -> Profile {
        match std::mem::take(&mut self.learnt) {
            Learnt::Profile(profile) => profile,
            _ => Profile::default(),
        }
    }
}

/// Every event of a run, and what their hashes stand for.
#[derive(Debug)]
pub(crate) struct ToldRun {
    pub(crate) events: Vec<Told>,
    pub(crate) names: Names,
    /// What the program logged, if that was kept.
    pub(crate) logs: Vec<Logged>,
}

/// A line that the program logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    /// How many events had happened.
    pub(crate) events: u64,
    /// The hash of the task's path; 0: no task.
    pub(crate) task: u64,
    /// The level and what was said.
    pub(crate) text: String,
}

/// What was kept of a run, and what its hashes stand for.
#[derive(Debug)]
pub(crate) struct KeptRun {
    pub(crate) kept: Kept,
    pub(super) names: Names,
}

impl KeptRun {
    /// What the run did after its first `agreed` events, in words; `None` if that was not kept.
    pub(crate) fn tell(&self, agreed: u64) -> Option<String> {
        match self.kept.event(agreed + 1) {
            Some((event, detail)) => Some(self.names.tell(&event, detail.as_ref())),
            None if agreed == self.kept.count() => Some(END.to_owned()),
            None => None,
        }
    }
}

const END: &str = "the run ends";

/// Where two runs of the same choices parted, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parting {
    /// How many events agree.
    pub(crate) agreed: u64,
    /// Whether the next one differs; else a later one does.
    pub(crate) is_exact: bool,
    /// What this run did instead.
    pub(crate) next: String,
    /// The last event that is the same.
    pub(crate) before: Option<String>,
}

impl Parting {
    pub(super) fn of(parted: &Parted, names: &Names) -> Self {
        let next = match &parted.event {
            Some(event) => names.tell(event, parted.detail.as_ref()),
            None => END.to_owned(),
        };
        let before = parted.before.as_ref();
        Self {
            agreed: parted.agreed,
            is_exact: parted.is_exact,
            next,
            before: before.map(|(event, detail)| names.tell(event, detail.as_ref())),
        }
    }
}
