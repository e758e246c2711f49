//! Which operations of a test's workloads are left, and which random numbers are simple, in words.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::choice::{ChoiceKind, Deviation, unescape};

/// How many operations a line names.
const NAMED: usize = 10;

/// How many lines there are.
const LINES: usize = 8;

/// One line for each workload that lacks some, and for each within an operation of such a one:
/// `3 of 100 operations of client are left: #7, #41, #42`.
pub(super) fn lines(done: &[Deviation], deviations: &[Deviation]) -> Vec<String> {
    let left_out = deviations
        .iter()
        .filter(|it| it.anchor.kind == ChoiceKind::Work);
    if left_out.clone().next().is_none() {
        return Vec::new();
    }
    // The number of those left out, and which are left, by workload.
    let mut works: BTreeMap<(String, u32), (usize, Vec<u32>)> = BTreeMap::new();
    for it in left_out {
        works.entry(work(it)).or_default().0 += 1;
    }
    for it in done {
        works.entry(work(it)).or_default().1.push(it.anchor.step);
    }
    let mut lines: Vec<_> = works.iter().map(line).collect();
    if lines.len() > LINES {
        let more = lines.len() - (LINES - 1);
        lines.truncate(LINES - 1);
        lines.push(format!("and so on for {more} more workloads"));
    }
    lines
}

/// One line for all of whose draws it is: `simple random numbers: those of client, from the 4th on`.
pub(super) fn simple_draws(deviations: &[Deviation]) -> Vec<String> {
    let draws = deviations
        .iter()
        .filter(|it| it.anchor.kind == ChoiceKind::Entropy);
    let lines = draws.map(|it| {
        let (_, whose) = it.story.text.split_once("  ").unwrap_or_default();
        format!("simple random numbers: {}", whose.trim_start())
    });
    let mut lines: Vec<_> = lines.collect();
    if lines.len() > LINES {
        let more = lines.len() - (LINES - 1);
        lines.truncate(LINES - 1);
        lines.push(format!("and so on for {more} more tasks"));
    }
    lines
}

fn line(((name, visit), (left_out, left)): (&(String, u32), &(usize, Vec<u32>))) -> String {
    let mut line = match left.len() {
        0 => "none".to_owned(),
        count => count.to_string(),
    };
    let _ = write!(line, " of {} operations of {name}", left_out + left.len());
    if *visit > 0 {
        let _ = write!(line, " ({} before it)", visit);
    }
    line.push_str(if left.len() == 1 {
        " is left"
    } else {
        " are left"
    });
    for (index, number) in left.iter().take(NAMED).enumerate() {
        let _ = write!(line, "{}#{number}", if index == 0 { ": " } else { ", " });
    }
    if left.len() > NAMED {
        line.push_str(", …");
    }
    line
}

/// The workload of an operation: its name, and how many of that name came before it.
fn work(it: &Deviation) -> (String, u32) {
    let name = it.anchor.resource.strip_prefix('=').and_then(unescape);
    (name.unwrap_or_default(), it.anchor.visit)
}
