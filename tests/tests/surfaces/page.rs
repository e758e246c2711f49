//! The book's table of surfaces: every row names a test that exists, and every test has a row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The words for what becomes of a surface.
const WORDS: [&str; 6] = [
    "virtual",
    "seeded",
    "refused",
    "caught",
    "fresh process",
    "not seen",
];

/// One row of the table.
#[derive(Debug)]
struct Row {
    surface: String,
    /// The words in bold.
    words: Vec<String>,
    tests: Vec<String>,
}

/// The rows of the table below the heading `## The surfaces`.
fn rows(page: &str) -> Vec<Row> {
    let (_, table) = page
        .split_once("\n## The surfaces\n")
        .expect("the page has the table");
    let table = table.split("\n## ").next().unwrap_or_default();
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim_matches('|');
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let every_other = |text: &str, mark: &str| -> Vec<String> {
        let parts = text.split(mark).skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    };
    let lines = table.lines().filter(|line| line.starts_with("| "));
    lines
        .skip(2)
        .map(|line| {
            let cells = cells(line);
            assert_eq!(cells.len(), 4, "a row has four cells: {line}");
            Row {
                surface: cells[0].clone(),
                words: every_other(&cells[1], "**"),
                tests: every_other(&cells[3], "`"),
            }
        })
        .collect()
}

fn page() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join("docs/book/src/determinism.md")).expect("the book has the page")
}

/// The names of the tests in a source file: `#[test]`, or the first word of a line of a macro that
/// makes one.
fn tests_in(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut after_attribute = false;
    for line in text.lines() {
        let line = line.trim();
        let name = line.strip_prefix("fn ").and_then(|it| it.split('(').next());
        if let (true, Some(name)) = (after_attribute, name.filter(|it| !it.starts_with('$'))) {
            names.insert(name.to_owned());
        }
        if let Some((name, "||")) = line
            .split_once(": ")
            .map(|(name, rest)| (name, &rest[..2.min(rest.len())]))
        {
            names.insert(name.to_owned());
        }
        after_attribute = line == "#[test]" || (after_attribute && line.starts_with("#["));
    }
    names
}

/// The tests of this folder, and those of the files beside it, as rows name them.
fn all_tests() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut names = BTreeSet::new();
    for folder in [folder.join("surfaces"), folder] {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.extension().is_none_or(|it| it != "rs") {
                continue;
            }
            let file = path.file_stem().expect("a file has a name");
            let text = fs::read_to_string(&path).expect("it can be read");
            let tests = tests_in(&text).into_iter();
            names.extend(tests.map(|test| format!("{}::{test}", file.display())));
        }
    }
    names
}

#[test]
fn every_row_names_a_test_that_exists() {
    let (rows, tests) = (rows(&page()), all_tests());
    assert!(rows.len() > 30, "{} rows", rows.len());
    for row in rows {
        assert!(!row.words.is_empty(), "no word in bold: {row:?}");
        for word in &row.words {
            assert!(WORDS.contains(&word.as_str()), "{word}: {row:?}");
        }
        assert!(!row.tests.is_empty(), "{} names no test", row.surface);
        for test in &row.tests {
            assert!(tests.contains(test), "{} names {test}", row.surface);
        }
    }
}

#[test]
fn every_test_of_a_surface_has_a_row() {
    let named: BTreeSet<String> = rows(&page()).into_iter().flat_map(|it| it.tests).collect();
    let rooms = [
        "caught::",
        "clock::",
        "entropy::",
        "glibc::",
        "refused::",
        "unseen::",
    ];
    for test in all_tests() {
        if rooms.iter().any(|room| test.starts_with(room)) {
            assert!(named.contains(&test), "no row names {test}");
        }
    }
}

#[test]
fn a_row_without_a_test_is_seen() {
    let page = "\n## The surfaces\n\n| a | b | c | d |\n| --- | --- | --- | --- |\n\
                | `x` | **caught** | | `caught::gone` |\n";
    let rows = rows(page);
    assert_eq!(rows[0].surface, "`x`");
    assert_eq!(rows[0].tests, ["caught::gone"]);
    assert!(!all_tests().contains("caught::gone"));
    assert!(all_tests().contains("page::a_row_without_a_test_is_seen"));
}
