//! `redis-cli` and `redis-benchmark` against the server.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use crate::process::Process;

/// What a tool prints when it is given `input`. Fails unless the tool succeeds.
#[track_caller]
fn run(tool: &str, server: &Process, args: &[&str], input: &str) -> String {
    let port = server.addr.port().to_string();
    let spawned = Command::new(tool)
        .args(["-h", "127.0.0.1", "-p", &port])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("{tool} is missing: install redis-tools (Debian, Ubuntu) or redis (Homebrew)")
        }
        other => other.unwrap(),
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{tool} failed: {stdout}{stderr}");
    assert_eq!(stderr, "", "{tool} complained");
    stdout
}

#[test]
fn redis_cli_understands_the_replies() {
    let server = Process::start(&[]);
    let script = "SET greeting \"hello world\"\nGET greeting\nGET missing\nINCR n\nINCRBY n 41\n\
                  MSET a 1 b 2\nMGET a missing b\nSET n 1 NX\nSET n 1 EX 100 GET\nTTL n\nTYPE n\n\
                  DEL a b c\nEXISTS greeting\nDBSIZE\nINCR greeting\nGET\nBOGUS x\nPING\nECHO hi\n\
                  SELECT 0\nFLUSHALL\nDBSIZE\n";
    let expected = "OK\nhello world\n\n1\n42\nOK\n1\n\n2\n\n42\n100\nstring\n2\n1\n2\n\
                    ERR value is not an integer or out of range\n\n\
                    ERR wrong number of arguments for 'get' command\n\n\
                    ERR unknown command 'BOGUS', with args beginning with: 'x' \n\n\
                    PONG\nhi\nOK\nOK\n0\n";
    assert_eq!(run("redis-cli", &server, &[], script), expected);
}

#[test]
fn redis_cli_can_ask_what_the_commands_are() {
    let server = Process::start(&[]);
    let docs = run("redis-cli", &server, &["COMMAND", "DOCS", "get"], "");
    assert_eq!(docs, "get\nsummary\nTells a value\ngroup\nstring\n");
    let count: usize = run("redis-cli", &server, &["COMMAND", "COUNT"], "")
        .trim()
        .parse()
        .unwrap();
    let names = run("redis-cli", &server, &["COMMAND", "LIST"], "");
    assert_eq!(names.lines().count(), count);
    assert_eq!(
        run("redis-cli", &server, &["COMMAND"], "")
            .matches("readonly")
            .count(),
        9
    );
}

#[test]
fn redis_cli_tells_what_the_server_is() {
    let server = Process::start(&["--max-clients", "77"]);
    run("redis-cli", &server, &["SET", "a", "1", "EX", "100"], "");
    let info = run("redis-cli", &server, &["INFO"], "");
    for line in [
        "# Server",
        "maxclients:77",
        "connected_clients:1",
        "db0:keys=1,expires=1,avg_ttl=0",
    ] {
        assert!(
            info.lines().any(|told| told.trim_end() == line),
            "{line} is not in {info}"
        );
    }
    assert!(!run("redis-cli", &server, &["INFO", "clients"], "").contains("# Server"));
    let setting = run("redis-cli", &server, &["CONFIG", "GET", "maxclients"], "");
    assert_eq!(setting, "maxclients\n77\n");
}

#[test]
fn redis_cli_inserts_many_keys_through_a_pipe() {
    let server = Process::start(&[]);
    let script: String = (0..20_000)
        .map(|n| format!("SET key:{n} {n}\r\n"))
        .collect();
    let summary = run("redis-cli", &server, &["--pipe"], &script);
    assert!(summary.contains("errors: 0, replies: 20000"), "{summary}");
    assert_eq!(run("redis-cli", &server, &["DBSIZE"], ""), "20000\n");
    assert_eq!(
        run("redis-cli", &server, &["GET", "key:19999"], ""),
        "19999\n"
    );
}

#[track_caller]
fn check_benchmark(args: &[&str], tests: usize) {
    let server = Process::start(&[]);
    let report = run("redis-benchmark", &server, &[&["-q"], args].concat(), "");
    assert_eq!(
        report.matches("requests per second").count(),
        tests,
        "{report}"
    );
    assert!(!report.contains("rror"), "{report}");
}

#[test]
fn redis_benchmark_runs_its_usual_tests() {
    check_benchmark(
        &["-t", "ping,set,get,incr,mset", "-n", "5000", "-c", "50"],
        6,
    );
}

#[test]
fn redis_benchmark_runs_pipelined() {
    check_benchmark(
        &[
            "-t",
            "ping,set,get,incr,mset",
            "-n",
            "20000",
            "-c",
            "20",
            "-P",
            "16",
            "-r",
            "1000",
        ],
        6,
    );
}

#[test]
fn redis_benchmark_runs_with_large_values() {
    check_benchmark(
        &["-t", "set,get,mset", "-n", "200", "-c", "5", "-d", "100000"],
        3,
    );
}
