//! What came of a sweep.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use super::found::Found;
use super::inspect::Inspected;
use crate::cancel::Coverage;
use crate::world::assertions::AssertionTally;
use crate::world::faults::FaultTally;

/// What came of a sweep: what was run, and the failure if there was one.
///
/// # Examples
/// ```
/// use simoom_sim::{Config, check};
///
/// let report = check(Config::default().seeds(10), |_sim| async {});
/// assert!(report.failure().is_none());
/// assert_eq!(report.runs().len(), 10);
/// report.unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a report that is not looked at hides its failure; call `unwrap`"]
pub struct Report {
    pub(crate) label: String,
    pub(crate) runs: Vec<RunSummary>,
    pub(crate) found: Option<Box<Found>>,
    pub(crate) notes: Vec<String>,
    pub(crate) faults: FaultTally,
    pub(crate) assertions: AssertionTally,
    /// Of each run.
    pub(crate) tallies: Vec<FaultTally>,
    pub(crate) doubled: u64,
    pub(crate) in_processes: u64,
    /// Where it was cancelled, if that took the place of seeds.
    pub(crate) coverage: Option<Box<Coverage>>,
    /// The seeds that failed in a way that was known before, and the signature.
    pub(crate) known: Vec<(u64, String)>,
    /// What was seen where the run was stopped, if it was to be.
    pub(crate) inspected: Option<Box<Inspected>>,
    /// A failure ends the process.
    pub(crate) exits: bool,
}

/// One run of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The seed.
    pub seed: u64,
    /// What identifies everything that happened in the run.
    pub hash: u128,
    /// How many times a task was polled.
    pub polls: u64,
    /// How many events were recorded.
    pub events: u64,
    /// How much virtual time passed.
    pub time: Duration,
}

impl Report {
    /// Every seed that was run, in order. A sweep stops at its first failing seed.
    ///
    /// Empty in the fresh process that confirms the failure of another [`check`](crate::check) of
    /// the same test, and if a saved failure still fails. Where saved failures alone were
    /// [replayed](crate::Config::replay), those.
    #[must_use]
    pub fn runs(&self) -> &[RunSummary] {
        &self.runs
    }

    /// How many runs differed from every other in what happened.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.runs
            .iter()
            .map(|run| run.hash)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// The failure, if there was one.
    #[must_use]
    pub fn failure(&self) -> Option<&Found> {
        self.found.as_deref()
    }

    /// How often each kind of fault came into question, fired and was seen, in all [`runs`](Self::runs)
    /// together.
    #[must_use]
    pub fn faults(&self) -> &FaultTally {
        &self.faults
    }

    /// What all [`runs`](Self::runs) together saw of the assertions in the program, those that no run
    /// came to among them.
    #[must_use]
    pub fn assertions(&self) -> &AssertionTally {
        &self.assertions
    }

    /// How often faults did, of each run, in the order of [`runs`](Self::runs).
    #[must_use]
    pub fn faults_of_runs(&self) -> &[FaultTally] {
        &self.tallies
    }

    /// How many of the seeds were run twice and compared, see [`Config::doubled`](crate::Config::doubled).
    #[must_use]
    pub fn doubled(&self) -> u64 {
        self.doubled
    }

    /// How many of those were compared with a run in a fresh process too.
    #[must_use]
    pub fn in_processes(&self) -> u64 {
        self.in_processes
    }

    /// What is worth knowing beside the verdict, such as stored choices that no longer apply.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns if nothing failed, after printing the [notes](Self::notes) to standard error.
    ///
    /// # Panics
    /// With the whole story of the failure, if there was one. Where the process was started to
    /// replay this test alone, it prints the story and exits with the status of the failure's class
    /// instead: see [`Class::exit_code`](crate::Class::exit_code).
    #[track_caller]
    pub fn unwrap(self) {
        let exits = self.exits && self.found.is_some();
        for note in &self.notes {
            let line = format!("{}: {note}", self.label);
            if exits {
                // Not by a macro: the test harness would keep it for an end that does not come.
                let _ = writeln!(io::stderr(), "{line}");
            } else {
                eprintln!("{line}");
            }
        }
        if let Some(found) = self.found {
            if exits {
                let class = found.class();
                let code = class.exit_code();
                let _ = writeln!(
                    io::stderr(),
                    "\n{found}\n  exit      status {code}, {class}"
                );
                std::process::exit(code);
            }
            panic!("{found}");
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Some(found) => found.fmt(f),
            None => write!(
                f,
                "{}: {} seeds passed, {} of them distinct",
                self.label,
                self.runs.len(),
                self.distinct()
            )
            .and_then(|()| match self.faults.is_empty() {
                true => Ok(()),
                false => write!(f, "\n  {}", self.faults.to_string().replace('\n', "\n  ")),
            })
            .and_then(|()| match self.assertions.is_empty() {
                true => Ok(()),
                false => write!(
                    f,
                    "\n  {}",
                    self.assertions.to_string().replace('\n', "\n  ")
                ),
            }),
        }
    }
}
