//! Hunts for lost writes in kv under faults of all kinds, for as long as it is asked to.
//!
//! ```sh
//! cargo run --release -p kv --example storm -- --from $(date +%s) --steps 100000000 --state storm.txt
//! ```
//! Runs seeds in batches, each in a process of its own, until tasks were polled so often. Prints a
//! JSON line for each batch and one at the end. `--state` keeps the sums, and the next seed: asked
//! again, it goes on from there. Ends with code 1 and the story at the first failure.

#![forbid(unsafe_code)]

mod batch;
mod state;
#[path = "../../tests/storm/mod.rs"]
mod storm;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Parser;

use self::state::State;

/// Hunts for lost writes in kv under faults of all kinds.
#[derive(Debug, Parser)]
struct Flags {
    /// The first seed, unless the state says where to go on.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    from: u64,

    /// End when tasks were polled so often, what the state has counted included.
    #[arg(long, default_value_t = 1_000_000)]
    steps: u64,

    /// Keep the sums in this file, and go on from what it holds.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// How many seeds a batch has.
    #[arg(long, default_value_t = 50)]
    batch: u64,

    /// Run one batch of so many seeds from `--from` in this process, and print its sums.
    #[arg(long, hide = true)]
    once: Option<u64>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    // What a report says to type names a seed or a saved failure; a process that is to show a
    // failure once more comes to the sweep at once, too.
    let asked = ["SIMOOM_SEED", "SIMOOM_REPLAY", "SIMOOM_CHILD"];
    if asked.iter().any(|name| std::env::var_os(name).is_some()) {
        return batch::run(flags.from, 1);
    }
    match flags.once {
        Some(seeds) => batch::run(flags.from, seeds),
        None => hunt(&flags).unwrap_or_else(|error| {
            eprintln!("storm: {error}");
            ExitCode::from(2)
        }),
    }
}

fn hunt(flags: &Flags) -> Result<ExitCode, String> {
    let mut state = match &flags.state {
        Some(path) => State::load(path)?.unwrap_or_else(|| State::new(flags.from)),
        None => State::new(flags.from),
    };
    let started = Instant::now();
    while state.steps < flags.steps {
        let seed = state.next_seed;
        let batch = in_a_process(seed, flags.batch)?;
        let passed = batch.failed == 0;
        println!("{}", batch.to_json("batch", seed));
        state.add(&batch);
        if let Some(path) = &flags.state {
            // A failing batch is run again, and fails again, until it is fixed.
            let keep = if passed {
                &state
            } else {
                &State {
                    next_seed: seed,
                    ..state.clone()
                }
            };
            keep.save(path)?;
        }
        if !passed {
            println!("{}", state.to_json("failed", flags.from));
            return Ok(ExitCode::FAILURE);
        }
    }
    println!("{}", state.to_json("done", flags.from));
    eprintln!("{} s", started.elapsed().as_secs());
    Ok(ExitCode::SUCCESS)
}

/// Runs a batch in a process of its own: a failure is shown once more by another, which has to come
/// to the sweep at once.
fn in_a_process(from: u64, seeds: u64) -> Result<State, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .args(["--from", &from.to_string(), "--once", &seeds.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("no batch can be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    State::parse(&text).map_err(|error| format!("the batch from {from} ended: {error}"))
}
