//! One measurement: starting its process, and being it.
//!
//! ```text
//! peers child ROW PEER SCALE                  the measurement
//! peers child client PORT CONNECTIONS COUNT   the other end of an echo row
//! ```

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::{Map, Value};
use simoom_sim::Strategy;

use crate::measure::Costs;
use crate::rows::Row;
use crate::{kv, peer, python, sim};

/// The figures of one measurement; none if the machine lacks what it needs.
pub fn measure(row: &Row, peer: &str, round: u32, scale: u64) -> Option<Map<String, Value>> {
    if row.name.starts_with("echo") {
        let mut figures = echo(&server(row.name, peer, scale), row.name, scale);
        // Counting slows the server down, so it is done apart, and once.
        if round == 0
            && let Some(calls) = calls_per_message(row.name, peer)
        {
            figures.insert("syscalls".to_owned(), calls.into());
        }
        return Some(figures);
    }
    if row.name.starts_with("kv") {
        return kv::measure(row.name, peer, scale);
    }
    let mut command = server(row.name, peer, scale);
    if let Some(rest) = peer.strip_prefix("madsim") {
        command = vec![
            concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/madsim/target/release/peers-madsim"
            )
            .to_owned(),
            row.name.to_owned(),
            scale.to_string(),
            rest.trim_start_matches('-').to_owned(),
        ];
    }
    if peer == "asyncio" || peer == "uvloop" {
        command = python::command(row.name, peer, scale);
    }
    let mut child = start(&command);
    let mut text = String::new();
    let output = child.stdout.as_mut().expect("it is piped");
    output
        .read_to_string(&mut text)
        .expect("a child prints text");
    finish(child, &text)
}

/// Is a measurement, or a part of one.
pub fn run(arguments: &[String]) {
    let number = |index: usize| -> u64 { arguments[index].parse().expect("a number") };
    let (row, name) = (&*arguments[0], &*arguments[1]);
    if row == "client" {
        peer::raw::client(number(1) as u16, number(2) as usize, number(3));
        return;
    }
    let scale = number(2);
    if row.starts_with("echo") {
        let (connections, messages) = load(row, scale);
        match name {
            "raw-epoll" => peer::raw::echo(connections, messages),
            "simoom" => peer::simoom::echo(connections, messages),
            "tokio" => peer::tokio::echo(connections, messages),
            "monoio" => peer::monoio::echo(connections, messages),
            _ => panic!("unknown peer {name}"),
        }
        .print();
        return;
    }
    let costs: Option<Costs> = match name {
        "floor" => peer::floor::run(row, scale),
        "simoom" => peer::simoom::run(row, scale)
            .or_else(|| peer::simoom::run_locks(row, scale))
            .or_else(|| peer::simoom::run_gather(row, scale))
            .or_else(|| peer::simoom::run_blocking(row, scale)),
        "tokio" => peer::tokio::run(row, scale)
            .or_else(|| peer::tokio::run_locks(row, scale))
            .or_else(|| peer::tokio::run_blocking(row, scale)),
        "monoio" => peer::monoio::run(row, scale),
        "simoom-calm" => sim::simoom::run(row, Strategy::Calm, scale),
        "simoom-random" => sim::simoom::run(row, Strategy::Random, scale),
        "simoom-portfolio" => sim::simoom::run(row, Strategy::Portfolio, scale),
        "tokio-paused" => sim::paused::run(row, scale),
        _ => panic!("unknown peer {name}"),
    };
    costs
        .unwrap_or_else(|| panic!("{name} has no row {row}"))
        .print();
}

/// Connections and messages of an echo row.
fn load(row: &str, scale: u64) -> (usize, u64) {
    match row {
        "echo_c1" => (1, 100_000 / scale),
        _ => (64, 600_000 / scale),
    }
}

fn server(row: &str, peer: &str, scale: u64) -> Vec<String> {
    let program = std::env::current_exe().expect("a running program has a file");
    let program = program.display().to_string();
    vec![
        program,
        "child".into(),
        row.into(),
        peer.into(),
        scale.to_string(),
    ]
}

fn start(command: &[String]) -> Child {
    let mut child = Command::new(&command[0]);
    child.args(&command[1..]).stdout(Stdio::piped());
    child
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"))
}

fn finish(mut child: Child, line: &str) -> Option<Map<String, Value>> {
    let status = child.wait().expect("a started child");
    assert!(status.success(), "a measurement failed");
    match serde_json::from_str(line.trim()) {
        Ok(Value::Object(figures)) => Some(figures),
        _ => panic!("a measurement printed {line:?}"),
    }
}

/// Runs an echo server by `command` and its client, each in a process of its own.
fn echo(command: &[String], row: &str, scale: u64) -> Map<String, Value> {
    let mut server = start(command);
    let mut output = BufReader::new(server.stdout.take().expect("it is piped"));
    let mut port = String::new();
    output
        .read_line(&mut port)
        .expect("a server prints its port");
    let (connections, messages) = load(row, scale);
    let program = std::env::current_exe().expect("a running program has a file");
    let status = Command::new(program)
        .args(["child", "client", port.trim()])
        .args([connections.to_string(), messages.to_string()])
        .status();
    assert!(status.is_ok_and(|it| it.success()), "the client failed");
    let mut line = String::new();
    output
        .read_line(&mut line)
        .expect("a server prints its figures");
    finish(server, &line).expect("an echo server has figures")
}

/// How many system calls a server does per message, by `strace -c`, if there is one.
///
/// What it does before the first message and after the last is in the count.
fn calls_per_message(row: &str, peer: &str) -> Option<f64> {
    const SCALE: u64 = 20;
    let report = std::env::temp_dir().join(format!("peers-strace-{}", std::process::id()));
    let probe = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    probe.ok().filter(std::process::ExitStatus::success)?;
    let mut command: Vec<String> = ["strace", "-f", "-c", "-U", "calls,name", "-o"]
        .map(str::to_owned)
        .into();
    command.push(report.display().to_string());
    command.extend(server(row, peer, SCALE));
    echo(&command, row, SCALE);
    let text = std::fs::read_to_string(&report).ok()?;
    let _ = std::fs::remove_file(&report);
    let (_, messages) = load(row, SCALE);
    // The last line is `      12345 total`.
    let total = text
        .lines()
        .rev()
        .find(|line| line.trim_end().ends_with("total"))?;
    let total: f64 = total.split_whitespace().next()?.parse().ok()?;
    Some(total / messages as f64)
}
