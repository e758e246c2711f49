//! How soon each strategy finds the known bugs, and whether stored failures outlive edits.
//!
//! ```sh
//! cargo run --release -p simoom-tools --bin known-bugs -- table --trials 20 --max 1000
//! cargo run --release -p simoom-tools --bin known-bugs -- edits --trials 5
//! cargo run --release -p simoom-tools --bin known-bugs -- list
//! cargo run --release -p simoom-tools --bin known-bugs -- show futurelock
//! ```
//! `table` runs each program with so many disjoint ranges of so many seeds under each strategy, and
//! prints a line of JSON for each: in how many the bug was found, and the mean of executions to the
//! first failure with its 95 % interval. A table in Markdown follows; `random` is the control.
//! `edits` stores so many shrunk failures of each program and prints which share still fails the
//! same way after one more task, line of log, or drawn number elsewhere in the program.
//! Both do so for all programs, or for those that are named after them.
//! `list` prints what each bug is and where it is described, as the rows of a table in Markdown.
//! `show` prints the first failure of one program, shrunk and explained.

use std::process::ExitCode;

use simoom_sim::Strategy;
use simoom_tests::kernels::{Program, print_edits};
use simoom_tests::known_bugs::{Bug, Twin, bugs};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let number = |name: &str, default| match arguments.iter().position(|it| it == name) {
        Some(place) => arguments.get(place + 1).and_then(|it| it.parse().ok()),
        None => Some(default),
    };
    let what = arguments.first().map(String::as_str).unwrap_or_default();
    let named = |bug: &&Bug| arguments.iter().any(|it| it == bug.name);
    let mut chosen: Vec<_> = bugs().filter(named).collect();
    if chosen.is_empty() {
        chosen = bugs().collect();
    }
    match (what, number("--trials", 20), number("--max", 1_000)) {
        ("table", Some(trials), Some(max)) => table(&chosen, trials, max),
        ("edits", Some(trials), _) => {
            let programs: Vec<_> = chosen.iter().map(|bug| *bug as &dyn Program).collect();
            print_edits(&programs, trials, FIRST_SEED);
        }
        ("list", ..) => list(),
        ("show", ..) if arguments.len() == 2 => return show(&arguments[1]),
        _ => {
            eprintln!(
                "known-bugs: table or edits, names, --trials N and --max N; list; or show NAME"
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

const STRATEGIES: [&str; 7] = [
    "portfolio",
    "random",
    "pct:3",
    "pos",
    "surw",
    "reads-from",
    "starvation",
];

/// Seeds that no test uses.
const FIRST_SEED: u64 = 1_000_000;

fn table(bugs: &[&Bug], trials: u64, max: u64) {
    let mut rows = Vec::new();
    for bug in bugs {
        let mut cells = vec![format!("`{}`", bug.name)];
        for name in STRATEGIES {
            let strategy: Strategy = name.parse().expect("its name");
            let sample = Sample::of(bug, strategy, trials, max);
            println!("{}", sample.json(bug.name, name));
            cells.push(sample.cell());
        }
        rows.push(format!("| {} |", cells.join(" | ")));
    }
    println!(
        "\n| | {} |",
        STRATEGIES.map(|it| format!("`{it}`")).join(" | ")
    );
    println!("| --- |{}", " ---: |".repeat(STRATEGIES.len()));
    for row in rows {
        println!("{row}");
    }
}

/// Executions to the first failure, one number for each trial.
struct Sample {
    executions: Vec<u64>,
    found: u64,
}

impl Sample {
    fn of(bug: &Bug, strategy: Strategy, trials: u64, max: u64) -> Self {
        let (mut executions, mut found) = (Vec::new(), 0);
        for trial in 0..trials {
            let config = bug.config().shrink(false).strategy(strategy);
            let config = config.first_seed(FIRST_SEED + trial * max).seeds(max);
            let report = bug.check(config, Twin::BUGGY);
            executions.push(report.runs().len() as u64);
            found += u64::from(report.failure().is_some());
        }
        Self { executions, found }
    }

    /// The mean and half of its 95 % interval, in tenths.
    fn mean(&self) -> (u64, u64) {
        let count = (self.executions.len() as u64).max(1);
        let mean = self.executions.iter().sum::<u64>() * 10 / count;
        let squares = self
            .executions
            .iter()
            .map(|it| (it * 10).abs_diff(mean).pow(2));
        let variance = squares.sum::<u64>() / (count - 1).max(1);
        // 1.96 standard errors.
        (mean, (variance * 38_416 / 10_000 / count).isqrt())
    }

    fn json(&self, bug: &str, strategy: &str) -> String {
        let (mean, half) = self.mean();
        let (trials, found) = (self.executions.len(), self.found);
        format!(
            "{{\"bug\":\"{bug}\",\"strategy\":\"{strategy}\",\"trials\":{trials},\
             \"found\":{found},\"mean\":{}.{},\"half_interval\":{}.{}}}",
            mean / 10,
            mean % 10,
            half / 10,
            half % 10
        )
    }

    fn cell(&self) -> String {
        let ((mean, half), trials) = (self.mean(), self.executions.len() as u64);
        let number = |tenths: u64| match tenths {
            0..1_000 => format!("{}.{}", tenths / 10, tenths % 10),
            _ => (tenths / 10).to_string(),
        };
        match self.found {
            0 => "none".to_owned(),
            found if found < trials => format!("≥ {} ({found} of {trials})", number(mean)),
            _ => format!("{} ± {}", number(mean), number(half)),
        }
    }
}

fn list() {
    for bug in bugs() {
        let (name, source, family) = (bug.name, bug.source, bug.family.name());
        println!("| [`{name}`]({source}) | {family} | {} |", bug.story);
    }
}

fn show(name: &str) -> ExitCode {
    let Some(bug) = bugs().find(|bug| bug.name == name) else {
        eprintln!("known-bugs: there is none of that name");
        return ExitCode::FAILURE;
    };
    println!("{}", bug.check(bug.config().explain(true), Twin::BUGGY));
    ExitCode::SUCCESS
}
