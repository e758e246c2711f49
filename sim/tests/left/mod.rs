//! What a process has: memory, threads, descriptors.
//!
//! The tests of what runs leave behind have it in common, here and in `tests/tests/leaks.rs`.

use std::time::Duration;

/// What a process has at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub(crate) rss_kib: u64,
    pub(crate) threads: u64,
    pub(crate) descriptors: usize,
}

impl Left {
    /// What there is when no more than `threads` are left, or after two seconds: those that have been
    /// joined stay in the system's list for a moment.
    pub(crate) fn once(threads: u64) -> Self {
        for _ in 0..200 {
            if threads_now() <= threads {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            rss_kib: status("VmRSS"),
            threads: threads_now(),
            descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
        }
    }

    /// Prints a line of JSON, and fails if `self` is more than `before` by more than the allocator's
    /// pace, `pace_kib`, and 128 bytes for each of `seeds` runs: a world is tens of KiB.
    #[track_caller]
    pub(crate) fn is_as(self, before: Self, seeds: u64, pace_kib: u64) {
        println!(
            "{{\"seeds\":{seeds},\"rss_kib_before\":{},\"rss_kib_after\":{},\
             \"threads_before\":{},\"threads_after\":{},\"descriptors_before\":{},\
             \"descriptors_after\":{}}}",
            before.rss_kib,
            self.rss_kib,
            before.threads,
            self.threads,
            before.descriptors,
            self.descriptors
        );
        assert!(before.rss_kib > 0, "memory is measured");
        let grown_kib = self.rss_kib.saturating_sub(before.rss_kib);
        let most_kib = pace_kib + seeds / 8;
        assert!(
            grown_kib < most_kib,
            "{seeds} runs left {grown_kib} KiB behind"
        );
        assert_eq!(self.threads, before.threads, "threads");
        assert_eq!(self.descriptors, before.descriptors, "descriptors");
    }
}

/// How many threads this process has.
pub(crate) fn threads_now() -> u64 {
    status("Threads")
}

/// How many seeds there are to be, if the environment does not say.
pub(crate) fn seeds(usual: u64) -> u64 {
    let seeds = std::env::var("SIMOOM_LEAK_SEEDS");
    seeds.map_or(usual, |text| text.parse().expect("a number of seeds"))
}

/// A number of `/proc/self/status`, in its unit there.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}
