//! Hunts for the lost update that the feature `planted-lost-update` puts into `INCR`.
//!
//! ```sh
//! cargo run -p kv --example hunt --features planted-lost-update
//! ```
//! Prints the story of the first failing seed. Succeeds if the bug was found, shrunk, and shown
//! once more by a fresh process.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use kv::Client;
use simoom_sim::{Config, Found, Sim, check};

fn main() -> ExitCode {
    let report = check(Config::default().seeds(1000).persist(false), two_visitors);
    let Some(found) = report.failure() else {
        eprintln!("{report}: the planted bug was not found");
        return ExitCode::FAILURE;
    };
    tell(found);
    let is_planted = found.cause().to_string().contains("an update was lost");
    let is_shrunk = found.deviations() < found.raw_deviations();
    if is_planted && is_shrunk && found.is_confirmed() {
        ExitCode::SUCCESS
    } else {
        eprintln!("this is not the story of the planted bug");
        ExitCode::FAILURE
    }
}

/// A server and two clients on three machines; each client counts itself twice.
async fn two_visitors(sim: Sim) {
    sim.node("server").run(|| kv::serve("0.0.0.0:6379"));
    let visitors = ["alice", "bob"].map(|name| {
        let sim = sim.clone();
        sim.node(name).spawn(async move {
            let mut client = Client::connect("server:6379").await.unwrap();
            for _ in 0..2 {
                let number = client.incr("visits").await.unwrap();
                sim.note(&format!("is visitor number {number}"));
            }
        })
    });
    for visitor in visitors {
        visitor.await.unwrap();
    }
    let mut client = Client::connect("server:6379").await.unwrap();
    let visits = client.get("visits").await.unwrap().unwrap();
    assert_eq!(visits, "4", "an update was lost");
}

fn tell(found: &Found) {
    println!("{found}");
    println!();
    println!("The same server without the bug, on real sockets:");
    println!("  cargo run --release -p kv");
    println!("  redis-cli incr visits");
}
