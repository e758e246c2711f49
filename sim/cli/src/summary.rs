//! What a sweep came to, for people and for programs.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::arguments::Format;
use crate::state::{Group, State};
use crate::text::{count, grouped, roughly};

/// Prints what `state` holds to standard output.
pub(crate) fn print(state: &State, format: Format) {
    let text = match format {
        Format::Human => human(state),
        Format::Json => lines(state),
    };
    // Who closes the pipe does not want to know.
    let _ = io::stdout().write_all(text.as_bytes());
}

fn human(state: &State) -> String {
    let simulated = state.tests.values().filter(|done| done.runs() > 0).count();
    let virtual_ns =
        (state.tests.values()).fold(0, |sum: u64, done| sum.saturating_add(done.virtual_ns));
    let mut text = format!(
        "{}, {}, {} of virtual time, finished in {}\n",
        count(simulated as u64, "test", "tests"),
        count(state.runs(), "run", "runs"),
        roughly(Duration::from_nanos(virtual_ns)),
        roughly(Duration::from_millis(state.spent_ms))
    );
    match state.groups.len() as u64 {
        0 => text.push_str("nothing failed\n"),
        groups => text.push_str(&format!("{}\n", count(groups, "failure", "failures"))),
    }
    for group in &state.groups {
        text.push('\n');
        text.push_str(&told(state, group));
    }
    text
}

/// A group in a few lines.
fn told(state: &State, group: &Group) -> String {
    let Group {
        test,
        class,
        seeds,
        example,
        ..
    } = group;
    let mut lines = vec![format!("{class}  {test}")];
    if class == "process" {
        lines.push(format!("  {}", example.message));
        lines.extend(example.report.lines().map(|line| format!("    {line}")));
        return lines.join("\n") + "\n";
    }
    let runs = state.tests.get(test).map_or(0, |done| done.runs());
    lines.push(match example.of.as_str() {
        "saved" => "  saved before, and fails again".to_owned(),
        _ => format!(
            "  met in {} of {}, first in {}",
            grouped(seeds.len() as u64),
            count(runs, "run", "runs"),
            example.seed
        ),
    });
    lines.push(format!("  {}", example.message));
    lines.extend(example.story.iter().map(|line| format!("  {line}")));
    if example.confirmed != "yes" {
        lines.push(format!(
            "  a fresh process has not shown it: {}",
            example.confirmed
        ));
    }
    lines.push(format!("  replay  {}", replay(group)));
    lines.join("\n") + "\n"
}

/// The command that replays a group's example.
fn replay(group: &Group) -> String {
    match &group.example.bundle {
        Some(bundle) => format!("cargo simoom replay {}", short(bundle)),
        None => group.example.replay.clone(),
    }
}

/// `path` as it is typed here.
pub(crate) fn short(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here)
        .unwrap_or(path)
        .display()
        .to_string()
}

fn lines(state: &State) -> String {
    let mut text = String::new();
    for group in &state.groups {
        let line = json!({
            "event": "group",
            "test": group.test,
            "class": group.class,
            "signature": group.signature,
            "met": group.seeds.len(),
            "seeds": group.seeds,
            "example": group.example,
            "replay": replay(group),
        });
        text.push_str(&format!("{line}\n"));
    }
    let line = json!({
        "event": "finished",
        "runs": state.runs(),
        "failures": state.groups.len(),
        "spent_ms": state.spent_ms,
        "status": state.exit().status(),
    });
    text.push_str(&format!("{line}\n"));
    text
}
