//! The command as it is built, on tests that fail on purpose.

mod exits;
mod failures;
mod lists;
mod shells;
mod sweeps;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// What a call came to.
struct Said {
    status: i32,
    output: String,
    errors: String,
}

impl Said {
    /// The lines of JSON that were printed.
    fn events(&self, name: &str) -> Vec<Value> {
        let lines = self.output.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        lines.filter(|line| line["event"] == name).collect()
    }

    #[track_caller]
    fn ends_with(self, status: i32) -> Self {
        let Self { output, errors, .. } = &self;
        assert_eq!(self.status, status, "printed:\n{output}\n{errors}");
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(
            self.output.contains(text),
            "no {text:?} in:\n{}",
            self.output
        );
        self
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the workspace is there")
}

/// Calls `cargo simoom` with what is typed, as one word each, and environment variables.
fn simoom_with(variables: &[(&str, &str)], words: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-simoom"));
    command.arg("simoom").args(words).current_dir(root());
    for (name, _) in std::env::vars_os() {
        let is_ours = ["SIMOOM_", "CARGO_PKG_", "NEXTEST", "RUST_"];
        if is_ours
            .iter()
            .any(|start| name.to_string_lossy().starts_with(start))
        {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied());
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the command can be started");
    Said {
        status: status.code().expect("no signal ends it"),
        output: String::from_utf8(stdout).expect("it prints text"),
        errors: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Calls it with a line that is typed, in which `{}` stands for the fixture with its failing tests.
fn simoom(line: &str) -> Said {
    let line = line.replace("{}", FIXTURE);
    simoom_with(&[], &line.split(' ').collect::<Vec<_>>())
}

const FIXTURE: &str = "-p simoom-fixture --features failing --offline";

/// Whoever holds it has the bundles of the fixture for itself.
fn alone() -> File {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bundles.lock");
    let file = File::create(path).expect("the folder is cargo's");
    file.lock().expect("the file can be locked");
    file
}

/// A path below the folder for temporary files, at which there is nothing.
fn fresh(name: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path.to_str().expect("the path is text").to_owned()
}

/// Sweeps a failing test of the fixture, and returns the bundle of its first failure.
fn bundle_of(test: &str) -> String {
    let said = simoom(&format!(
        "run {{}} -E test(={test}) --seeds 60 --message-format json"
    ));
    let groups = said.events("group");
    let bundle = groups[0]["example"]["bundle"].as_str();
    bundle.expect("the failure has a bundle").to_owned()
}
