//! What the environment says of a sweep.

use std::env::VarError;
use std::path::PathBuf;
use std::sync::Arc;

use simoom_faults::{Plan, Profile};

use super::config::Config;
use super::driven;
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
        let asked = std::mem::replace(&mut config.seeds, seed("SIMOOM_SEEDS", &text));
        config.is_shortened = config.seeds < asked;
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
    if let Some(text) = read("SIMOOM_NOTES") {
        config.notes = usize::try_from(seed("SIMOOM_NOTES", &text)).unwrap_or(usize::MAX);
    }
    if let Some(text) = read("SIMOOM_STRATEGY") {
        config.strategy = text
            .parse()
            .unwrap_or_else(|error| panic!("SIMOOM_STRATEGY: {error}"));
    }
    if flag("SIMOOM_EXPLAIN") == Some(false) {
        config.explain = false;
    }
    driven::apply(&mut config);
    config.faults = faults().map(|(plan, _)| Arc::new(plan));
    if flag("SIMOOM_PERSIST") == Some(false) || config.faults.is_some() {
        config.persist = false;
    }
    jobs();
    progress();
    config
}

/// The variables besides the seed that a run depends on, as they are typed before a command.
/// `is_calm` says that it was the run in which nothing is disturbed.
pub(crate) fn variables(is_calm: bool) -> String {
    let strategy = match is_calm {
        true => Some("calm".to_owned()),
        false => read("SIMOOM_STRATEGY"),
    };
    let strategy = strategy.map(|text| format!("SIMOOM_STRATEGY={} ", text.trim()));
    let faults = faults().map(|(_, text)| format!("SIMOOM_FAULTS={} ", quoted(&text)));
    format!(
        "{}{}",
        strategy.unwrap_or_default(),
        faults.unwrap_or_default()
    )
}

/// The faults that are to happen in place of the test's, and their text in one line.
///
/// A saved failure brings the faults of its test with it.
///
/// # Panics
/// If the text names no profile and is no plan, or the plan cannot be carried out.
fn faults() -> Option<(Plan, String)> {
    let text = read("SIMOOM_FAULTS")?;
    if replay().is_some() {
        return None;
    }
    let text = text.trim().replace('\n', "; ");
    if let Ok(profile) = text.parse::<Profile>() {
        return Some((profile.into(), text));
    }
    let lines = text.replace(';', "\n");
    let headed = match lines.trim_start().starts_with(HEADER) {
        true => lines,
        false => format!("{HEADER}\n{lines}"),
    };
    let profiles = Profile::ALL.map(|profile| profile.to_string()).join(", ");
    let plan: Plan = headed.parse().unwrap_or_else(|error| {
        panic!("SIMOOM_FAULTS is {text:?}, which is no profile ({profiles}) and no plan: {error}")
    });
    if let Err(error) = plan.check() {
        panic!("SIMOOM_FAULTS: {error}");
    }
    Some((plan, text))
}

/// Whether faults are asked for and do not happen, because what was saved is replayed.
pub(crate) fn ignores_faults() -> bool {
    replay().is_some() && read("SIMOOM_FAULTS").is_some()
}

/// The first line of the text of a plan.
const HEADER: &str = "simoom faults 1";

/// `text` as a shell takes it for one word.
fn quoted(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "_-.:/=".contains(it);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
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

/// Whether one run is asked for, or the replay of what was saved.
pub(crate) fn is_replay() -> bool {
    replay().is_some() || read("SIMOOM_SEED").is_some()
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

pub(super) fn read(name: &str) -> Option<String> {
    match std::env::var(name) {
        Ok(text) => Some(text).filter(|text| !text.is_empty()),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(text)) => panic!("{name} is {text:?}: it must be text"),
    }
}

/// A variable that is 0 or 1.
pub(super) fn flag(name: &str) -> Option<bool> {
    match read(name)?.as_str() {
        "0" => Some(false),
        "1" => Some(true),
        other => panic!("{name} is {other:?}: it must be 0 or 1"),
    }
}

pub(super) fn seed(name: &str, text: &str) -> u64 {
    parse_seed(text).unwrap_or_else(|| {
        panic!("{name} is {text:?}: it must be a number, decimal or hexadecimal (0x…)")
    })
}
