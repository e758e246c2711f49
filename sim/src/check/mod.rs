//! Sweeps: the same test under many seeds, and what is made of a failure.

mod build;
mod bundle;
mod cancels;
mod config;
mod doubled;
mod driven;
mod environment;
mod exhaust;
mod explain;
mod found;
mod identity;
mod inert;
mod inspect;
mod investigate;
mod jobs;
mod judge;
mod process;
mod progress;
mod replays;
mod report;
mod saved;
mod shrink;
mod sweep;
mod timeline;
mod unknown;
mod unseen;
mod workload;

pub use self::cancels::{Cancels, every_await, pairs};
pub use self::config::Config;
pub use self::explain::Explanation;
pub use self::found::Found;
pub use self::report::{Report, RunSummary};
pub use self::sweep::check;

#[cfg(feature = "proptest")]
pub(crate) use self::config::Drawn;
pub(crate) use self::identity::Identity;
pub(crate) use self::sweep::check_as;

#[cfg(feature = "fuzzing")]
pub(crate) use self::driven::check_settings;
#[cfg(feature = "fuzzing")]
pub(crate) use self::process::check_witness;
#[cfg(feature = "fuzzing")]
pub(crate) use self::saved::check_saved;
#[cfg(feature = "fuzzing")]
pub(crate) use self::sweep::run_apart;

/// A seed as people read and type it.
pub(crate) fn seed_text(seed: u64) -> String {
    found::Seed(seed).to_string()
}
