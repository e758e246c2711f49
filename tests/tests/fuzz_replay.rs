//! Every target of `fuzz/` with what is kept for it: the corpus, and what was found once.
//!
//! No fuzzer takes part, so that this runs with any compiler. Beside the kept inputs each target is
//! given cut-off and mixed ones of them: 80 of each, or as many as `SIMOOM_FUZZ_DRAWS` says, and of one
//! alone if `SIMOOM_FUZZ_TARGET` names it.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use simoom_sim::value;
use simoom_tests::fuzz::{TARGETS, Target, crossed, mutated};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The files that are kept for `target`, with their names.
fn kept(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let mut kept = Vec::new();
    for folder in ["corpus", "findings"] {
        let Ok(entries) = fs::read_dir(root().join(folder).join(target.name)) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            let bytes = fs::read(&path).expect("the file can be read");
            kept.push((path, bytes));
        }
    }
    kept.sort();
    kept
}

#[test]
fn what_is_kept_passes() {
    for target in TARGETS {
        let kept = kept(target);
        assert!(!kept.is_empty(), "{} has a corpus", target.name);
        for (path, bytes) in kept {
            eprintln!("{}", path.display());
            (target.run)(&bytes);
        }
    }
}

/// How many inputs are drawn for each target, and for which.
fn wanted() -> (u64, Option<String>) {
    let draws = std::env::var("SIMOOM_FUZZ_DRAWS").ok();
    let draws = draws.map_or(80, |text| text.parse().expect("a number of inputs"));
    (draws, std::env::var("SIMOOM_FUZZ_TARGET").ok())
}

#[test]
fn what_is_drawn_from_it_passes() {
    let (draws, only) = wanted();
    let is_meant = |target: &&Target| only.as_ref().is_none_or(|name| target.name == name);
    for target in TARGETS.iter().filter(is_meant) {
        let kept = kept(target);
        // Where the last runs made choices.
        let mut places = Vec::new();
        for index in 0..draws {
            let bytes = drawn(target, &kept, &places, index);
            eprintln!("{} {index}: {}", target.name, bytes.escape_ascii());
            let seen = (target.run)(&bytes);
            if !seen.places.is_empty() {
                places = seen.places;
            }
        }
    }
}

/// An input made of two that are kept.
fn drawn(target: &Target, kept: &[(PathBuf, Vec<u8>)], places: &[u64], index: u64) -> Vec<u8> {
    let draw = |stream| value(index, stream, 0) as usize;
    let mut bytes = kept[draw(1) % kept.len()].1.clone();
    let other = &kept[draw(2) % kept.len()].1;
    // A schedule is changed as a fuzzer changes it, at places that it comes to.
    if let Some(at) = target.schedule_at
        && !index.is_multiple_of(4)
        && bytes.len() >= at
    {
        let room = 12 * 64;
        let mut schedule = bytes.split_off(at);
        if index.is_multiple_of(2) {
            schedule = crossed(&schedule, other.get(at..).unwrap_or_default(), room, index);
        }
        for round in 0..4 {
            schedule = mutated(&schedule, places, room, value(index, 3, round));
        }
        for byte in 0..draw(5) % 4 {
            if at > 0 {
                bytes[draw(10 + byte as u64) % at] = draw(20 + byte as u64) as u8;
            }
        }
        bytes.extend(schedule);
        return bytes;
    }
    // Half of them keep their shape, without which most changes are refused before they are looked at.
    if index.is_multiple_of(2) {
        bytes.truncate(draw(3) % (bytes.len() + 1));
        bytes.extend_from_slice(&other[draw(4) % (other.len() + 1)..]);
    }
    for change in 0..draw(5) as u64 % 4 {
        let at = draw(10 + change) % (bytes.len() + 1);
        let number = draw(20 + change);
        let word = WORDS[number % WORDS.len()].bytes();
        let numbers = numbers(&bytes);
        match draw(30 + change) % 6 {
            0 => bytes.insert(at, number as u8),
            1 if at < bytes.len() => bytes[at] = number as u8,
            2 if at < bytes.len() => bytes[at] = WORDS[number % WORDS.len()].as_bytes()[0],
            3 if !numbers.is_empty() => {
                let digits = numbers[at % numbers.len()].clone();
                bytes.splice(digits, word);
            }
            4 if !numbers.is_empty() => bytes.insert(numbers[at % numbers.len()].start, b'-'),
            _ => {
                bytes.splice(at..at, word);
            }
        }
    }
    bytes
}

/// Where digits stand together.
fn numbers(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut numbers = Vec::new();
    let mut at = 0;
    for run in bytes.chunk_by(|one, next| one.is_ascii_digit() == next.is_ascii_digit()) {
        if run[0].is_ascii_digit() {
            numbers.push(at..at + run.len());
        }
        at += run.len();
    }
    numbers
}

/// What texts and numbers often hinge on.
const WORDS: [&str; 34] = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "-",
    "+",
    ".",
    "=",
    "%",
    "/",
    "#",
    ":",
    ",",
    "_",
    " ",
    "\n",
    "\r\n",
    "(",
    ")",
    "\"",
    "\\",
    "65536",
    "4294967296",
    "18446744073709551616",
    "%3d",
    "%3e",
    "%23",
    "%u3d;",
];

#[test]
fn folders_and_binaries_are_those_of_the_targets() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    for folder in ["corpus", "findings"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder is there") {
            let name = entry.expect("it can be read").file_name();
            let name = name.to_string_lossy();
            assert!(
                name.starts_with('.') || names.contains(&&*name),
                "{folder}/{name} belongs to no target"
            );
        }
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("it can be read");
    for name in names {
        let binary = format!("name = \"{name}\"");
        assert!(
            manifest.contains(&binary),
            "fuzz/Cargo.toml has no binary {name}"
        );
    }
}
