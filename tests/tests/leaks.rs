//! What runs leave behind that use everything and meet every fault. Alone in its process: other
//! tests allocate as they like.
//!
//! By default after 150 runs. A longer measurement, which prints one JSON line:
//!
//! ```text
//! SIMOOM_LEAK_SEEDS=100000 cargo test --release -p simoom-tests --test leaks -- --nocapture
//! ```

use simoom_sim::{Config, check};
use simoom_tests::workload::workload;

/// A number of `/proc/self/status`, in its unit there.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// How many threads there are when those that have been joined are gone from the system's list,
/// too.
fn threads(most: u64) -> u64 {
    for _ in 0..200 {
        if status("Threads") <= most {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    status("Threads")
}

#[test]
fn runs_under_every_fault_leave_nothing_behind() {
    let seeds = std::env::var("SIMOOM_LEAK_SEEDS");
    let seeds = seeds.map_or(150, |text| text.parse().expect("a number of seeds"));
    let sweep = |first, seeds| {
        let config = Config::default().persist(false).doubled(0);
        let report = check(config.first_seed(first).seeds(seeds), workload);
        let count = report.runs().len();
        report.unwrap();
        count as u64
    };
    let before_threads = status("Threads");
    // What is allocated once, and the allocator's own pace, come first.
    sweep(0, 100);
    let before = (status("VmRSS"), threads(before_threads), descriptors());
    // In parts, so that what a sweep keeps of its runs does not count.
    let mut done = 0;
    while done < seeds {
        done += sweep(1_000 + done, (seeds - done).min(5_000));
    }
    let after = (status("VmRSS"), threads(before.1), descriptors());
    let grown_kib = after.0.saturating_sub(before.0);
    println!(
        "{{\"seeds\":{done},\"rss_kib_before\":{},\"rss_kib_after\":{},\"threads_before\":{},\
         \"threads_after\":{},\"descriptors_before\":{},\"descriptors_after\":{}}}",
        before.0, after.0, before.1, after.1, before.2, after.2
    );
    assert!(before.0 > 0, "memory is measured");
    // The allocator's pace, and 128 bytes for each run: a world is tens of KiB.
    let most_kib = 4_000 + seeds / 8;
    assert!(
        grown_kib < most_kib,
        "{seeds} runs left {grown_kib} KiB behind"
    );
    assert_eq!(after.1, before.1, "threads");
    assert_eq!(after.2, before.2, "descriptors");
}
