//! What it ends with.

use crate::{alone, simoom};

#[test]
fn a_sweep_ends_with_the_class_of_what_it_found() {
    let _alone = alone();
    for (tests, status) in [
        ("passes", 0),
        ("is_to_panic", 0),
        ("loses_an_update", 81),
        ("hangs", 83),
        ("remembers_other_runs", 84),
        ("hangs loses_an_update", 80),
        ("remembers_other_runs loses_an_update", 84),
        ("aborts passes", 100),
    ] {
        simoom(&format!("run {{}} --seeds 30 --no-explain {tests}")).ends_with(status);
    }
}

#[test]
fn what_cannot_be_done_has_statuses_of_its_own() {
    for (line, status) in [
        ("run {} no_such_test", 4),
        ("run {} -E test(", 2),
        ("run {} --partition count:1/2", 2),
        ("run {} --partition count:3/2 --seeds 3", 2),
        ("run {} --time 10", 2),
        ("frobnicate", 2),
        ("run -p simoom-fixture --features broken --offline", 101),
        ("replay {} target/no-such-bundle", 5),
        ("replay {} no_such_test 1", 5),
        ("replay {} loses 1", 2),
        ("diff README.md target/no-such-record", 5),
        ("merge target/no-such-state", 5),
        ("minimize {} passes 1", 6),
        ("explain {} passes 1", 6),
        ("timeline {} passes 1", 6),
        ("timeline {} target/no-such-bundle", 5),
    ] {
        simoom(line).ends_with(status);
    }
}

#[test]
fn the_help_names_every_status() {
    let said = simoom("run --help").ends_with(0);
    let statuses = [0, 1, 2, 4, 5, 6, 80, 81, 82, 83, 84, 85, 86, 100, 101];
    let (_, table) = said
        .output
        .split_once("Exit status:")
        .expect("there is a table");
    for status in statuses {
        let is_named = table.split_whitespace().any(|it| it == status.to_string());
        assert!(is_named, "{status} is not in:\n{table}");
    }
}

/// It may be called without cargo.
#[test]
fn it_answers_to_its_own_name() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cargo-simoom"));
    let output = command.args(["completions", "fish"]).output();
    let output = output.expect("the command can be started");
    let script = String::from_utf8(output.stdout).expect("it prints text");
    assert_eq!(script, simoom("completions fish").ends_with(0).output);
}
