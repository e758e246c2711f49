//! Flags, messages and exit codes.

use std::process::{Command, Output};

use crate::process::Process;

fn run(flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kv"))
        .args(flags)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_every_flag() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for flag in [
        "--bind",
        "--port",
        "--max-clients",
        "--timeout",
        "--max-request-bytes",
        "--status-port",
        "--status-bind",
        "--replicaof",
        "--sync-replicas",
        "--repl-timeout",
        "--repl-backlog-size",
        "--version",
    ] {
        assert!(
            text(&output.stdout).contains(flag),
            "{flag} is not in the help"
        );
    }
}

#[test]
fn version_is_told() {
    let output = run(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        format!("kv {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[track_caller]
fn check_refused(flags: &[&str], named: &str) {
    let output = run(flags);
    assert_eq!(output.status.code(), Some(2), "{flags:?}");
    assert!(
        text(&output.stderr).contains(named),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_wrong_flag_is_named_and_ends_with_code_2() {
    check_refused(&["--bogus"], "--bogus");
    check_refused(&["--port", "65536"], "65536");
    check_refused(&["--timeout", "soon"], "soon");
    check_refused(&["--status-port", "none"], "none");
    check_refused(&["--max-request-bytes", "10"], "10");
    check_refused(&["--replicaof", "127.0.0.1"], "a host and a port");
    check_refused(&["--replicaof", "127.0.0.1 high"], "high");
    check_refused(&["--repl-timeout", "0"], "0");
    check_refused(&["extra"], "extra");
}

#[test]
fn a_taken_port_is_named_and_ends_with_code_1() {
    let server = Process::start(&[]);
    let output = run(&["--port", &server.addr.port().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = format!("kv: cannot listen on {}: ", server.addr);
    assert!(
        text(&output.stderr).starts_with(&complaint),
        "{}",
        text(&output.stderr)
    );
}
