//! The counters that libFuzzer looks at beside those of the compiler.
//!
//! Owns one counter for each number that a run can have. libFuzzer finds them by the name of their
//! section, which is all that is `unsafe` here: the attribute that puts them there.

use std::sync::atomic::{AtomicU8, Ordering};

/// One for each value of 16 bits.
const COUNT: usize = 1 << 16;

/// libFuzzer reads them after each run, and clears them before.
#[cfg_attr(
    target_os = "linux",
    unsafe(link_section = "__libfuzzer_extra_counters")
)]
static COUNTERS: [AtomicU8; COUNT] = [const { AtomicU8::new(0) }; COUNT];

/// Counts what a run has.
pub(crate) fn count(traits: &[u16]) {
    for number in traits {
        COUNTERS[usize::from(*number)].store(1, Ordering::Relaxed);
    }
}
