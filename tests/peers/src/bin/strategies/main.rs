//! How soon strategies find published bugs: those of simoom and those of shuttle.
//!
//! `cargo run --release --bin strategies -- [FILTER] [--strategy TEXT] [--trials N] [--most N]
//! [--seed N] [--block N] [--hopeless N] [--spend N] [--steady N]`, see README.md.
//! Blocks of trials are processes of their own, and the strategies' blocks are interleaved.

mod cpu;
mod figures;
mod ours;
mod theirs;
mod trial;

use std::process::Command;

use figures::{HEAD, Series};
use serde_json::{Value, json};
use trial::Limits;

const KERNELS: &[&str] = &[
    "reorder_3",
    "reorder_10",
    "reorder_100",
    "twostage_20",
    "account",
    "bluetooth_driver",
];

const STRATEGIES: &[&str] = &[
    "simoom portfolio",
    "simoom reads-from",
    "simoom surw",
    "simoom pos",
    "simoom pct:1",
    "simoom pct:2",
    "simoom pct:3",
    "simoom pct:5",
    "simoom random",
    "simoom starvation",
    "shuttle random",
    "shuttle pct:3",
    "shuttle urw",
];

/// What the command line asks for.
struct Flags {
    filter: String,
    strategy: String,
    trials: u64,
    most: u64,
    seed: u64,
    /// How many trials one process makes.
    block: u64,
    /// After how many trials that all found nothing no more are made.
    hopeless: u64,
    /// After how many executions no more trials are made.
    spend: u64,
    /// How many executions show how fast they are; 0: none.
    steady: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((kind, rest)) = arguments.split_first()
        && matches!(&**kind, "trials" | "steady")
    {
        be_child(kind, rest);
        return;
    }
    let flags = flags(&arguments);
    let mut series: Vec<Series> = (KERNELS.iter())
        .flat_map(|kernel| STRATEGIES.iter().map(move |strategy| (*kernel, *strategy)))
        .filter(|(kernel, strategy)| {
            let is_asked_for = match KERNELS.contains(&&*flags.filter) {
                true => *kernel == flags.filter,
                false => kernel.contains(&flags.filter),
            };
            is_asked_for && strategy.contains(&flags.strategy)
        })
        .map(|(kernel, strategy)| Series::new(kernel, strategy))
        .collect();
    assert!(!series.is_empty(), "no kernel and strategy have such names");
    for first in (0..flags.trials).step_by(flags.block as usize) {
        let count = flags.block.min(flags.trials - first);
        for one in &mut series {
            if one.is_hopeless(flags.hopeless) || one.spent() >= flags.spend {
                continue;
            }
            let trials = child("trials", one, &flags, flags.most, first, count);
            let (kernel, strategy) = (one.kernel, one.strategy);
            println!(
                "{}",
                json!({"kernel": kernel, "strategy": strategy, "first": first, "trials": trials})
            );
            one.add(&trials);
        }
    }
    for one in series.iter_mut().filter(|_| flags.steady > 0) {
        one.add_steady(child("steady", one, &flags, flags.steady, 0, 1));
    }
    for one in &series {
        println!("{}", one.json());
    }
    println!("\n{HEAD}");
    for one in &series {
        println!("{}", one.line());
    }
}

fn child(kind: &str, series: &Series, flags: &Flags, most: u64, first: u64, count: u64) -> Value {
    let program = std::env::current_exe().expect("a running program has a file");
    let numbers = [flags.seed, most, first, count].map(|it| it.to_string());
    // Both print each failure, simoom to standard output: the last line is ours.
    let output = Command::new(program)
        .args([kind, series.kernel, series.strategy])
        .args(&numbers)
        .output()
        .expect("a child starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    match serde_json::from_str(line) {
        Ok(value) if output.status.success() => value,
        _ => {
            let error = String::from_utf8_lossy(&output.stderr);
            panic!("{} under {}: {error}", series.kernel, series.strategy)
        }
    }
}

fn be_child(kind: &str, arguments: &[String]) {
    let (kernel, strategy) = (&*arguments[0], &*arguments[1]);
    let number = |index: usize| -> u64 { arguments[index].parse().expect("a number") };
    let limits = Limits {
        seed: number(2),
        most: number(3),
    };
    let value = match kind {
        "trials" => trial::trials(kernel, strategy, limits, number(4), number(5)),
        _ => trial::steady(kernel, strategy, limits),
    };
    println!("{value}");
}

fn flags(arguments: &[String]) -> Flags {
    let mut flags = Flags {
        filter: String::new(),
        strategy: String::new(),
        trials: 200,
        most: 10_000,
        seed: 1,
        block: 10,
        hopeless: 10,
        spend: 1_000_000,
        steady: 1_000,
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || -> u64 {
            let number = arguments.next().and_then(|it| it.parse().ok());
            number.unwrap_or_else(|| panic!("{argument} needs a number"))
        };
        match &**argument {
            "--trials" => flags.trials = number().max(1),
            "--most" => flags.most = number().max(2),
            "--seed" => flags.seed = number(),
            "--block" => flags.block = number().max(1),
            "--hopeless" => flags.hopeless = number().max(1),
            "--spend" => flags.spend = number(),
            "--steady" => flags.steady = number(),
            "--strategy" => {
                let text = arguments.next().expect("--strategy needs a text");
                flags.strategy.clone_from(text);
            }
            flag if flag.starts_with('-') => panic!("unknown flag {flag}"),
            filter => filter.clone_into(&mut flags.filter),
        }
    }
    flags
}
