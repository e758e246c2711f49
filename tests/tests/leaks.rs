//! What runs leave behind that use everything and meet every fault. Alone in its process: other
//! tests allocate as they like.
//!
//! By default after 150 runs. A longer measurement, which prints one JSON line:
//!
//! ```text
//! SIMOOM_LEAK_SEEDS=100000 cargo test --release -p simoom-tests --test leaks -- --nocapture
//! ```

#[path = "../../sim/tests/left/mod.rs"]
mod left;

use simoom_sim::{Config, check};
use simoom_tests::workload::workload;

use crate::left::{Left, seeds, threads_now};

/// How many runs a sweep has.
const PART: u64 = 5_000;

#[test]
fn runs_under_every_fault_leave_nothing_behind() {
    let seeds = seeds(150);
    let sweep = |first, seeds| {
        let config = Config::default().persist(false).doubled(0);
        let report = check(config.first_seed(first).seeds(seeds), workload);
        let count = report.runs().len();
        report.unwrap();
        count as u64
    };
    let threads = threads_now();
    // What is allocated once, what a part keeps of its runs until it ends, and the allocator's own
    // pace come first.
    sweep(0, seeds.clamp(100, PART));
    let before = Left::once(threads);
    // In parts, so that what a sweep keeps of its runs does not count.
    let mut done = 0;
    while done < seeds {
        done += sweep(10_000 + done, (seeds - done).min(PART));
    }
    Left::once(before.threads).is_as(before, done, 4_000);
}
