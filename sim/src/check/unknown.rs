//! Nodes that a plan of faults names and nothing in a whole sweep has.
//!
//! A misspelt name in `spare` lets the node be hit that was to be spared, and nobody notices. A
//! node may be made late, or in some seeds alone: names are compared with the nodes of all runs
//! together. The run of one seed and replays prove nothing, and under `calm` no fault happens.
//!
//! A plan of `SIMOOM_FAULTS` is for many sweeps, which have different nodes: there it is a note.

use super::found::Found;
use super::sweep::{Ran, Sweep};
use crate::world::failure::Failure;

impl Sweep<'_> {
    /// Fails a sweep whose seeds all passed if a plan of theirs names nodes that none of them has.
    pub(super) fn unknown_nodes(
        &self,
        ran: &Ran,
        horizon: u64,
        notes: &mut Vec<String>,
    ) -> Option<Found> {
        if !self.expects_faults() {
            return None;
        }
        let unknown = ran.named.unknown();
        let names: Vec<_> = unknown
            .map(|(name, place)| format!("{name:?} in `{place}`"))
            .collect();
        let first = *ran.summaries.first().filter(|_| !names.is_empty())?;
        let nodes: Vec<_> = ran.named.nodes.iter().cloned().collect();
        if self.config.faults.is_some() {
            let (names, nodes) = (names.join(", "), nodes.join(", "));
            notes.push(format!(
                "SIMOOM_FAULTS names nodes that no seed has: {names}; there is {nodes}"
            ));
            return None;
        }
        let failure = Failure::UnknownNodes { names, nodes };
        Some(self.found_by_sweep(first, failure, horizon))
    }
}
