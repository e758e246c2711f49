//! Runs the program of each primitive under random schedules, with cancellations, until so many
//! different ones were seen.
//!
//! ```sh
//! cargo run --release -p simoom-tools --bin primitives -- count --schedules 100000
//! cargo run --release -p simoom-tools --bin primitives -- count --schedules 1000000 --seconds 3600 mutex queue
//! cargo run --release -p simoom-tools --bin primitives -- list
//! ```
//! `count` prints a line of JSON for each program, or for those that are named: how many runs
//! differed from every other in what happened, how many there were, in how many the oracle was
//! violated, and how many seconds it took. It gives up on a program after `--seconds` (600).
//! In each run one wait in 32 is cancelled by chance, as it waits or as it was woken, and in all but
//! one of 37 batches of runs one of the first twelve waits ends too, in one of three forms: dropped as
//! it waits, dropped as it was woken, asked inside of `catch_cancel`.
//! The chance is the simulator's, of the strategy `random`, so that a run differs from another by what
//! happened in it and not by its seed: the line `nothing`, of a program that does nothing, shows it.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use simoom_sim::{Config, Ratio, Strategy, check};
use simoom_tests::primitives::{Form, PROGRAMS, Parties, Program};

/// How many runs have one plan.
const BATCH: u64 = 500;

/// How many waits, counted from the first, may be ended by the plan.
const WAITS: u64 = 12;

/// Seeds that no test uses.
const FIRST_SEED: u64 = 3_000_000;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let number = |name: &str, default| match arguments.iter().position(|it| it == name) {
        Some(place) => arguments.get(place + 1).and_then(|it| it.parse().ok()),
        None => Some(default),
    };
    let what = arguments.first().map(String::as_str).unwrap_or_default();
    match (
        what,
        number("--schedules", 100_000),
        number("--seconds", 600),
    ) {
        ("count", Some(schedules), Some(seconds)) => {
            let seconds = Duration::from_secs(seconds);
            let is_named = |name: &str| arguments.iter().any(|it| it == name);
            let names_any = PROGRAMS.iter().any(|program| is_named(program.name));
            if !names_any || is_named("nothing") {
                Count::of(None, 1_000.min(schedules), seconds).print();
            }
            let mut violations = 0;
            for program in PROGRAMS {
                if !names_any || is_named(program.name) {
                    let count = Count::of(Some(program), schedules, seconds);
                    count.print();
                    violations += count.violations;
                }
            }
            if violations > 0 {
                return ExitCode::FAILURE;
            }
        }
        ("list", ..) => {
            for program in PROGRAMS {
                println!("{}", program.name);
            }
        }
        _ => {
            eprintln!("primitives: count, names, --schedules N and --seconds N; or list");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What came of one program.
struct Count {
    name: &'static str,
    distinct: usize,
    runs: u64,
    violations: u64,
    seconds: f64,
}

impl Count {
    /// Until so many schedules were seen, or so much time has passed. Of nothing, so many runs.
    fn of(program: Option<&'static Program>, schedules: u64, most: Duration) -> Self {
        let begun = Instant::now();
        let mut seen = HashSet::new();
        let (mut runs, mut violations) = (0, 0);
        let mut batch = 0;
        loop {
            let enough = program.map_or(runs, |_| seen.len() as u64);
            if enough >= schedules || begun.elapsed() >= most {
                break;
            }
            let plan = plan(batch);
            let (mut first, end) = (batch * BATCH, (batch + 1) * BATCH);
            while first < end {
                let config = Config::default()
                    .first_seed(FIRST_SEED + first)
                    .seeds(end - first)
                    .strategy("random".parse::<Strategy>().expect("its name"))
                    // What is lost is waited for in vain: not for long.
                    .time(Duration::from_secs(60))
                    .cancels(Ratio::one_in(32))
                    .persist(false)
                    .shrink(false)
                    .explain(false)
                    .doubled(0)
                    .processes(0);
                let report = check(config, move |_sim| async move {
                    if let Some(program) = program {
                        let parties = plan.map(|(form, wait)| Parties::ended(form, wait));
                        program.run(parties.unwrap_or_default()).await;
                    }
                });
                seen.extend(report.runs().iter().map(|run| run.hash));
                runs += report.runs().len() as u64;
                // A sweep stops at its first failure: the next begins behind it.
                first = match report.failure() {
                    Some(found) => {
                        if violations == 0 {
                            eprintln!("{}: {found}", program.map_or("nothing", |it| it.name));
                        }
                        violations += 1;
                        (found.seed() - FIRST_SEED).max(first) + 1
                    }
                    None => end,
                };
            }
            batch += 1;
        }
        Self {
            name: program.map_or("nothing", |program| program.name),
            distinct: seen.len(),
            runs,
            violations,
            seconds: begun.elapsed().as_secs_f64(),
        }
    }

    fn print(&self) {
        println!(
            "{{\"primitive\":\"{}\",\"distinct\":{},\"runs\":{},\"violations\":{},\"seconds\":{:.1}}}",
            self.name, self.distinct, self.runs, self.violations, self.seconds
        );
    }
}

/// Who is ended in all runs of a batch.
fn plan(batch: u64) -> Option<(Form, u32)> {
    let number = batch % (1 + 3 * WAITS);
    let place = number.checked_sub(1)?;
    let form = Form::ALL[usize::try_from(place % 3).expect("it is below three")];
    Some((form, u32::try_from(place / 3).expect("it is small") + 1))
}
