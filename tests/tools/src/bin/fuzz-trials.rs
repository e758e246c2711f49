//! How many runs a fuzzer needs to find the bugs of some kernels, beside random walks.
//!
//! ```sh
//! cargo +nightly fuzz build -s none kernel
//! cargo run -p simoom-tools --bin fuzz-trials -- fuzz/target/x86_64-unknown-linux-gnu/release/kernel
//! ```
//! Starts the fuzzer on each kernel ten times with other seeds and without a corpus, and ten times
//! with random walks in place of its schedules. Prints a table in Markdown: the median of the runs to
//! the first failure, and the fewest and the most. Other kernels may be named behind the binary, and
//! `--trials N`; a trial ends after `--runs N`, 6 000 if nothing is said.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Kernels of which some are found soon by all strategies, and some by none.
const KERNELS: [&str; 6] = [
    "reorder_10",
    "twostage_10",
    "account",
    "bluetooth_driver",
    "lost_notify",
    "seen_in_turn",
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut binary, mut kernels) = (None, Vec::new());
    let (mut trials, mut runs) = (10, 6_000);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|it| it.parse().ok());
        match argument.as_str() {
            "--trials" => trials = number().unwrap_or(trials),
            "--runs" => runs = number().unwrap_or(runs),
            _ if binary.is_none() => binary = Some(PathBuf::from(argument)),
            _ => kernels.push(argument),
        }
    }
    let Some(binary) = binary else {
        eprintln!("which binary?");
        return ExitCode::FAILURE;
    };
    if kernels.is_empty() {
        kernels.extend(KERNELS.map(str::to_owned));
    }
    println!("| Kernel | Fuzzed | Random walks |");
    println!("| --- | --- | --- |");
    for kernel in &kernels {
        let cell = |is_random| {
            let trial = |trial| runs_to_bug(&binary, kernel, runs, trial, is_random);
            shown((1..=trials).map(trial).collect(), runs)
        };
        println!("| `{kernel}` | {} | {} |", cell(false), cell(true));
    }
    ExitCode::SUCCESS
}

/// How many runs one trial took to find the bug, if it did.
fn runs_to_bug(binary: &Path, kernel: &str, runs: u64, trial: u64, random: bool) -> Option<u64> {
    let mut command = Command::new(binary);
    command
        .env("SIMOOM_KERNEL", kernel)
        .arg(format!("-seed={trial}"))
        .arg(format!("-runs={runs}"))
        .stderr(Stdio::null());
    if random {
        command.env("SIMOOM_RANDOM", (trial * 6_000).to_string());
    }
    let output = command.output().expect("the binary can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().find(|line| line.starts_with("{\"kernel\""))?;
    let number = found.rsplit_once(':')?.1.trim_end_matches('}');
    number.parse().ok()
}

/// The median of what was found, the fewest and the most; a trial without a bug took more than all.
fn shown(mut found: Vec<Option<u64>>, runs: u64) -> String {
    found.sort_by_key(|it| it.unwrap_or(u64::MAX));
    let text = |it: Option<u64>| it.map_or(format!("> {runs}"), |it| it.to_string());
    let middle = found.len() / 2;
    let median = match (found[middle.saturating_sub(1)], found[middle]) {
        (Some(one), Some(two)) if found.len().is_multiple_of(2) => Some((one + two) / 2),
        (_, two) => two,
    };
    let (least, most) = (
        found.first().copied().flatten(),
        found.last().copied().flatten(),
    );
    format!("{} ({} to {})", text(median), text(least), text(most))
}
