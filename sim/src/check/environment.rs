//! What the environment says of a sweep.

use std::path::PathBuf;

use super::config::Config;
use crate::choice::parse_seed;

/// Overrides `config` by the environment.
///
/// # Panics
/// If a variable is malformed; the message names it and what it may be.
pub(crate) fn apply(mut config: Config) -> Config {
    if let Some(text) = read("SIMOOM_SEED") {
        config.one_seed = Some(seed("SIMOOM_SEED", &text));
    }
    if let Some(text) = read("SIMOOM_SEEDS") {
        config.seeds = seed("SIMOOM_SEEDS", &text);
    }
    if let Some(text) = read("SIMOOM_STRATEGY") {
        config.strategy = text
            .parse()
            .unwrap_or_else(|error| panic!("SIMOOM_STRATEGY: {error}"));
    }
    if read("SIMOOM_PERSIST").as_deref() == Some("0") {
        config.persist = false;
    }
    config
}

/// The plan file to replay, if one is asked for.
pub(crate) fn replay() -> Option<PathBuf> {
    read("SIMOOM_REPLAY").map(PathBuf::from)
}

/// How many runs at once this process may do.
pub(crate) fn jobs() -> usize {
    if let Some(text) = read("SIMOOM_JOBS") {
        return usize::try_from(seed("SIMOOM_JOBS", &text))
            .unwrap_or(usize::MAX)
            .max(1);
    }
    if std::env::var_os("NEXTEST").is_some() {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn seed(name: &str, text: &str) -> u64 {
    parse_seed(text).unwrap_or_else(|| {
        panic!("{name} is {text:?}: it must be a number, decimal or hexadecimal (0x…)")
    })
}
