//! How well failures shrink, and whether they come back, over programs with known bugs.
//!
//! ```sh
//! cargo run --release -p simoom-tools --bin shrink-kernels -- shrink 50
//! cargo run --release -p simoom-tools --bin shrink-kernels -- edits 20
//! cargo run --release -p simoom-tools --bin shrink-kernels -- steady 60 100000
//! cargo run --release -p simoom-tools --bin shrink-kernels -- lost_update 1000015
//! ```
//! `shrink` finds so many failures of each kernel, from the seed on that a third number gives, and
//! prints a line of JSON for each kernel and one for all: choices as they were found and as they
//! are left, the fewest that are known to do, and replays.
//! `edits` replays what is left in programs that were edited elsewhere, and prints which share
//! still fails the same way.
//! `steady` replays what is left again and again for so many seconds, or so many times, and fails
//! if a run has another hash than the first of its plan.
//! The name of a kernel and a seed show what that comes to.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use simoom_tests::kernels::{Edit, KERNELS, Kernel, Program, failures, print_edits};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    if let Some(kernel) = KERNELS.iter().find(|kernel| kernel.name == what) {
        let seed = arguments.next().and_then(|it| it.parse().ok());
        return show(kernel, seed.unwrap_or(FIRST_SEED));
    }
    let numbers: Option<Vec<u64>> = arguments.map(|it| it.parse().ok()).collect();
    let numbers = numbers.unwrap_or_default();
    let number = |index: usize, default| numbers.get(index).copied().unwrap_or(default);
    match what.as_str() {
        "shrink" => shrink(number(0, 50), number(1, FIRST_SEED)),
        "edits" => edits(number(0, 20), number(1, FIRST_SEED)),
        "steady" => steady(Duration::from_secs(number(0, 60)), number(1, u64::MAX)),
        _ => {
            eprintln!("shrink-kernels: shrink, edits or steady, and numbers");
            ExitCode::FAILURE
        }
    }
}

const FIRST_SEED: u64 = 1_000_000;

fn shrink(count: u64, first: u64) -> ExitCode {
    let mut ratios = Vec::new();
    let mut most_replays = 0;
    for kernel in &KERNELS {
        let since = Instant::now();
        let failures = failures(kernel, count, first);
        let left: Vec<_> = failures.iter().map(|it| it.left as u64).collect();
        let replays: Vec<_> = failures.iter().map(|it| u64::from(it.replays)).collect();
        let raw: Vec<_> = failures.iter().map(|it| it.raw as u64).collect();
        let of_optimum = |left: u64| left * 100 / kernel.optimum as u64;
        let worst = failures.iter().max_by_key(|it| it.left);
        println!(
            "{{\"kernel\":\"{}\",\"failures\":{},\"optimum\":{},\"raw_median\":{},\"raw_max\":{},\
             \"left_min\":{},\"left_median\":{},\"left_max\":{},\"worst_seed\":{},\
             \"replays_median\":{},\"replays_max\":{},\"minimal\":{},\"took_ms\":{}}}",
            kernel.name,
            failures.len(),
            kernel.optimum,
            median(&raw),
            raw.iter().max().unwrap_or(&0),
            left.iter().min().unwrap_or(&0),
            median(&left),
            left.iter().max().unwrap_or(&0),
            worst.map_or(0, |it| it.seed),
            median(&replays),
            replays.iter().max().unwrap_or(&0),
            failures.iter().filter(|it| it.is_minimal).count(),
            since.elapsed().as_millis(),
        );
        most_replays = most_replays.max(replays.iter().copied().max().unwrap_or(0));
        ratios.extend(left.iter().copied().map(of_optimum));
    }
    let sum: u64 = ratios.iter().sum();
    println!(
        "{{\"all\":{},\"percent_of_optimum_median\":{},\"percent_of_optimum_mean\":{},\
         \"replays_max\":{most_replays}}}",
        ratios.len(),
        median(&ratios),
        sum / (ratios.len() as u64).max(1)
    );
    ExitCode::SUCCESS
}

/// Prints what a seed of a kernel comes to.
fn show(kernel: &Kernel, seed: u64) -> ExitCode {
    let report = kernel.check(kernel.config().seed(seed), Edit::None);
    println!("{report}");
    if let Some(found) = report.failure() {
        println!("{}", found.plan());
    }
    ExitCode::SUCCESS
}

fn median(numbers: &[u64]) -> u64 {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

fn edits(count: u64, first: u64) -> ExitCode {
    let kernels = KERNELS.each_ref().map(|kernel| kernel as &dyn Program);
    print_edits(&kernels, count, first);
    ExitCode::SUCCESS
}

fn steady(time: Duration, most: u64) -> ExitCode {
    let since = Instant::now();
    let mut plans = Vec::new();
    for kernel in &KERNELS {
        for failed in failures(kernel, 5, FIRST_SEED) {
            plans.push((kernel, failed.plan, None));
        }
    }
    let (mut replays, mut differ) = (0, 0);
    'time: loop {
        for (kernel, plan, first) in &mut plans {
            if since.elapsed() >= time || replays >= most {
                break 'time;
            }
            let report = kernel.check(kernel.config().replay(plan), Edit::None);
            let hash = report.runs().first().map(|run| run.hash);
            replays += 1;
            if *first.get_or_insert(hash) != hash || report.failure().is_none() {
                differ += 1;
                eprintln!("{} differs:\n{plan}", kernel.name);
            }
        }
    }
    println!(
        "{{\"plans\":{},\"replays\":{replays},\"differ\":{differ},\"took_ms\":{}}}",
        plans.len(),
        since.elapsed().as_millis()
    );
    if differ == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
