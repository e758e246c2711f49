//! The agent and the servers that it asks, on simulated machines.

#[path = "../site/mod.rs"]
mod site;

mod faults;
mod timings;

use std::time::Duration;

use fetch::{Client, Limits};
use simoom::net::TcpListener;
use simoom_sim::{Node, Sim};

use site::Site;

/// A machine that serves `site` to all others.
fn serve(sim: &Sim, site: &Site) -> Node {
    let site = site.clone();
    sim.node("server").run(move || {
        let site = site.clone();
        async move { site.serve(TcpListener::bind("0.0.0.0:80").await?).await }
    })
}

/// A client that waits so long, and asks for so much at once.
fn client(patience: Duration, at_once: usize) -> Client {
    Client::new(Limits {
        patience,
        at_once,
        ..Limits::default()
    })
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}
