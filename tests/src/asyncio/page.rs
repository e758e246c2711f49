//! The page: a table for each area, and what is wrong with what is said.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::checks::{AREAS, Check, Checks, Verdict};
use super::named::Tests;

/// What the names of tests end with that end something at every one of its polls.
const AT_EVERY: [&str; 2] = ["_at_every_poll", "_at_every_await"];

/// Writes the page, in Markdown.
///
/// # Errors
///
/// Everything that is not said or said wrongly, a line each: a check without a line or with two, one
/// that passes or differs without a test, one that does neither and has a test, a note where none
/// belongs or the other way round, a test for a check that does not exist, an area that is to be
/// ended at every poll and is not.
pub fn page(checks: &Checks, tests: &Tests, head: &str) -> Result<String, String> {
    let mut wrong = BTreeSet::new();
    let mut known: BTreeMap<(&str, u32), &Check> = BTreeMap::new();
    for check in &checks.0 {
        let (name, number) = (check.area.name, check.number);
        if !check.area.has(number) {
            wrong.insert(format!("there is no check {name} {number}"));
        }
        if known.insert((name, number), check).is_some() {
            wrong.insert(format!("{name} {number} has two lines"));
        }
        let has_test = tests.of(check.area, number).next().is_some();
        let verdict = check.verdict.word();
        if check.verdict.is_tested() && !has_test {
            wrong.insert(format!("{name} {number} {verdict}, and no test sees it"));
        }
        if !check.verdict.is_tested() && has_test {
            wrong.insert(format!("{name} {number} is {verdict}, and has a test"));
        }
        if (check.verdict == Verdict::Passes) != check.note.is_empty() {
            wrong.insert(format!(
                "{name} {number} {verdict}, and a note is due where it does not pass, and nowhere else"
            ));
        }
    }
    for (name, number) in tests.checks() {
        if !known.contains_key(&(name, number)) {
            wrong.insert(format!(
                "a test is about {name} {number}, which has no line"
            ));
        }
    }
    for area in AREAS {
        let (first, count) = area.numbers;
        let mut is_ended = false;
        for number in first..first + count {
            if !known.contains_key(&(area.name, number)) {
                wrong.insert(format!("{} {number} has no line", area.name));
            }
            is_ended |= tests.of(&area, number).any(ends_at_every_poll);
        }
        if area.is_ended && !is_ended {
            wrong.insert(format!("{} is ended at every poll by no test", area.name));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.into_iter().collect::<Vec<_>>().join("\n"));
    }
    Ok(written(&known, tests, head))
}

fn ends_at_every_poll(name: &str) -> bool {
    AT_EVERY.iter().any(|end| name.ends_with(end))
}

fn written(known: &BTreeMap<(&str, u32), &Check>, tests: &Tests, head: &str) -> String {
    let mut page = head.to_owned();
    let count = |verdict| {
        let of_it = known.values().filter(|check| check.verdict == verdict);
        of_it.count()
    };
    write!(
        page,
        "\nOf {} checks {} pass, {} hold in another way, {} are not for Rust, and {} are absent.\n",
        known.len(),
        count(Verdict::Passes),
        count(Verdict::Differs),
        count(Verdict::NotForRust),
        count(Verdict::Absent),
    )
    .expect("text takes everything");
    for area in AREAS {
        let (first, count) = area.numbers;
        write!(
            page,
            "\n## {}: {}\n\n| Check | What is to hold | | Tests | Ended at every poll |\n\
             | --- | --- | --- | --- | --- |\n",
            area.name, area.title
        )
        .expect("text takes everything");
        for number in first..first + count {
            let check = known[&(area.name, number)];
            let (ended, others): (Vec<&str>, Vec<&str>) = tests
                .of(check.area, number)
                .partition(|name| ends_at_every_poll(name));
            let list = |names: Vec<&str>| {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                names.join(", ")
            };
            let verdict = match check.note.as_str() {
                "" => check.verdict.word().to_owned(),
                note => format!("{}: {note}", check.verdict.word()),
            };
            writeln!(
                page,
                "| {} {number} | {} | {verdict} | {} | {} |",
                area.name,
                check.words,
                list(others),
                list(ended),
            )
            .expect("text takes everything");
        }
    }
    page
}
