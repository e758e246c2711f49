//! Failures that are stored, and whether they come back after an edit of the program.

use std::collections::BTreeMap;

use simoom_sim::{Config, Failure, Found, Report};

use super::edit::Edit;

/// A program whose failures are stored.
pub trait Program {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// How a sweep of it is set whose failure is for this process alone.
    fn config(&self) -> Config;

    /// Sweeps it, edited so.
    fn check(&self, config: Config, edit: Edit) -> Report;
}

/// A failure of a program.
pub struct Failed {
    /// The seed that failed.
    pub seed: u64,
    /// By how many choices the run differed from a calm one.
    pub raw: usize,
    /// How many of those are left.
    pub left: usize,
    /// How many runs that took.
    pub replays: u32,
    /// Whether none of what is left can be left out.
    pub is_minimal: bool,
    /// What is stored.
    pub plan: String,
}

/// The most seeds in which a failure is looked for.
const SEEDS_MAX: u64 = 20_000;

/// The first so many failures of `program`, from a seed on.
pub fn failures(program: &dyn Program, count: u64, first: u64) -> Vec<Failed> {
    let (mut failures, mut seed) = (Vec::new(), first);
    while (failures.len() as u64) < count {
        let config = program.config().first_seed(seed).seeds(SEEDS_MAX);
        let report = program.check(config, Edit::None);
        let Some(found) = report.failure() else {
            break;
        };
        seed = found.seed() + 1;
        failures.push(Failed {
            seed: found.seed(),
            raw: found.raw_deviations(),
            left: found.deviations(),
            replays: found.replays(),
            is_minimal: found.is_minimal(),
            plan: found.plan(),
        });
    }
    failures
}

/// Prints, as lines of JSON, which share of stored failures still fails the same way after an edit
/// elsewhere, program by program and for all
/// that the edit changes.
pub fn print_edits(programs: &[&dyn Program], count: u64, first: u64) {
    let mut totals: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for program in programs {
        let failures = failures(*program, count, first);
        for edit in Edit::ALL {
            let (mut same, mut told, mut other_runs) = (0, 0, 0);
            for failed in &failures {
                let replay = |edit| program.check(program.config().replay(&failed.plan), edit);
                let (unedited, report) = (replay(Edit::None), replay(edit));
                let fails = report.failure().map(Found::cause).map(message);
                assert!(unedited.failure().is_some(), "what is stored fails");
                same += u64::from(fails == unedited.failure().map(Found::cause).map(message));
                told += u64::from(!report.notes().is_empty());
                other_runs += u64::from(hash(&unedited) != hash(&report));
            }
            let (all, name, edit) = (failures.len() as u64, program.name(), edit.name());
            println!(
                "{{\"program\":\"{name}\",\"edit\":\"{edit}\",\"stored\":{all},\
                 \"other_runs\":{other_runs},\"fail\":{same},\"told_of_lost_choices\":{told}}}"
            );
            // A program may have no task that could get a sibling.
            if other_runs > 0 {
                let total = totals.entry(edit).or_default();
                *total = (total.0 + all, total.1 + same);
            }
        }
    }
    for (edit, (all, same)) in totals {
        let permille = same * 1_000 / all.max(1);
        println!(
            "{{\"all_programs\":true,\"edit\":\"{edit}\",\"stored\":{all},\"fail\":{same},\
             \"permille\":{permille}}}"
        );
    }
}

/// What a failure says, without the place, the values and the counts of equal tasks.
fn message(cause: &Failure) -> String {
    let text = cause.to_string();
    let first = text.lines().next().unwrap_or_default();
    let message = first.rsplit(": ").next().unwrap_or(first);
    let mut parts = message.split('#');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.trim_start_matches(|it: char| it.is_ascii_digit()));
    }
    plain
}

fn hash(report: &Report) -> Option<u128> {
    report.runs().first().map(|run| run.hash)
}
