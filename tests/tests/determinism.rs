//! The same seed does the same: twice in one process, in two processes, and in two builds.
//!
//! 200 seeds by default. A longer measurement, which prints one JSON line for each comparison, goes
//! in chunks of 2 000 seeds, so that its memory does not grow; every chunk runs in this process and
//! at the same time in another one. 10^5 seeds that nobody has run before:
//!
//! ```text
//! SIMOOM_DETERMINISM_SEEDS=100000 SIMOOM_DETERMINISM_FIRST=$(date +%s)000000 \
//!     cargo test --release -p simoom-tests --test determinism -- --nocapture
//! ```
//!
//! `SIMOOM_DETERMINISM_SECONDS=360` ends it after the chunk in which that time is over. The last
//! line says how many seeds were compared and which seed is the next: a measurement that was ended
//! goes on where it was with that one as its first.
//!
//! With another build of this test in `SIMOOM_DETERMINISM_OTHER`, that one is asked too:
//!
//! ```text
//! cargo test --release -p simoom-tests --test determinism --no-run
//! SIMOOM_DETERMINISM_OTHER=target/release/deps/determinism-… cargo test …
//! ```

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use simoom_sim::{Config, RunSummary, check};
use simoom_tests::workload::workload;

const SEEDS: &str = "SIMOOM_DETERMINISM_SEEDS";
const SECONDS: &str = "SIMOOM_DETERMINISM_SECONDS";
const OTHER: &str = "SIMOOM_DETERMINISM_OTHER";
const FIRST: &str = "SIMOOM_DETERMINISM_FIRST";
const CHILD: &str = "SIMOOM_DETERMINISM_CHILD";

/// What a line of a child process begins with.
const MARK: &str = "simoom-determinism";

/// How many seeds are kept and compared at a time.
const CHUNK: u64 = 2_000;

#[test]
fn the_same_seed_does_the_same() {
    let start = Instant::now();
    let seeds = number(SEEDS).unwrap_or(200);
    let limit = number(SECONDS).unwrap_or(u64::MAX);
    let first = first_seed();
    let this = std::env::current_exe().expect("this test knows its binary");
    let mut done = 0;
    while done < seeds && start.elapsed().as_secs() < limit {
        let range = Range {
            first: first.wrapping_add(done),
            seeds: CHUNK.min(seeds - done),
        };
        let other = range;
        let asked = {
            let this = this.clone();
            thread::spawn(move || timed("other_process", || ask(&this, other)))
        };
        let ours = timed("first", || runs(range));
        let theirs = asked.join().expect("the other process answers");
        compare("another process", &ours, &theirs);
        check_variety(&ours);
        if done == 0 {
            let second = timed("same_process", || runs(range));
            compare("a second sweep of the same process", &ours, &second);
        }
        if let Some(other) = std::env::var_os(OTHER) {
            let built = timed("other_build", || ask(&PathBuf::from(other), range));
            compare("another build", &ours, &built);
        }
        done += range.seeds;
    }
    println!(
        "{{\"compared\":{done},\"of\":{seeds},\"first_seed\":{first},\"next_seed\":{},\
         \"differing\":0,\"seconds\":{}}}",
        first.wrapping_add(done),
        start.elapsed().as_secs()
    );
}

/// Seeds that are run one after the other.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: u64,
    seeds: u64,
}

/// The first seed of all.
fn first_seed() -> u64 {
    number(FIRST).unwrap_or(0x5eed_0000_0000_0000)
}

/// A number of the environment, decimal or hexadecimal.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?.replace('_', "");
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(number.unwrap_or_else(|_| panic!("{name} is {text:?}: it must be a number")))
}

/// Asserts that seeds differ: runs that are all alike agree for nothing.
fn check_variety(runs: &[RunSummary]) {
    let hashes: BTreeSet<_> = runs.iter().map(|run| run.hash).collect();
    let (seeds, distinct) = (runs.len(), hashes.len());
    println!(
        "{{\"seeds\":{seeds},\"distinct\":{distinct},\"profile\":\"{}\"}}",
        profile()
    );
    assert!(
        distinct > seeds * 9 / 10,
        "{distinct} of {seeds} runs differ"
    );
}

/// Does nothing unless another process asks for it.
#[test]
fn runs_for_another_process() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let seeds = number(SEEDS).expect("the other process says how many");
    let first = first_seed();
    for run in runs(Range { first, seeds }) {
        let RunSummary {
            seed,
            hash,
            polls,
            events,
            time,
            ..
        } = run;
        println!("{MARK} {seed} {hash} {polls} {events} {}", time.as_nanos());
    }
}

/// Runs `f`, and says how long it took.
fn timed(name: &str, f: impl FnOnce() -> Vec<RunSummary>) -> Vec<RunSummary> {
    let start = Instant::now();
    let runs = f();
    println!(
        "{{\"sweep\":\"{name}\",\"profile\":\"{}\",\"seeds\":{},\"seconds\":{:.3}}}",
        profile(),
        runs.len(),
        start.elapsed().as_secs_f64()
    );
    runs
}

fn profile() -> &'static str {
    if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    }
}

/// Asserts that every seed did the same in both sweeps.
#[track_caller]
fn compare(what: &str, ours: &[RunSummary], theirs: &[RunSummary]) {
    let differing: Vec<_> = (ours.iter().zip(theirs))
        .filter(|(ours, theirs)| ours != theirs)
        .collect();
    println!(
        "{{\"compared_with\":\"{what}\",\"seeds\":{},\"differing\":{}}}",
        theirs.len(),
        differing.len()
    );
    assert_eq!(ours.len(), theirs.len(), "{what} ran other seeds");
    assert!(
        differing.is_empty(),
        "{} of {} seeds differ in {what}, the first: {:?}",
        differing.len(),
        ours.len(),
        differing[0]
    );
}

/// The runs of the workload, one for each seed.
fn runs(range: Range) -> Vec<RunSummary> {
    let Range { first, seeds } = range;
    let config = Config::default().first_seed(first).seeds(seeds);
    let report = check(config.persist(false).doubled(0), workload);
    let runs = report.runs().to_vec();
    report.unwrap();
    runs
}

/// The runs of the same workload in a process of `binary`.
fn ask(binary: &PathBuf, range: Range) -> Vec<RunSummary> {
    let output = Command::new(binary)
        .args(["--exact", "runs_for_another_process", "--nocapture"])
        .env(CHILD, "1")
        .env(FIRST, range.first.to_string())
        .env(SEEDS, range.seeds.to_string())
        .output()
        .expect("the other process starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "the other process failed:\n{text}");
    text.lines().filter_map(parse).collect()
}

/// The run that a line tells of. The harness may have put its own text before it.
fn parse(line: &str) -> Option<RunSummary> {
    let (_, rest) = line.split_once(MARK)?;
    let mut words = rest.split_whitespace();
    let mut word = || words.next().expect("a line has five numbers");
    let (seed, hash) = (word().parse(), word().parse());
    let (polls, events, time_ns) = (word().parse(), word().parse(), word().parse());
    Some(RunSummary {
        seed: seed.expect("a seed"),
        hash: hash.expect("a hash"),
        polls: polls.expect("a number of polls"),
        events: events.expect("a number of events"),
        time: Duration::from_nanos(time_ns.expect("a time")),
    })
}
