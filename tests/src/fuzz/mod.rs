//! What a fuzzer tries: functions that take any bytes and must not panic.
//!
//! Owns the targets, their list, and what they tell a fuzzer of a run. Knows no fuzzer: `fuzz/`
//! gives them to libFuzzer, and a test gives them what is kept in `fuzz/corpus` and
//! `fuzz/findings`.

mod bytes;

mod redis;
mod texts;

mod sync;
mod timers;

mod simulated;

mod disk;
mod schedules;
mod tcp;

use simoom_sim::fuzzing::{self, Schedule};

use self::bytes::Bytes;
pub use self::schedules::kernel;

/// Something that takes any bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// What it is called, as its folder and its binary in `fuzz/`.
    pub name: &'static str,
    /// What it does with the bytes. It panics where something is wrong.
    pub run: fn(&[u8]) -> Seen,
    /// From which byte on they are a [schedule](simoom_sim::fuzzing::Schedule), if they are one.
    pub schedule_at: Option<usize>,
}

/// What a target saw, for a fuzzer that wants to see something else.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Where choices were made, in order.
    pub places: Vec<u64>,
    /// What the run has that others may not have.
    pub traits: Vec<u16>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    plain("plans", texts::plans),
    plain("faults", texts::faults),
    plain("settings", texts::settings),
    plain("filters", texts::filters),
    plain("times", texts::times),
    plain("records", texts::records),
    plain("flags", texts::flags),
    plain("requests", redis::requests),
    plain("replies", redis::replies),
    plain("log", redis::log),
    plain("frames", redis::frames),
    plain("timers", timers::timers),
    plain("sync", sync::sync),
    scheduled("tcp", tcp::tcp, tcp::OWN),
    scheduled("disk", disk::disk, disk::OWN),
    scheduled("twins", schedules::twins, 1),
    scheduled("kv", schedules::kv, 0),
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// A target that has nothing to tell.
const fn plain(name: &'static str, run: fn(&[u8]) -> Seen) -> Target {
    Target {
        name,
        run,
        schedule_at: None,
    }
}

/// A target whose bytes from `schedule_at` on are a schedule.
const fn scheduled(name: &'static str, run: fn(&[u8]) -> Seen, schedule_at: usize) -> Target {
    Target {
        name,
        run,
        schedule_at: Some(schedule_at),
    }
}

/// A changed copy of the bytes of a schedule, see [`mutated`](simoom_sim::fuzzing::mutated).
#[must_use]
pub fn mutated(bytes: &[u8], places: &[u64], bytes_max: usize, seed: u64) -> Vec<u8> {
    let schedule = Schedule::decode(bytes);
    fuzzing::mutated(&schedule, places, bytes_max, seed).encode()
}

/// The bytes of what two schedules have, see [`crossed`](simoom_sim::fuzzing::crossed).
#[must_use]
pub fn crossed(one: &[u8], two: &[u8], bytes_max: usize, seed: u64) -> Vec<u8> {
    let (one, two) = (Schedule::decode(one), Schedule::decode(two));
    fuzzing::crossed(&one, &two, bytes_max, seed).encode()
}
