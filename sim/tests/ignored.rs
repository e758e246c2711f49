//! What a report says of a test that the harness leaves out unless it is told to run it.

use std::process::Command;

use simoom_sim::{Config, check};

/// Says that this process was started by a test of this file.
const CHILD: &str = "SIMOOM_TEST_CHILD";

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// The line with the command that replays a failure, of this binary with these arguments.
fn replay(arguments: &[&str]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).env(CHILD, "1");
    for name in ["SEED", "SEEDS", "REPLAY"] {
        command.env_remove(format!("SIMOOM_{name}"));
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let line = text.lines().find(|line| line.contains("cargo test"));
    line.unwrap_or_else(|| panic!("no command: {text}"))
        .to_owned()
}

#[test]
fn the_command_that_replays_an_ignored_test_runs_it() {
    let name = "fails_where_it_is_run";
    for option in ["--ignored", "--include-ignored"] {
        let line = replay(&[name, "--exact", option]);
        let end = format!(" -- --exact {name} --nocapture --include-ignored");
        assert!(line.ends_with(&end), "{option}: {line}");
    }
    // The attribute's tests too.
    let name = "of_the_attribute::fails";
    let line = replay(&[name, "--exact", "--ignored"]);
    assert!(line.ends_with(" --include-ignored"), "{line}");
}

#[test]
fn another_test_of_the_same_process_is_replayed_as_ever() {
    let name = "fails_in_a_child";
    for arguments in [
        &[name, "--exact"][..],
        &[name, "--exact", "--include-ignored"],
    ] {
        let line = replay(arguments);
        let end = format!(" -- --exact {name} --nocapture");
        assert!(line.ends_with(&end), "{line}");
    }
}

#[test]
#[ignore = "started by another test"]
fn fails_where_it_is_run() {
    fails_in_a_child();
}

#[test]
fn fails_in_a_child() {
    let config = Config::default().persist(false).explain(false);
    check(config, |_sim| async { assert!(!is_child(), "always") }).unwrap();
}

mod of_the_attribute {
    #[simoom_sim::test(persist = false, explain = false)]
    #[ignore = "started by another test"]
    async fn fails() {
        assert!(!crate::is_child(), "always");
    }
}
