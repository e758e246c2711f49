//! The programs that bodies start which run in both worlds.
//!
//! In the real world they are the system's own. In the simulated one they are these, as far as the
//! bodies use them: `cat`, `echo`, `true`, `sleep`, `head -c`, and a shell that knows a handful of
//! commands.

use std::ffi::OsStr;
use std::io;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::process::Command;
use simoom::signal::unix::{Signal, SignalKind, signal};
use simoom::time::{Duration, sleep};
use simoom_sim::{Process, Sim};

/// Registers them in a simulation.
pub fn register(sim: &Sim) {
    sim.program("true", |_| async {});
    sim.program("sleep", |process| async move {
        pause(&text(&process.args()[0])).await;
    });
    sim.program("cat", |mut process| async move { cat(&mut process).await });
    sim.program("echo", |mut process| async move {
        let words: Vec<_> = process.args().iter().map(text).collect();
        let line = format!("{}\n", words.join(" "));
        process.stdout.write_all(line.as_bytes()).await
    });
    sim.program("head", |mut process| async move {
        let count = text(&process.args()[1]).parse().unwrap();
        process.stdout.write_all(&vec![0; count]).await
    });
    sim.program("sh", |process| Shell::new(process).run());
}

async fn cat(process: &mut Process) -> io::Result<()> {
    let mut bytes = [0; 4096];
    loop {
        let count = process.stdin.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        process.stdout.write_all(&bytes[..count]).await?;
    }
}

fn text<S: AsRef<OsStr> + ?Sized>(argument: &S) -> String {
    argument.as_ref().to_string_lossy().into_owned()
}

async fn pause(seconds: &str) {
    sleep(Duration::from_secs_f64(seconds.parse().unwrap())).await;
}

/// `sh -c`, with commands that stand apart by `; `.
struct Shell {
    process: Process,
    script: String,
    /// What is done on SIGTERM.
    trap: Option<(Signal, String)>,
}

impl Shell {
    fn new(process: Process) -> Self {
        assert_eq!(process.args()[0], "-c", "the shell runs scripts alone");
        Self {
            script: text(&process.args()[1]),
            process,
            trap: None,
        }
    }

    async fn run(mut self) -> i32 {
        let mut rest = std::mem::take(&mut self.script);
        while !rest.is_empty() {
            rest = match self.statement(&rest).await {
                Ok(after) => after,
                Err(code) => return code,
            };
        }
        0
    }

    /// Does the first statement of a script. What comes after it, or the shell's code.
    async fn statement(&mut self, script: &str) -> Result<String, i32> {
        if let Some(trap) = script.strip_prefix("trap '") {
            let (action, after) = trap.split_once("' TERM; ").unwrap();
            let listening = signal(SignalKind::terminate()).unwrap();
            self.trap = Some((listening, action.to_owned()));
            return Ok(after.to_owned());
        }
        if script.starts_with("while true; do ") {
            let (listening, action) = self.trap.as_mut().unwrap();
            listening.recv().await;
            return Ok(action.clone());
        }
        if let Some((command, after)) = script.split_once(" & ")
            && !command.contains(';')
        {
            let child = Command::new("sh").args(["-c", command]).spawn();
            drop(child.unwrap());
            return Ok(after.to_owned());
        }
        let (command, after) = script.split_once("; ").unwrap_or((script, ""));
        self.command(command).await?;
        Ok(after.to_owned())
    }

    /// Does one command; its code if it ends the shell.
    async fn command(&mut self, command: &str) -> Result<(), i32> {
        let process = &mut self.process;
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        match word {
            "exit" => return Err(rest.parse().unwrap()),
            "echo" => {
                let (words, is_error) = match rest.strip_suffix(" >&2") {
                    Some(words) => (words, true),
                    None => (rest, false),
                };
                let words = match words.strip_prefix('$') {
                    Some(name) => process.env(name).map(text).unwrap_or_default(),
                    None => words.to_owned(),
                };
                let line = format!("{words}\n");
                let output = match is_error {
                    true => &mut process.stderr,
                    false => &mut process.stdout,
                };
                output.write_all(line.as_bytes()).await.unwrap();
            }
            "pwd" => {
                let line = format!("{}\n", process.current_dir().unwrap().display());
                process.stdout.write_all(line.as_bytes()).await.unwrap();
            }
            "sleep" => pause(rest).await,
            "exec" if rest == "0<&-" => process.stdin.close(),
            "exec" if rest == "cat" => return Err(cat(process).await.map_or(1, |()| 0)),
            "exec" => {
                pause(rest.strip_prefix("sleep ").unwrap()).await;
                return Err(0);
            }
            _ => panic!("the shell does not know {command:?}"),
        }
        Ok(())
    }
}
