//! One trial: executions of one kernel under one strategy until the first that shows the bug.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};
use simoom_sim::value;

use crate::cpu::cpu;
use crate::{ours, theirs};

/// What a trial may do.
#[derive(Clone, Copy)]
pub struct Limits {
    pub seed: u64,
    /// The most executions.
    pub most: u64,
}

/// What came of a trial.
pub struct Trial {
    /// How many there were, with the one that shows the bug.
    pub executions: u64,
    pub is_found: bool,
    pub wall: Duration,
}

/// Whether the bug is counted and nothing else.
static COUNTS: AtomicBool = AtomicBool::new(false);
static COUNTED: AtomicU64 = AtomicU64::new(0);

/// Fails the execution unless `holds`.
pub fn ensure(holds: bool) {
    if COUNTS.load(Relaxed) {
        COUNTED.fetch_add(u64::from(!holds), Relaxed);
        return;
    }
    assert!(holds, "the bug of the kernel");
}

fn trial(kernel: &str, strategy: &str, limits: Limits) -> Trial {
    match strategy.split_once(' ') {
        Some(("simoom", strategy)) => ours::trial(kernel, strategy, limits),
        Some(("shuttle", scheduler)) => theirs::trial(kernel, scheduler, limits),
        _ => panic!("nobody has a strategy {strategy}"),
    }
}

const STREAM: u64 = 0x0074_7269_616c_7321;

/// `count` trials from the `first` on, each of seeds of its own.
pub fn trials(kernel: &str, strategy: &str, limits: Limits, first: u64, count: u64) -> Value {
    let (mut executions, mut found, mut wall_ns) = (Vec::new(), Vec::new(), Vec::new());
    for index in first..first + count {
        let seed = value(limits.seed, STREAM, index);
        let trial = trial(kernel, strategy, Limits { seed, ..limits });
        assert!(trial.executions <= limits.most, "no more than the most");
        executions.push(trial.executions);
        found.push(trial.is_found);
        wall_ns.push(trial.wall.as_nanos() as u64);
    }
    json!({"executions": executions, "found": found, "wall_ns": wall_ns})
}

/// One trial that is not ended by the bug: how often it shows, and how fast executions are.
pub fn steady(kernel: &str, strategy: &str, limits: Limits) -> Value {
    COUNTS.store(true, Relaxed);
    let seed = value(limits.seed, STREAM, u64::MAX);
    let before = cpu();
    let trial = trial(kernel, strategy, Limits { seed, ..limits });
    let cpu = cpu() - before;
    assert!(!trial.is_found, "the bug is counted and fails nothing");
    json!({
        "executions": trial.executions,
        "shown": COUNTED.load(Relaxed),
        "cpu_ns": cpu.as_nanos() as u64,
        "wall_ns": trial.wall.as_nanos() as u64,
    })
}
