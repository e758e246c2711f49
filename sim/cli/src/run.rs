//! `run`: seeds in growing batches, test after test, until the budget is spent.
//!
//! A batch is a process that sweeps one test over seeds that follow each other. It ends at the first
//! failure whose signature is new; the next batch is told the signature, and goes on behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::arguments::{Format, Run};
use crate::cargo::Test;
use crate::exit::{Ended, Exit, Stopped};
use crate::junit;
use crate::process::{Answer, Failure, scratch};
use crate::state::{Done, State};
use crate::summary;
use crate::text::{Part, count, grouped, parse_seed, roughly, seed_text};

/// Runs the selected tests, and ends with the class of what was found.
pub(crate) fn run(arguments: &Run) -> Ended {
    if arguments.partition.of > 1 && arguments.seeds.is_none() && arguments.time.is_none() {
        return Err(Stopped::usage("--partition needs --seeds or --time"));
    }
    let mut state = State::new(arguments.strategy.clone(), arguments.faults.clone());
    if let Some(path) = &arguments.state
        && let Some(kept) = State::load(path)?
    {
        state.unite(kept)?;
    }
    let tests = arguments.build.tests(&arguments.select)?;
    if tests.is_empty() {
        return Err(Stopped::with(
            Exit::Nothing,
            "no simulated test is selected; `cargo simoom list` shows those there are",
        ));
    }
    for test in &tests {
        let done = state.tests.entry(test.id()).or_default();
        done.package.clone_from(&test.binary.package);
        done.binary.clone_from(&test.binary.name);
        done.name.clone_from(&test.name);
    }
    let mut sweep = Sweep {
        arguments,
        tests,
        state,
        sizes: BTreeMap::new(),
        ordered: BTreeSet::new(),
        since: Instant::now(),
        progress: progress(),
    };
    let swept = sweep.run();
    sweep.progress.finish_and_clear();
    sweep.state.spent_ms += millis(sweep.since.elapsed());
    sweep.keep()?;
    swept?;
    let state = sweep.state;
    summary::print(&state, arguments.message_format);
    if let Some(path) = &arguments.junit {
        junit::write(&state, path)?;
    }
    Ok(state.exit())
}

struct Sweep<'a> {
    arguments: &'a Run,
    tests: Vec<Test>,
    /// Without the time of this sweep, which is added where it is written down.
    state: State,
    /// How many seeds the next batch of a test has.
    sizes: BTreeMap<String, u64>,
    /// The tests whose first batch has shown that their runs are numbered by orders.
    ordered: BTreeSet<String>,
    since: Instant,
    progress: ProgressBar,
}

/// One batch.
struct Batch {
    /// Which seeds, counted from the base; `None`: those that the test asks for itself.
    seeds: Option<Range<u64>>,
}

impl Sweep<'_> {
    fn run(&mut self) -> Result<(), Stopped> {
        let tests = self.tests.clone();
        self.say(json!({ "event": "started", "tests": tests.len() }));
        loop {
            let mut is_at_work = false;
            for test in &tests {
                if self.is_over() {
                    return Ok(());
                }
                if let Some(batch) = self.next(test) {
                    self.sweep(test, &batch)?;
                    is_at_work = true;
                    self.keep()?;
                }
            }
            if !is_at_work {
                return Ok(());
            }
        }
    }

    /// How much of the time is left, if that is bounded.
    fn left(&self) -> Option<Duration> {
        let spent = Duration::from_millis(self.state.spent_ms) + self.since.elapsed();
        self.arguments.time.map(|time| time.saturating_sub(spent))
    }

    fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// What this machine is to run of a test, counted from its base.
    fn range(&self, done: &Done) -> Option<Range<u64>> {
        let part = self.arguments.partition;
        match (self.arguments.seeds, self.arguments.time) {
            (Some(seeds), _) => Some(part.of_count(seeds)),
            (None, Some(_)) => Some(part.endless()),
            (None, None) => done
                .asked
                .map(|asked| Part { index: 0, of: 1 }.of_count(asked)),
        }
    }

    fn next(&self, test: &Test) -> Option<Batch> {
        let id = test.id();
        let done = &self.state.tests[&id];
        if done.is_whole {
            return None;
        }
        let Some(range) = self.range(done) else {
            return Some(Batch { seeds: None });
        };
        if self.ordered.contains(&id) {
            // All that were asked for, or as many as the test asks for itself.
            return Some(Batch {
                seeds: self.arguments.seeds.map(|seeds| 0..seeds),
            });
        }
        let missing = done.missing(range);
        let size = self.sizes.get(&id).copied().unwrap_or(FIRST_BATCH);
        let end = missing.end.min(missing.start.saturating_add(size));
        (!missing.is_empty()).then_some(Batch {
            seeds: Some(missing.start..end),
        })
    }

    fn sweep(&mut self, test: &Test, batch: &Batch) -> Result<(), Stopped> {
        let id = test.id();
        self.show(&id);
        let known = Signatures::of(&self.state, &id)?;
        let variables = self.variables(&id, batch, &known);
        let since = Instant::now();
        let answer = test.ask(&variables)?;
        let took = since.elapsed();
        self.take(test, batch, answer, took)
    }

    fn variables(
        &self,
        id: &str,
        batch: &Batch,
        known: &Signatures,
    ) -> Vec<(&'static str, String)> {
        let Run {
            jobs,
            strategy,
            faults,
            no_explain,
            ..
        } = self.arguments;
        let done = &self.state.tests[id];
        let mut variables = vec![
            ("SIMOOM_PERSIST", "0".to_owned()),
            ("SIMOOM_PROGRESS", "0".to_owned()),
        ];
        if let Some(seeds) = &batch.seeds {
            let base = done.base.unwrap_or(FIRST_SEED);
            variables.extend([
                ("SIMOOM_SEEDS", (seeds.end - seeds.start).to_string()),
                (
                    "SIMOOM_FIRST_SEED",
                    seed_text(base.wrapping_add(seeds.start)),
                ),
            ]);
        }
        if done.has_begun {
            variables.extend([
                ("SIMOOM_SAVED", "0".to_owned()),
                ("SIMOOM_PROCESSES", "0".to_owned()),
            ]);
        }
        if let Some(path) = &known.0 {
            variables.push(("SIMOOM_KNOWN", path.display().to_string()));
        }
        let asked = [
            ("SIMOOM_JOBS", jobs.map(|it| it.to_string())),
            ("SIMOOM_STRATEGY", strategy.clone()),
            ("SIMOOM_FAULTS", faults.clone()),
            ("SIMOOM_EXPLAIN", no_explain.then(|| "0".to_owned())),
        ];
        let asked = asked.into_iter();
        variables.extend(asked.filter_map(|(name, value)| Some((name, value?))));
        variables
    }

    /// Notes what came of a batch.
    fn take(
        &mut self,
        test: &Test,
        batch: &Batch,
        answer: Answer,
        took: Duration,
    ) -> Result<(), Stopped> {
        let id = test.id();
        let lines = &answer.lines;
        let mut failures: Vec<&Failure> =
            lines.iter().filter_map(|it| it.failure.as_ref()).collect();
        // A test that is to panic does, or looks at the report itself: that is as it should be.
        let is_fine = answer.status.success();
        let is_expected = is_fine && !failures.is_empty();
        // Or it is to panic, and has not yet.
        let is_to_panic = answer.output.contains("test did not panic as expected");
        let runs = lines.iter().map(|line| line.runs).min();
        let outside = outside(&answer);
        if is_expected {
            failures.clear();
        } else if failures.is_empty() && !is_fine && !is_to_panic {
            failures.push(&outside);
        }
        let mut fresh = Vec::new();
        for line in lines {
            for known in &line.known {
                let example = failures.first().copied().cloned().unwrap_or_default();
                self.state.met(&id, &known.signature, &known.seed, &example);
            }
        }
        for failure in &failures {
            let seed = &failure.seed;
            if self.state.met(&id, &failure.signature, seed, failure) {
                fresh.push((*failure).clone());
            }
        }
        let is_ordered = lines.iter().any(|line| line.by != "seeds");
        let done = self.state.tests.entry(id.clone()).or_default();
        let is_first = !std::mem::replace(&mut done.has_begun, true);
        done.ms += millis(took);
        for line in lines {
            done.virtual_ns = done.virtual_ns.saturating_add(line.virtual_ns);
        }
        match (runs, &batch.seeds, lines.first()) {
            // It is over, or it simulates nothing.
            (None, ..) | (_, _, None) => done.is_whole = true,
            (Some(runs), _, Some(line)) if is_ordered => {
                // Batches of them would be the same again and again.
                let is_part = line.by == "orders"
                    && is_first
                    && batch.seeds.is_some()
                    && runs >= line.asked
                    && failures.is_empty();
                if is_part {
                    self.ordered.insert(id.clone());
                } else {
                    done.other_runs = runs;
                    done.is_whole = true;
                }
            }
            (Some(runs), seeds, Some(line)) => {
                let start = seeds.as_ref().map_or(0, |seeds| seeds.start);
                if seeds.is_none() {
                    done.asked = Some(line.asked);
                    done.base = Some(parse_seed(&line.first_seed).map_err(Stopped::missing)?);
                } else if done.base.is_none() {
                    done.base = Some(FIRST_SEED);
                }
                done.add(start..start.saturating_add(runs));
                // What makes no run once more would make none for ever.
                done.is_whole |= is_expected || (runs == 0 && !is_first);
                let size = self.size(runs, took);
                self.sizes.insert(id.clone(), size);
            }
        }
        self.say(json!({
            "event": "batch",
            "test": id,
            "runs": runs.unwrap_or(0),
            "first_seed": lines.first().map(|line| line.first_seed.clone()),
            "virtual_ns": lines.iter().map(|line| line.virtual_ns).sum::<u64>(),
            "ms": millis(took),
            "notes": lines.iter().flat_map(|line| line.notes.clone()).collect::<Vec<_>>(),
        }));
        for failure in fresh {
            self.tell(&id, &failure);
        }
        Ok(())
    }

    /// How many seeds the next batch has, after one of so many that took so long.
    fn size(&self, runs: u64, took: Duration) -> u64 {
        let tests = u32::try_from(self.tests.len()).unwrap_or(u32::MAX).max(1);
        let aim = match self.left() {
            Some(left) => AIM.min(left / tests),
            None => AIM,
        };
        let fit = u128::from(runs) * aim.as_micros() / took.as_micros().max(1);
        let fit = u64::try_from(fit).unwrap_or(u64::MAX);
        fit.clamp(FIRST_BATCH, runs.saturating_mul(4).max(FIRST_BATCH))
    }

    /// Says at once that a failure was found.
    fn tell(&self, id: &str, failure: &Failure) {
        match self.arguments.message_format {
            Format::Json => self.say(json!({ "event": "failure", "test": id, "failure": failure })),
            Format::Human => self.progress.suspend(|| {
                eprintln!("FAIL {id}: {}: {}", failure.class, failure.message);
            }),
        }
    }

    fn say(&self, event: serde_json::Value) {
        if self.arguments.message_format == Format::Json {
            // Who closes the pipe does not want to know.
            let _ = writeln!(io::stdout(), "{event}");
        }
    }

    fn show(&self, id: &str) {
        let State { groups, .. } = &self.state;
        let left = match self.left() {
            Some(left) => format!(", {} left", roughly(left)),
            None => String::new(),
        };
        let seeds = match self.arguments.seeds {
            Some(seeds) => {
                let each: Range<u64> = self.arguments.partition.of_count(seeds);
                let all = (each.end - each.start).saturating_mul(self.tests.len() as u64);
                format!("{} of {} seeds", grouped(self.state.runs()), grouped(all))
            }
            None => count(self.state.runs(), "seed", "seeds"),
        };
        self.progress.set_message(format!(
            "{seeds}, {}{left}: {id}",
            count(groups.len() as u64, "failure", "failures")
        ));
    }

    /// Writes down what was done.
    fn keep(&self) -> Result<(), Stopped> {
        let Some(path) = &self.arguments.state else {
            return Ok(());
        };
        self.state.save(path)
    }
}

/// What is noted of a test that failed outside of every simulation.
fn outside(answer: &Answer) -> Failure {
    let lines: Vec<_> = answer.output.lines().collect();
    let from = lines.len().saturating_sub(SHOWN);
    Failure {
        class: "process".to_owned(),
        signature: format!("process ended with {}", answer.status),
        message: format!("ended with {} outside of every simulation", answer.status),
        report: lines[from..].join("\n"),
        ..Failure::default()
    }
}

/// A file with the signatures of a test's failures, if it has any; removed with it.
struct Signatures(Option<PathBuf>);

impl Signatures {
    fn of(state: &State, id: &str) -> Result<Self, Stopped> {
        let known = state.known(id);
        if known.is_empty() {
            return Ok(Self(None));
        }
        let path = scratch("known");
        std::fs::write(&path, known.join("\n") + "\n")
            .map_err(|error| Stopped::missing(format!("{}: {error}", path.display())))?;
        Ok(Self(Some(path)))
    }
}

impl Drop for Signatures {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A line on standard error, if that is a terminal.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed_precise} {msg}");
    let bar = ProgressBar::new_spinner().with_style(style.expect("the template is well-formed"));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The first seed of every sweep that counts its seeds.
const FIRST_SEED: u64 = 0x5eed_0000_0000_0000;

/// How many seeds the first batch of a test has, and any other at least.
const FIRST_BATCH: u64 = 16;

/// How long a batch is to take.
const AIM: Duration = Duration::from_secs(2);

/// How many lines of a process are shown that ended without an answer.
const SHOWN: usize = 20;
