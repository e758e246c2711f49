//! Child processes.

mod children;
mod pipes;
mod signals;

use std::process::Stdio;

use simoom::process::{Child, Command};

/// A shell that runs `script`, all of whose streams are piped.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn start(script: &str) -> Child {
    shell(script).spawn().unwrap()
}
