//! What runs leave behind that use everything and meet every fault. Alone in its process: other
//! tests allocate as they like.
//!
//! What is allocated is counted, and is the same after any number of runs. What the process has of
//! the system's memory is that and what the allocator holds on to: glibc lets the amount that it does
//! not give back grow with the largest blocks it has seen, and a process that starts threads has many
//! heaps that do so, so a long measurement fixes that amount. By default after 150 runs. A longer
//! measurement, which prints one JSON line:
//!
//! ```text
//! MALLOC_TRIM_THRESHOLD_=65536 SIMOOM_LEAK_SEEDS=100000 \
//!     cargo test --release -p simoom-tests --test leaks -- --nocapture
//! ```

#[path = "../../sim/tests/left/mod.rs"]
mod left;

use peak_alloc::PeakAlloc;
use simoom_sim::{Config, check};
use simoom_tests::workload::workload;

use crate::left::{Left, seeds, threads_now};

/// How many runs a sweep has.
const PART: u64 = 5_000;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// How many bytes a measurement may differ from another: what the test's own prints take.
const NOISE: usize = 1024;

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
    let allocated = ALLOCATED.current_usage();
    // In parts, so that what a sweep keeps of its runs does not count.
    let mut done = 0;
    while done < seeds {
        done += sweep(10_000 + done, (seeds - done).min(PART));
    }
    Left::once(before.threads).is_as(before, done, 4_000);
    let grown = ALLOCATED.current_usage().saturating_sub(allocated);
    assert!(grown < NOISE, "{done} runs left {grown} bytes allocated");
}
