//! Runs in the simulator, whose schedule is a part of the bytes.
//!
//! Owns how the bytes are divided: one for how many the target itself takes, those, and the
//! schedule. What a run fails by is a panic that says its plan.

use std::future::Future;

use simoom_sim::fuzzing::{Schedule, run};
use simoom_sim::{Config, Sim};

use super::Seen;

/// Runs `test` under the schedule that is `bytes`.
///
/// # Panics
/// If the run fails.
pub(super) fn simulated<F, M>(what: &str, config: &Config, bytes: &[u8], test: M) -> Seen
where
    M: Fn(Sim) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + 'static,
{
    let ran = run(config, &Schedule::decode(bytes), test);
    if let Some(failure) = ran.failure() {
        panic!("{what}: {failure}\nwith the plan\n{}", ran.plan());
    }
    Seen {
        places: ran.places().to_vec(),
        traits: ran.traits().collect(),
    }
}

/// The part that is the target's own, of fixed length, and the schedule behind it.
pub(super) fn divided(bytes: &[u8], own: usize) -> (Vec<u8>, Vec<u8>) {
    let (own, schedule) = bytes.split_at(own.min(bytes.len()));
    (own.to_vec(), schedule.to_vec())
}
