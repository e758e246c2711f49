//! What would make a simulated run depend on more than its seed.

use crate::words::{code, lines_with};
use crate::{assert_none, files};

/// Words that must not stand in the simulator's code, and why.
const BANNED: [(&str, &str); 8] = [
    ("HashMap", "its order differs from run to run: use BTreeMap"),
    ("HashSet", "its order differs from run to run: use BTreeSet"),
    (
        "Instant::now",
        "real time is nobody's business inside a run: use the world's clock",
    ),
    (
        "SystemTime::now",
        "real time is nobody's business inside a run: use the world's clock",
    ),
    (
        "thread_rng",
        "chance comes from the strategy, keyed by its owner",
    ),
    ("RandomState", "its hashes differ from run to run"),
    ("f32", "integers are the same on every machine"),
    ("f64", "integers are the same on every machine"),
];

/// Where they may stand all the same, and why.
const EXEMPT: [(&str, &str, &str); 7] = [
    (
        "sim/src/watchdog.rs",
        "Instant::now",
        "it ends runs that are stuck in real time, and is outside every run",
    ),
    (
        "sim/src/check/investigate.rs",
        "Instant::now",
        "it says how long shrinking took, between runs",
    ),
    (
        "sim/src/check/shrink/search.rs",
        "Instant::now",
        "it keeps to a limit of real time, between runs",
    ),
    (
        "sim/src/check/explain/explainer.rs",
        "Instant::now",
        "it keeps to a limit of real time, between runs",
    ),
    (
        "sim/src/intercept/support.rs",
        "SystemTime::now",
        "it tries whether the clock of std is virtual",
    ),
    (
        "sim/src/intercept/support.rs",
        "RandomState",
        "it draws the keys of a thread from the seed, before anybody can look at them",
    ),
    (
        "sim/src/check/progress.rs",
        "Instant::now",
        "it says how long a sweep takes, between runs",
    ),
];

fn check(path: &str, text: &str) -> Vec<String> {
    // Tests look at runs from outside.
    if path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let code = code(text);
    let mut violations = Vec::new();
    for (word, why) in BANNED {
        if EXEMPT
            .iter()
            .any(|(file, exempt, _)| *file == path && *exempt == word)
        {
            continue;
        }
        for line in lines_with(&code, word) {
            violations.push(format!(
                "{path}:{line}: `{word}`: {why} (or add the file to EXEMPT in \
                 tests/tests/tidy/determinism.rs, with the reason)"
            ));
        }
    }
    violations
}

#[test]
fn the_simulator_depends_on_its_seed_alone() {
    let all = files("sim/src", ".rs");
    assert!(!all.is_empty(), "the simulator was not found");
    assert_none(
        all.iter()
            .flat_map(|file| check(&file.path, &file.text))
            .collect(),
    );
}

#[test]
fn the_exemptions_are_needed() {
    let all = files("sim/src", ".rs");
    for (path, word, why) in EXEMPT {
        let file = all.iter().find(|file| file.path == path);
        let used = file.is_some_and(|file| !lines_with(&code(&file.text), word).is_empty());
        assert!(
            used,
            "{path} needs no exemption for `{word}` ({why}): take it off EXEMPT"
        );
    }
}

#[test]
fn a_source_of_nondeterminism_is_seen() {
    let text = "use std::collections::HashMap;\nlet now = Instant::now();\nlet ratio: f64 = 0.5;\n";
    assert_eq!(check("sim/src/new.rs", text).len(), 3);
    assert_eq!(check("sim/src/watchdog.rs", text).len(), 2);
    assert!(
        check(
            "sim/src/new.rs",
            "// A HashMap would not do.\nuse std::collections::BTreeMap;"
        )
        .is_empty()
    );
}
