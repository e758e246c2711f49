//! The kernel that `SIMOOM_KERNEL` names, which has a bug: how soon is it found?
//!
//! The number of runs is printed and the process ends, with the status of a success.
//! With `SIMOOM_RANDOM=N` the bytes are not looked at, and each run is a random walk of another seed
//! from N on: what the bytes and what libFuzzer keeps of them are compared with.
#![no_main]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

static NAME: LazyLock<String> =
    LazyLock::new(|| std::env::var("SIMOOM_KERNEL").expect("SIMOOM_KERNEL names a kernel"));
static RANDOM: LazyLock<Option<u64>> =
    LazyLock::new(|| std::env::var("SIMOOM_RANDOM").ok()?.parse().ok());
static RUNS: AtomicU64 = AtomicU64::new(0);

fn run(bytes: &[u8]) {
    let runs = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
    let random = RANDOM.map(|first| {
        let [low, high, ..] = (first + runs).to_le_bytes();
        [1, 1, low, high]
    });
    let bytes = random.as_ref().map_or(bytes, |it| &it[..]);
    let (fails, seen) = simoom_tests::fuzz::kernel(&NAME, bytes);
    if fails {
        println!("{{\"kernel\":\"{}\",\"runs\":{runs}}}", *NAME);
        std::process::exit(0);
    }
    simoom_fuzz::tell(seen);
}

simoom_fuzz::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(bytes));
simoom_fuzz::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8],
                                           size: usize,
                                           max_size: usize,
                                           seed: u32| {
    simoom_fuzz::mutate_at(0, data, size, max_size, seed)
});
simoom_fuzz::libfuzzer_sys::fuzz_crossover!(
    |data1: &[u8], data2: &[u8], out: &mut [u8], seed: u32| {
        simoom_fuzz::cross_at(0, data1, data2, out, seed)
    }
);
