//! What a command of the standard library says.
//!
//! Owns how that is found out. Most can be asked for. What a child reads and writes, and whether it
//! inherits the environment, cannot: that is read out of the command's `{:#?}`, which lists every
//! field. Strings are escaped there, so that no line of them looks like a field.

use std::process::Command;

/// What a command says beside what can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) clears_environment: bool,
    pub(super) stdin: Setting,
    pub(super) stdout: Setting,
    pub(super) stderr: Setting,
}

/// Where a stream of a child comes from or goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Inherited,
    Null,
    Piped,
    /// Something else, as the standard library calls it.
    Other(String),
}

impl Settings {
    pub(super) fn of(command: &Command) -> Self {
        Self::read(&format!("{command:#?}"))
    }

    fn read(text: &str) -> Self {
        let lines: Vec<_> = text.lines().collect();
        Self {
            clears_environment: lines.contains(&"        clear: true,"),
            stdin: setting(&lines, "    stdin: Some("),
            stdout: setting(&lines, "    stdout: Some("),
            stderr: setting(&lines, "    stderr: Some("),
        }
    }
}

fn setting(lines: &[&str], field: &str) -> Setting {
    let place = lines.iter().position(|line| *line == field);
    let Some(value) = place.and_then(|place| lines.get(place + 1)) else {
        return Setting::Inherited;
    };
    match value.trim_matches([' ', ',']) {
        "Inherit" => Setting::Inherited,
        "Null" => Setting::Null,
        "MakePipe" => Setting::Piped,
        other => Setting::Other(other.trim_end_matches('(').to_owned()),
    }
}

#[cfg(test)]
mod tests;
