//! The targets of `simoom-tests` as libFuzzer takes them.
//!
//! Owns what goes from one run to the next: where choices were made, and the counters by which
//! libFuzzer sees that a run is another one. Knows nothing of what a target does.

mod counters;

use std::sync::{Mutex, PoisonError};

use simoom_tests::fuzz::{Seen, Target, target};

#[doc(hidden)]
pub use libfuzzer_sys;

/// Where choices were made in the last runs that made another choice.
static PLACES: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// The most places that are kept.
const PLACES_MAX: usize = 8_192;

fn named(name: &str) -> &'static Target {
    target(name).expect("the list of targets has it")
}

/// Gives `bytes` to the target called `name`.
pub fn feed(name: &str, bytes: &[u8]) {
    tell((named(name).run)(bytes));
}

/// Tells libFuzzer, and the next changes, what a run has seen.
pub fn tell(seen: Seen) {
    let Seen { places, traits } = seen;
    counters::count(&traits);
    if !places.is_empty() {
        let mut kept = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(places);
        let excess = kept.len().saturating_sub(PLACES_MAX);
        kept.drain(..excess);
    }
}

/// Changes the first `size` of `data` in place, and returns how many there are then.
pub fn mutate(name: &str, data: &mut [u8], size: usize, size_max: usize, seed: u32) -> usize {
    match named(name).schedule_at {
        Some(at) => mutate_at(at, data, size, size_max, seed),
        None => libfuzzer_sys::fuzzer_mutate(data, size, size_max),
    }
}

/// As [`mutate`], of bytes that are a schedule from `at` on.
pub fn mutate_at(at: usize, data: &mut [u8], size: usize, size_max: usize, seed: u32) -> usize {
    // What comes before the schedule, and rows, are libFuzzer's.
    if seed.is_multiple_of(8) || size <= at || size_max <= at + 16 {
        return libfuzzer_sys::fuzzer_mutate(data, size, size_max);
    }
    let places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let room = size_max - at;
    let bytes = simoom_tests::fuzz::mutated(&data[at..size], &places, room, u64::from(seed));
    data[at..at + bytes.len()].copy_from_slice(&bytes);
    at + bytes.len()
}

/// Puts what `one` and `two` come to together into `out`, and returns how many bytes that is.
pub fn cross(name: &str, one: &[u8], two: &[u8], out: &mut [u8], seed: u32) -> usize {
    let at = named(name).schedule_at.unwrap_or(0);
    cross_at(at, one, two, out, seed)
}

/// As [`cross`], of bytes that are schedules from `at` on.
pub fn cross_at(at: usize, one: &[u8], two: &[u8], out: &mut [u8], seed: u32) -> usize {
    let parent = if seed.is_multiple_of(2) { one } else { two };
    let head = &parent[..at.min(parent.len()).min(out.len())];
    out[..head.len()].copy_from_slice(head);
    if head.len() < at {
        return head.len();
    }
    let schedule = |bytes: &[u8]| bytes.get(at..).unwrap_or_default().to_vec();
    let room = out.len() - at;
    let both = simoom_tests::fuzz::crossed(&schedule(one), &schedule(two), room, u64::from(seed));
    let len = both.len().min(room);
    out[at..at + len].copy_from_slice(&both[..len]);
    at + len
}

/// Makes a binary of a target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::feed($name, bytes));
    };
    ($name:literal, schedule) => {
        $crate::target!($name);
        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8],
                                              size: usize,
                                              max_size: usize,
                                              seed: u32| {
            $crate::mutate($name, data, size, max_size, seed)
        });
        $crate::libfuzzer_sys::fuzz_crossover!(|data1: &[u8],
                                                data2: &[u8],
                                                out: &mut [u8],
                                                seed: u32| {
            $crate::cross($name, data1, data2, out, seed)
        });
    };
}
