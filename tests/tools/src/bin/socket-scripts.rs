//! Runs random socket scripts on loopback and in the simulator, and prints where the simulator
//! cannot answer as the operating system did.
//!
//! ```sh
//! cargo run --release -p simoom-tools --bin socket-scripts -- --from 0 --scripts 100000
//! ```
//! Prints one JSON line for each disagreement and one at the end; the exit status says whether
//! there was a disagreement. A range is repeated by its `--from` and `--scripts`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use simoom_tests::scripts::{Comparison, Script, compare, real};

/// How many scripts are on loopback at the same time.
const BATCH: u64 = 256;
/// How many runs the simulator may make of one script.
const RUNS_MAX: u64 = 2_000;

fn main() -> ExitCode {
    let (from, scripts) = match arguments() {
        Ok(range) => range,
        Err(message) => {
            eprintln!("socket-scripts: {message}");
            return ExitCode::FAILURE;
        }
    };
    let (mut done, mut runs, mut repeated, mut disagreements) = (0, 0, 0, 0);
    let mut answered = BTreeMap::new();
    while done < scripts {
        let count = BATCH.min(scripts - done);
        let numbers: Vec<u64> = (from + done..from + done + count).collect();
        for (number, script, comparison) in batch(&numbers) {
            runs += comparison.runs;
            repeated += u64::from(comparison.repeats > 0);
            for answer in comparison.real.iter().filter(|answer| !answer.is_empty()) {
                *answered.entry(kind(answer).to_owned()).or_insert(0_u64) += 1;
            }
            if !comparison.agrees() {
                disagreements += 1;
                println!("{}", line(number, &script, &comparison));
            }
        }
        done += count;
    }
    let answered: Vec<String> = answered
        .iter()
        .map(|(kind, count)| format!("\"{kind}\":{count}"))
        .collect();
    println!(
        "{{\"from\":{from},\"scripts\":{scripts},\"simulated_runs\":{runs},\
         \"repeated\":{repeated},\"disagreements\":{disagreements},\"answered\":{{{}}}}}",
        answered.join(",")
    );
    if disagreements == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn arguments() -> Result<(u64, u64), String> {
    let (mut from, mut scripts) = (0, 1_000);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .and_then(|value| value.parse().ok())
            .ok_or_else(|| format!("{name} needs a number"))?;
        match name.as_str() {
            "--from" => from = value,
            "--scripts" => scripts = value,
            _ => return Err(format!("{name} is unknown: use --from and --scripts")),
        }
    }
    Ok((from, scripts))
}

/// Runs these scripts in both worlds, on both processors where there are two.
fn batch(numbers: &[u64]) -> Vec<(u64, Script, Comparison)> {
    let scripts: Vec<Script> = numbers.iter().copied().map(Script::numbered).collect();
    let answers = real(&scripts);
    let next = AtomicU64::new(0);
    let compared = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed) as usize;
                    let (Some(script), Some(real)) = (scripts.get(index), answers.get(index))
                    else {
                        return;
                    };
                    let comparison = compare(script, real.clone(), RUNS_MAX);
                    compared
                        .lock()
                        .expect("no worker panics with the lock")
                        .push((numbers[index], script.clone(), comparison));
                }
            });
        }
    });
    let mut compared = compared.into_inner().expect("no worker panicked");
    compared.sort_unstable_by_key(|(number, ..)| *number);
    compared
}

/// An answer, without its number.
fn kind(answer: &str) -> &str {
    match answer.parse::<u64>() {
        Ok(0) => "end of stream",
        Ok(_) => "bytes",
        Err(_) => answer,
    }
}

/// How many simulated answers a disagreement shows: those most like the real one.
const SHOWN: usize = 3;

/// A disagreement as a JSON line; no text in it needs escaping.
fn line(number: u64, script: &Script, comparison: &Comparison) -> String {
    let list = |parts: Vec<String>| format!("[\"{}\"]", parts.join("\",\""));
    let steps = list(script.0.iter().map(ToString::to_string).collect());
    let real = list(comparison.real.clone());
    let mut nearest: Vec<_> = comparison.simulated.iter().cloned().collect();
    nearest.sort_by_key(|answers| {
        let differs = |(one, two): &(&String, &String)| one != two;
        answers.iter().zip(&comparison.real).filter(differs).count()
    });
    nearest.truncate(SHOWN);
    let simulated: Vec<String> = nearest.into_iter().map(list).collect();
    format!(
        "{{\"script\":{number},\"steps\":{steps},\"real\":{real},\"nearest\":[{}],\"runs\":{}}}",
        simulated.join(","),
        comparison.runs
    )
}
