//! Schedules of programs.
//!
//! Owns which programs run: the fixed twins of known bugs and a small kv server, none of which may
//! fail; and kernels, of which each has a bug, to measure how soon it is found.

use std::time::Duration;

use kv::Client;
use simoom::time::sleep;
use simoom_sim::Config;

use super::Seen;
use super::simulated::{divided, simulated};
use crate::kernels::{Edit, KERNELS};
use crate::known_bugs::{Bug, Twin, bugs};

/// The fixed twin of the known bug that the first byte says.
pub(super) fn twins(bytes: &[u8]) -> Seen {
    let (own, schedule) = divided(bytes, 1);
    let index = usize::from(own.first().copied().unwrap_or(0)) % bugs().count();
    let bug: &'static Bug = bugs().nth(index).expect("it is below their count");
    simulated(bug.name, &bug.config(), &schedule, |sim| {
        (bug.program)(sim, Twin::FIXED)
    })
}

/// A server, three clients that count on one key, and one that reads.
pub(super) fn kv(bytes: &[u8]) -> Seen {
    simulated("kv", &Config::default(), bytes, |sim| async move {
        sim.node("server").run(|| kv::serve("0.0.0.0:6379"));
        sleep(Duration::from_millis(1)).await;
        let mut clients = Vec::new();
        for number in 0..3 {
            let node = sim.node(&format!("client-{number}"));
            clients.push(node.spawn(async move {
                let mut client = Client::connect("server:6379").await.unwrap();
                let mut seen = Vec::new();
                for _ in 0..3 {
                    seen.push(client.incr("n").await.unwrap());
                }
                assert!(seen.is_sorted(), "time runs backwards");
                seen
            }));
        }
        let mut seen = Vec::new();
        for client in clients {
            seen.extend(client.await.unwrap());
        }
        seen.sort_unstable();
        assert!(seen.into_iter().eq(1..=9), "an update was lost");
    })
}

/// The kernel called `name`, which has a bug: whether the run fails, and what was seen.
///
/// # Panics
/// If there is none of that name.
#[must_use]
pub fn kernel(name: &str, bytes: &[u8]) -> (bool, Seen) {
    let kernel = KERNELS.iter().find(|it| it.name == name);
    let kernel = *kernel.unwrap_or_else(|| panic!("there is no kernel {name}"));
    let schedule = simoom_sim::fuzzing::Schedule::decode(bytes);
    let body = move |sim| kernel.run(sim, Edit::None);
    let ran = simoom_sim::fuzzing::run(&kernel.config(), &schedule, body);
    let seen = Seen {
        places: ran.places().to_vec(),
        traits: ran.traits().collect(),
    };
    (ran.failure().is_some(), seen)
}
