//! `inspect`: a run at one moment, every node and every task.

use serde::Deserialize;

use crate::arguments::{Format, Inspect};
use crate::exit::{Ended, Exit, Stopped};
use crate::text::{count, grouped, seconds};

/// What a test shows of a run that it stopped.
#[derive(Debug, Deserialize)]
struct Inspected {
    seed: String,
    polls: u64,
    time_ns: i64,
    ended: Option<String>,
    nodes: Vec<Node>,
    tasks: Vec<Task>,
    stopped: Vec<String>,
    last: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Node {
    name: String,
    address: String,
    state: String,
    incarnation: u32,
    monotonic_ns: i64,
    wall_ahead_ns: i64,
    sockets: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Task {
    number: u64,
    path: String,
    spawned_at: String,
    state: String,
    why: Vec<String>,
    awaits: Vec<Vec<String>>,
}

/// Stops the run and prints what is there.
pub(crate) fn inspect(arguments: &Inspect) -> Ended {
    let picked = arguments.which.pick()?;
    let answer = picked.ask(&[("SIMOOM_STOP", arguments.at.to_string())])?;
    let inspected = answer.lines.into_iter().find_map(|line| line.inspected);
    let Some(inspected) = inspected else {
        return Err(Stopped::with(
            Exit::Outside,
            format!(
                "{} ended with {} and did not stop there; it printed:\n{}",
                picked.test.id(),
                answer.status,
                answer.output
            ),
        ));
    };
    match arguments.message_format {
        Format::Json => println!("{inspected}"),
        Format::Human => {
            let inspected: Inspected = serde_json::from_value(inspected)
                .map_err(|error| Stopped::missing(format!("{}: {error}", picked.test.id())))?;
            print!("{}", shown(&picked.test.name, &inspected));
        }
    }
    Ok(Exit::Clean)
}

fn shown(test: &str, inspected: &Inspected) -> String {
    let mut lines = vec![format!(
        "{test}: seed {} at {}, step {}",
        inspected.seed,
        seconds(inspected.time_ns),
        grouped(inspected.polls)
    )];
    if let Some(ended) = &inspected.ended {
        lines.push(format!(
            "the run ended before it came there: {}",
            ended.replace('\n', "\n  ")
        ));
    }
    lines.push("\nnodes".to_owned());
    for node in &inspected.nodes {
        let clock = match node.wall_ahead_ns {
            0 => String::new(),
            ahead if ahead > 0 => format!(", wall clock {} ahead", seconds(ahead)),
            behind => format!(", wall clock {} behind", seconds(-behind)),
        };
        lines.push(format!(
            "  {:<10} {:<6}  {}  boot {}, clock {}{clock}",
            node.name,
            node.state,
            node.address,
            node.incarnation,
            seconds(node.monotonic_ns)
        ));
        lines.extend(node.sockets.iter().map(|socket| format!("    {socket}")));
    }
    for line in &inspected.stopped {
        lines.push(format!("  {line}"));
    }
    let many = inspected.tasks.len() as u64;
    lines.push(format!("\n{}", count(many, "task", "tasks")));
    for task in &inspected.tasks {
        lines.push(format!(
            "  {} {}, spawned at {}",
            task.number, task.path, task.spawned_at
        ));
        lines.push(format!("    {}", task.state));
        lines.extend(task.why.iter().map(|why| format!("    {why}")));
        for stack in &task.awaits {
            lines.extend(stack.iter().map(|frame| format!("      in {frame}")));
        }
    }
    lines.push("\nthe last events".to_owned());
    lines.extend(inspected.last.iter().map(|line| format!("  {line}")));
    lines.join("\n") + "\n"
}
