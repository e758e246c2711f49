//! One batch: a sweep over some seeds, and its sums.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use simoom_sim::{Config, check};

use crate::state::State;
use crate::storm::run::{Counts, storm};

/// Runs `seeds` seeds from `from`, prints the sums to standard output and the story of a failure
/// to standard error.
pub(crate) fn run(from: u64, seeds: u64) -> ExitCode {
    // By seed: the run of a seed that is made twice counts once.
    let counts: Arc<Mutex<BTreeMap<u64, Counts>>> = Arc::default();
    let noted = Arc::clone(&counts);
    let config = Config::default().seeds(seeds).first_seed(from);
    let report = check(config, move |sim| {
        let noted = Arc::clone(&noted);
        async move {
            let seed = sim.seed();
            let counted = storm(sim).await;
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.insert(seed, counted);
        }
    });
    let mut state = State::new(from);
    state.seeds = report.runs().len() as u64;
    state.next_seed = from + state.seeds;
    state.steps = report.runs().iter().map(|run| run.polls).sum();
    state.events = report.runs().iter().map(|run| run.events).sum();
    state.virtual_ms = (report.runs().iter())
        .map(|run| u64::try_from(run.time.as_millis()).unwrap_or(u64::MAX))
        .sum();
    let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    // Neither of the failing seed nor of later ones, which other threads may have run.
    let failed = report.failure().map(simoom_sim::Found::seed);
    let passed = (report.runs().iter()).filter(|run| Some(run.seed) != failed);
    for counted in passed.filter_map(|run| counts.get(&run.seed)) {
        state.acknowledged += counted.acknowledged;
        state.unanswered += counted.unanswered;
        state.boots += counted.boots;
        state.promotions += counted.promotions;
    }
    state.faults = (report.faults().iter())
        .map(|(kind, counts)| {
            let counts = [counts.offered, counts.armed, counts.fired, counts.observed];
            (kind, counts)
        })
        .collect();
    for note in report.notes() {
        eprintln!("storm: {note}");
    }
    let code = match report.failure() {
        None => ExitCode::SUCCESS,
        Some(found) => {
            eprintln!("{found}");
            // Some strategies look at how long the batch's first run was.
            eprintln!("  in its batch: add --release before, and -- --from {from} after that");
            state.failed = 1;
            ExitCode::FAILURE
        }
    };
    print!("{}", state.to_text());
    code
}
