//! Plans of faults, as a simulation carries them out.

mod agenda;
mod inert;
mod liveness;
mod program;
mod spared;
mod story;

use simoom_sim::Config;

/// A sweep of so many seeds that keeps its failures to itself.
fn config(seeds: u64) -> Config {
    Config::default().seeds(seeds).persist(false)
}
