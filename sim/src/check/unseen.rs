//! Assertions of which a whole sweep saw nothing.
//!
//! A test binary holds the assertions of all that is linked into it, and each of its tests is about
//! some of them: which, only the test can say, by `Config::cover`. As with FoundationDB's code
//! probes and Antithesis' catalogue, what counts is all runs together, not one of them.
//!
//! As with faults that do nothing, the run of one seed, calm ones and replays prove nothing; neither
//! does a sweep that the environment made shorter than the test asks for.

use super::found::Found;
use super::sweep::{Ran, Sweep};
use crate::world::failure::Failure;

impl Sweep<'_> {
    /// Fails a sweep whose seeds all passed if it was to see assertions that it did not see.
    pub(super) fn unseen_assertions(&self, ran: &Ran, horizon: u64) -> Option<Found> {
        let cover = &self.config.cover;
        if cover.is_empty() || !self.expects_faults() || self.config.is_shortened {
            return None;
        }
        let is_covered = |module: &String, it: &crate::AssertionSeen| it.is_within(module);
        let missing = ran.assertions.never();
        let missing = missing.filter(|it| cover.iter().any(|module| is_covered(module, it)));
        let mut assertions: Vec<_> = missing.map(|it| it.to_string()).collect();
        for module in cover {
            if !ran.assertions.iter().any(|it| is_covered(module, &it)) {
                assertions.push(format!("there is no assertion in {module}"));
            }
        }
        let first = *ran.summaries.first().filter(|_| !assertions.is_empty())?;
        let failure = Failure::Unseen { assertions };
        Some(self.found_by_sweep(first, failure, horizon))
    }
}
