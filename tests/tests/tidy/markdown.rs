//! Prose: one sentence per line, so that a change shows what it changed.

use crate::{assert_none, files};

/// Full stops that end no sentence.
const ABBREVIATIONS: [&str; 6] = ["e.g.", "i.e.", "etc.", "vs.", "cf.", "No."];

fn check(path: &str, text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let mut in_block = false;
    let mut before: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") {
            in_block = !in_block;
            before = None;
            continue;
        }
        let is_prose = !in_block
            && !trimmed.is_empty()
            && !trimmed.starts_with(['|', '#', '<', '['])
            && !line.starts_with("    ");
        if !is_prose {
            before = None;
            continue;
        }
        let number = index + 1;
        if holds_two_sentences(trimmed) {
            violations.push(format!("{path}:{number}: two sentences on one line"));
        }
        let is_item = trimmed.starts_with(['-', '*']) || is_numbered(trimmed);
        if !is_item && before.is_some_and(|before| !ends_sentence(before)) {
            violations.push(format!(
                "{path}:{number}: a sentence goes on over two lines"
            ));
        }
        before = Some(trimmed);
    }
    violations
}

fn is_numbered(line: &str) -> bool {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    digits > 0 && line[digits..].starts_with(". ")
}

fn ends_sentence(line: &str) -> bool {
    line.trim_end_matches(['*', '_', '`', ')', '"', '\\'])
        .ends_with(['.', ':', '!', '?', ';'])
}

fn holds_two_sentences(line: &str) -> bool {
    let text = without_code(line);
    let text = if is_numbered(&text) {
        text.split_once(". ")
            .map_or(String::new(), |(_, rest)| rest.to_owned())
    } else {
        text
    };
    text.match_indices(['.', '!', '?']).any(|(at, _)| {
        let until = &text[..=at];
        let after = text[at + 1..].trim_start_matches(['*', '_', ')', '"']);
        let starts = after
            .strip_prefix(' ')
            .and_then(|it| it.trim_start().chars().next());
        let is_abbreviation = ABBREVIATIONS.iter().any(|it| until.ends_with(it));
        let is_start = starts.is_some_and(|it| it.is_uppercase() || it == '`');
        is_start && !is_abbreviation
    })
}

/// `line` with what stands between backticks replaced by a bare pair.
fn without_code(line: &str) -> String {
    let parts = line.split('`').enumerate();
    let kept = parts.map(|(index, part)| if index % 2 == 0 { part } else { "`" });
    kept.collect()
}

#[test]
fn prose_has_one_sentence_per_line() {
    let all = files("", ".md");
    assert!(
        all.iter().any(|file| file.path == "README.md"),
        "the README was not found"
    );
    assert_none(
        all.iter()
            .flat_map(|file| check(&file.path, &file.text))
            .collect(),
    );
}

#[track_caller]
fn found(text: &str, expected: usize) {
    let violations = check("a.md", text);
    assert_eq!(violations.len(), expected, "{violations:?}");
}

#[test]
fn two_sentences_on_a_line_are_seen() {
    found("One sentence. Another one.\n", 1);
    found("Is it? `Yes` it is.\n", 1);
    found("- One. Two.\n", 1);
    found("One sentence, e.g. This one.\n", 0);
    found("The file `a. B` is one word.\n", 0);
    found("1. An item.\n2. Another.\n", 0);
    found("```text\nOne. Two.\n```\n", 0);
}

#[test]
fn a_sentence_over_two_lines_is_seen() {
    found("This sentence goes\non here.\n", 1);
    found("This one ends.\nThis too.\n", 0);
    found("A list:\n- one\n- two\n\nText.\n", 0);
    found("| a | b |\n| c | d |\n", 0);
}
