//! A test of this binary in a process of its own.
//!
//! Variables of the environment belong to the whole process: what depends on them runs in a child,
//! which is this binary with one test's name.

use std::process::{Command, Output};

/// Whether this process was started by [`child`].
pub(crate) fn is_child() -> bool {
    std::env::var_os("SIMOOM_TEST_CHILD").is_some()
}

/// Runs the test `name` of this binary alone, with `variables`.
pub(crate) fn child(name: &str, variables: &[(&str, &str)]) -> Output {
    child_with(&["--nocapture"], name, variables)
}

/// What the environment can say, without its prefix.
const VARIABLES: [&str; 11] = [
    "SEED",
    "SEEDS",
    "FIRST_SEED",
    "STRATEGY",
    "DOUBLED",
    "PROCESSES",
    "REPLAY",
    "JOBS",
    "PERSIST",
    "FAULTS",
    "PROGRESS",
];

/// Runs one test of this binary in a process of its own, with these arguments for the harness.
pub(crate) fn child_with(arguments: &[&str], name: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--include-ignored"]);
    command.args(arguments);
    for name in VARIABLES {
        command.env_remove(format!("SIMOOM_{name}"));
    }
    command
        .env("SIMOOM_TEST_CHILD", "1")
        .env("RUST_BACKTRACE", "0");
    command.envs(variables.iter().copied());
    command.output().unwrap()
}

/// What a child printed.
pub(crate) fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}
