//! What a program that drives this one asks for, and what it is told: `cargo simoom`.
//!
//! Owns the variables that are of use to programs, and the lines of JSON that answer them. People
//! have reports.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::config::Config;
use super::environment::{flag, read, seed};
use super::found::{Confirmation, Found, Position, Seed};
use super::inspect::Inspected;
use super::replays::Settled;
use super::report::Report;
use super::shrink::first_line;
use super::sweep::{Failed, Ran, Sweep, summary};
use crate::choice::Plan;
use crate::run::Stop;
use crate::strategy::Strategy;

/// Overrides `config` by what the environment asks for.
pub(super) fn apply(config: &mut Config) {
    let number = |name| read(name).map(|text| seed(name, &text));
    let most = |name| number(name).map(|it| u32::try_from(it).unwrap_or(u32::MAX));
    let time = |name| read(name).map(|text| Duration::from_nanos(nanoseconds(name, &text)));
    if let Some(most) = most("SIMOOM_SHRINK_REPLAYS") {
        config.shrink_replays = most;
    }
    if let Some(time) = time("SIMOOM_SHRINK_TIME") {
        config.shrink_time = time;
    }
    if let Some(shrink) = flag("SIMOOM_SHRINK_ENTROPY") {
        config.shrink_entropy = shrink;
    }
    if let Some(most) = most("SIMOOM_EXPLAIN_RUNS") {
        config.explain_runs = most;
    }
    if let Some(time) = time("SIMOOM_EXPLAIN_TIME") {
        config.explain_time = time;
    }
    config.replays_saved = flag("SIMOOM_SAVED") != Some(false);
    if let Some(path) = read("SIMOOM_KNOWN") {
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("SIMOOM_KNOWN: {path}: {error}"));
        let lines = text.lines().filter(|line| !line.is_empty());
        config.known = lines.map(str::to_owned).collect::<BTreeSet<_>>();
    }
    stop();
}

/// Where the run is to be stopped, if it is.
///
/// # Panics
/// If it is not understood.
pub(super) fn stop() -> Option<Stop> {
    let name = "SIMOOM_STOP";
    let text = read(name)?;
    Some(match text.strip_prefix("step:") {
        Some(step) => Stop::Step(seed(name, step).max(1)),
        None => {
            let nanoseconds = nanoseconds(name, &text);
            Stop::Time(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
        }
    })
}

/// Whether what is replayed is to be shrunk.
pub(super) fn minimizes() -> bool {
    flag("SIMOOM_MINIMIZE") == Some(true)
}

/// A time such as `0.812s`.
fn nanoseconds(name: &str, text: &str) -> u64 {
    parse_nanoseconds(text).unwrap_or_else(|| {
        panic!("{name} is {text:?}: it must be a number with a unit (ns, us, ms, s, min, h)")
    })
}

fn parse_nanoseconds(text: &str) -> Option<u64> {
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.')?;
    let (number, unit) = text.split_at(end);
    let unit: u64 = match unit.trim() {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if part.len() > 9 {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(part.len()).ok()?);
    let part = u128::from(part.parse::<u64>().ok()?) * u128::from(unit) / u128::from(scale);
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    whole.checked_add(u64::try_from(part).ok()?)
}

impl Sweep<'_> {
    /// Shrinks those of `plans` that fail, up to the first.
    pub(super) fn minimize(&self, plans: Vec<Plan>) -> Report {
        let (mut notes, mut ran) = (Vec::new(), Ran::default());
        for plan in plans {
            let Settled {
                plan,
                outcome,
                note,
            } = self.settle(plan, Self::replay);
            ran.summaries.push(summary(plan.seed, &outcome));
            ran.tallies.push(outcome.faults.clone());
            notes.extend(note);
            if outcome.failure.is_some() {
                let failed = Failed {
                    index: None,
                    spec: self.replay_spec(&plan),
                    outcome,
                    differs: None,
                };
                let found = Found {
                    position: Position::Saved,
                    ..self.investigate(failed, plan.horizon)
                };
                return self.report(ran, Some(found), notes);
            }
        }
        self.report(ran, None, notes)
    }

    /// What the sweep's runs are numbered by.
    fn by(&self) -> &'static str {
        match self.config.strategy {
            _ if self.cancels_everywhere() => "cancels",
            _ if self.config.one_seed.is_some() => "one seed",
            Strategy::Exhaustive { .. } => "orders",
            _ => "seeds",
        }
    }
}

/// What came of one sweep.
#[derive(Serialize)]
struct Line<'a> {
    format: u32,
    test: &'a str,
    package: Option<&'a str>,
    krate: Option<&'a str>,
    /// Which sweep of the test, counted from 1.
    sweep: u32,
    /// What the runs are numbered by: `seeds`, `one seed`, `orders`, `cancels`.
    by: &'static str,
    /// The first seed, and how many were asked for.
    first_seed: String,
    asked: u64,
    runs: usize,
    distinct: usize,
    polls: u64,
    virtual_ns: u64,
    /// Seeds that failed in a way that was known before.
    known: Vec<KnownLine<'a>>,
    notes: &'a [String],
    failure: Option<FailureLine<'a>>,
    inspected: Option<&'a Inspected>,
}

#[derive(Serialize)]
struct KnownLine<'a> {
    seed: String,
    signature: &'a str,
}

#[derive(Serialize)]
struct FailureLine<'a> {
    class: String,
    signature: String,
    seed: String,
    /// `seed`, `order`, `cancel`, `undisturbed` or `saved`.
    of: &'static str,
    /// Which of the runs it was, counted from 1.
    position: Option<u64>,
    message: String,
    /// Whether a fresh process showed it, or why not.
    confirmed: String,
    raw_deviations: usize,
    deviations: usize,
    replays: u32,
    minimal: bool,
    story: Vec<String>,
    report: String,
    explanation: String,
    difference: Option<String>,
    plan: String,
    /// The folder with all that is known of it.
    bundle: Option<String>,
    /// Where it was saved, if it was.
    saved: Option<String>,
    /// Where it would be saved.
    saved_at: Option<String>,
    /// Whose failures that file holds.
    owner: Option<String>,
    replay: &'a str,
}

/// Appends a line of JSON on `report` to the file that the environment names, if it names one.
///
/// # Panics
/// If the file cannot be written: whoever asked for it would take silence for a test that makes no
/// sweep.
pub(super) fn tell(sweep: &Sweep<'_>, report: &Report) {
    let Some(path) = read("SIMOOM_JSON") else {
        return;
    };
    let runs = report.runs();
    let line = Line {
        format: 1,
        test: sweep.identity.label(),
        package: sweep.identity.package.as_deref(),
        krate: sweep.identity.krate.as_deref(),
        sweep: sweep.identity.earlier + 1,
        by: sweep.by(),
        first_seed: Seed(sweep.config.first_seed).to_string(),
        asked: sweep.seeds(),
        runs: runs.len(),
        distinct: report.distinct(),
        polls: runs.iter().map(|run| run.polls).sum(),
        virtual_ns: runs
            .iter()
            .map(|run| u64::try_from(run.time.as_nanos()).unwrap_or(u64::MAX))
            .fold(0, u64::saturating_add),
        known: (report.known.iter())
            .map(|(seed, signature)| KnownLine {
                seed: Seed(*seed).to_string(),
                signature,
            })
            .collect(),
        notes: report.notes(),
        failure: report.failure().map(|found| failure(sweep, found)),
        inspected: report.inspected.as_deref(),
    };
    let mut text = serde_json::to_string(&line).expect("a line holds only text and numbers");
    text.push('\n');
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .unwrap_or_else(|error| panic!("SIMOOM_JSON: {path}: {error}"));
}

fn failure<'a>(sweep: &Sweep<'_>, found: &'a Found) -> FailureLine<'a> {
    let shown = |path: Option<std::path::PathBuf>| path.map(|it| it.display().to_string());
    FailureLine {
        class: found.class().to_string(),
        signature: found.cause().signature(),
        seed: Seed(found.seed).to_string(),
        of: match found.position {
            Position::Seed(..) => "seed",
            Position::Order(..) => "order",
            Position::Cancelled(_) => "cancel",
            Position::Undisturbed => "undisturbed",
            Position::Saved => "saved",
            Position::Carried => "carried",
        },
        position: found.position(),
        message: first_line(found.cause()),
        confirmed: match &found.confirmed {
            Confirmation::Yes => "yes".to_owned(),
            Confirmation::No(why) => format!("no: {why}"),
            Confirmation::NotTried(why) => format!("not tried: {why}"),
        },
        raw_deviations: found.raw_deviations(),
        deviations: found.deviations(),
        replays: found.replays(),
        minimal: found.is_minimal(),
        story: found.story(),
        report: found.to_string(),
        explanation: found.explanation().to_string(),
        difference: found.explanation().difference(),
        plan: found.plan(),
        bundle: shown(
            sweep
                .identity
                .bundle(found.seed)
                .filter(|_| found.bundle.is_some()),
        ),
        saved: shown((found.saved.as_ref()).map(|path| sweep.identity.resolved(path))),
        saved_at: shown(sweep.saved_at()),
        owner: sweep.identity.owner(),
        replay: &found.replay,
    }
}

/// Reads `text` as a seed and as a time.
#[cfg(feature = "fuzzing")]
pub(crate) fn check_settings(text: &str) {
    let _ = crate::choice::parse_seed(text);
    if let Some(nanoseconds) = parse_nanoseconds(text) {
        assert_eq!(
            parse_nanoseconds(&format!("{nanoseconds}ns")),
            Some(nanoseconds)
        );
    }
}

#[cfg(test)]
mod tests;
