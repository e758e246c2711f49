//! The processor time of this process.
//!
//! Holds the `unsafe` of this program: the call that asks for it. Knows nothing of trials.

use std::time::Duration;

/// User and system time of all threads until now.
pub fn cpu() -> Duration {
    // SAFETY: an all-zero `rusage` is a valid value of this plain C structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a living `rusage` that nobody else uses.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    assert_eq!(result, 0, "getrusage has no way to fail here");
    [usage.ru_utime, usage.ru_stime]
        .map(|time| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1_000))
        .iter()
        .sum()
}
