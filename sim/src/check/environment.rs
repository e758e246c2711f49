//! What the environment says of a sweep.

use std::env::VarError;
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
    if let Some(text) = read("SIMOOM_FIRST_SEED") {
        config.first_seed = seed("SIMOOM_FIRST_SEED", &text);
    }
    if let Some(text) = read("SIMOOM_DOUBLED") {
        config.doubled = seed("SIMOOM_DOUBLED", &text);
    }
    if let Some(text) = read("SIMOOM_PROCESSES") {
        config.processes = Some(seed("SIMOOM_PROCESSES", &text));
    }
    if let Some(text) = read("SIMOOM_STRATEGY") {
        config.strategy = text
            .parse()
            .unwrap_or_else(|error| panic!("SIMOOM_STRATEGY: {error}"));
    }
    if flag("SIMOOM_PERSIST") == Some(false) {
        config.persist = false;
    }
    jobs();
    progress();
    config
}

/// The variables besides the seed that a run depends on, as they are typed before a command.
pub(crate) fn strategy() -> Option<String> {
    read("SIMOOM_STRATEGY").map(|text| format!("SIMOOM_STRATEGY={} ", text.trim()))
}

/// Whether a line of progress is asked for or asked not to be.
pub(crate) fn progress() -> Option<bool> {
    flag("SIMOOM_PROGRESS")
}

/// Whether this process runs for nobody who looks on.
pub(crate) fn is_ci() -> bool {
    read("CI").is_some_and(|text| text != "0" && text != "false")
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
    match std::env::var(name) {
        Ok(text) => Some(text).filter(|text| !text.is_empty()),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(text)) => panic!("{name} is {text:?}: it must be text"),
    }
}

/// A variable that is 0 or 1.
fn flag(name: &str) -> Option<bool> {
    match read(name)?.as_str() {
        "0" => Some(false),
        "1" => Some(true),
        other => panic!("{name} is {other:?}: it must be 0 or 1"),
    }
}

fn seed(name: &str, text: &str) -> u64 {
    parse_seed(text).unwrap_or_else(|| {
        panic!("{name} is {text:?}: it must be a number, decimal or hexadecimal (0x…)")
    })
}
