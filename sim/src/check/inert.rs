//! Faults of a plan that did nothing in a whole sweep.
//!
//! A fault that never happens tests nothing, and nobody notices. Where nothing of a run is drawn,
//! under `calm`, in the run of one seed or in a replay, nothing is to be expected.
//!
//! The rule, for sweeps of any length:
//! 1. A fault that the test planned itself must have had something to hit at a time at which it may
//!    happen: with three seeds as with three thousand, a misspelt target is a mistake. Faults of
//!    profiles are exempt (`if_reached`): a program without files has no disk that could fail.
//! 2. A fault that was due [`DUE`] times or more by its probabilities must have happened once. Less
//!    proves nothing: with a few seeds, a rare fault may stay away.
//! 3. A fault that was blocked by a budget each time counts as never happened.
//!
//! `may_be_inert` exempts a fault from all of them. A plan of `SIMOOM_FAULTS` is for many sweeps, not
//! each of which has what it hits: there it is a note.

use std::collections::{BTreeMap, BTreeSet};

use simoom_faults::Expected;

use super::found::Found;
use super::process;
use super::sweep::{Ran, Sweep};
use crate::strategy::Strategy;
use crate::world::failure::Failure;
use crate::world::faults::Entry;

impl Sweep<'_> {
    /// Fails a sweep whose seeds all passed if faults of their plans did nothing.
    pub(super) fn inert_faults(
        &self,
        ran: &Ran,
        horizon: u64,
        notes: &mut Vec<String>,
    ) -> Option<Found> {
        if !self.expects_faults() {
            return None;
        }
        let faults = among(&ran.planned);
        let first = *ran.summaries.first().filter(|_| !faults.is_empty())?;
        if self.config.faults.is_some() {
            let faults = faults.into_iter();
            notes.extend(
                faults.map(|fault| format!("a fault of SIMOOM_FAULTS did nothing: {fault}")),
            );
            return None;
        }
        let failure = Failure::InertFaults { faults };
        Some(self.found_by_sweep(first, failure, horizon))
    }

    /// Whether what never happens in it says something of a plan.
    pub(super) fn expects_faults(&self) -> bool {
        let draws = self.config.strategy != Strategy::Calm && self.config.one_seed.is_none();
        draws && !process::is_child()
    }
}

/// How often a fault must be due before its absence is no accident: chance alone would leave it
/// out in one of 10^17 sweeps.
const DUE: u64 = 40;

/// The faults that did nothing though they should have, each with the reason.
pub(crate) fn among(planned: &BTreeMap<String, Entry>) -> Vec<String> {
    let reason = |entry: &Entry| why(entry).map(|why| format!("{}: {why}", entry.text));
    planned.values().filter_map(reason).collect()
}

fn why(entry: &Entry) -> Option<String> {
    if entry.fired > 0 || entry.expected == Expected::MayBeInert {
        return None;
    }
    let must_be_reached = entry.expected == Expected::Fires;
    let due = entry.due >> 20;
    if entry.blocked > 0 {
        let blocked = entry.blocked;
        return must_be_reached.then(|| format!("blocked by a budget all {blocked} times"));
    }
    if entry.offered == 0 {
        return must_be_reached.then(|| match entry.missed.is_empty() {
            true => "found nothing that it could hit".to_owned(),
            false => format!(
                "found nothing that it could hit; there was {}",
                some(&entry.missed)
            ),
        });
    }
    if entry.open == 0 {
        let offered = entry.offered;
        return must_be_reached
            .then(|| format!("its time never came at any of {offered} opportunities"));
    }
    (due >= DUE).then(|| format!("never happened, though it was due about {due} times"))
}

/// The first of `things`, for people. Of many, runs note the first ones alone.
fn some(things: &BTreeSet<String>) -> String {
    let shown: Vec<_> = things.iter().take(SHOWN).map(String::as_str).collect();
    let more = match things.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and at least {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

/// How many things that a fault missed are shown.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests;
