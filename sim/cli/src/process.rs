//! One test in a process of its own, and the lines of JSON that it answers with.
//!
//! Owns how a test binary is started, as cargo would, and the form of its answers.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::cargo::Test;
use crate::exit::Stopped;

/// What came of one sweep of a test.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) format: u32,
    /// What the runs are numbered by: `seeds`, `one seed`, `orders`, `cancels`.
    pub(crate) by: String,
    pub(crate) first_seed: String,
    pub(crate) asked: u64,
    pub(crate) runs: u64,
    pub(crate) virtual_ns: u64,
    pub(crate) known: Vec<Known>,
    pub(crate) notes: Vec<String>,
    pub(crate) failure: Option<Failure>,
    pub(crate) inspected: Option<serde_json::Value>,
}

/// A seed that failed in a way that was known before.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Known {
    pub(crate) seed: String,
    pub(crate) signature: String,
}

/// A failure, as its test tells it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Failure {
    pub(crate) class: String,
    pub(crate) signature: String,
    pub(crate) seed: String,
    /// `seed`, `order`, `cancel`, `undisturbed` or `saved`.
    pub(crate) of: String,
    pub(crate) message: String,
    pub(crate) confirmed: String,
    pub(crate) raw_deviations: u64,
    pub(crate) deviations: u64,
    pub(crate) replays: u64,
    pub(crate) minimal: bool,
    pub(crate) story: Vec<String>,
    pub(crate) report: String,
    pub(crate) explanation: String,
    pub(crate) difference: Option<String>,
    pub(crate) plan: String,
    pub(crate) bundle: Option<PathBuf>,
    pub(crate) saved_at: Option<PathBuf>,
    pub(crate) owner: Option<String>,
    pub(crate) replay: String,
}

/// How a test ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: ExitStatus,
    pub(crate) lines: Vec<Line>,
    /// What it printed, if that was kept.
    pub(crate) output: String,
}

/// The form of lines that is understood.
const FORMAT: u32 = 1;

impl Test {
    /// The command that runs it alone, as cargo would run it.
    pub(crate) fn command(&self) -> Command {
        let binary = &self.binary;
        let mut command = Command::new(&binary.executable);
        command
            .args([&self.name, "--exact", "--nocapture", "--include-ignored"])
            .current_dir(&binary.folder)
            .env("CARGO_MANIFEST_DIR", &binary.folder)
            .env("CARGO_PKG_NAME", &binary.package)
            .env("CARGO_PKG_VERSION", &binary.version)
            .stdin(Stdio::null());
        for name in OURS {
            command.env_remove(name);
        }
        command
    }

    /// Runs it with these variables, and reads its answers. What it prints is kept.
    pub(crate) fn ask(&self, variables: &[(&str, String)]) -> Result<Answer, Stopped> {
        let path = scratch("jsonl");
        let mut command = self.command();
        let of_test = |error| Stopped::missing(format!("{}: {error}", self.id()));
        command.env("SIMOOM_JSON", &path);
        for (name, value) in variables {
            command.env(name, value);
        }
        let output = command.output();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(&path);
        let output = output.map_err(of_test)?;
        let mut lines = Vec::new();
        for line in text.lines() {
            let line: Line = serde_json::from_str(line).map_err(|error| {
                Stopped::missing(format!(
                    "{} answers in a way that is not understood, which other versions of \
                     simoom-sim do: {error}",
                    self.id()
                ))
            })?;
            if line.format != FORMAT {
                return Err(Stopped::missing(format!(
                    "{} answers in format {}, not in {FORMAT}: its simoom-sim is another version",
                    self.id(),
                    line.format
                )));
            }
            lines.push(line);
        }
        let printed = [output.stdout, output.stderr].concat();
        Ok(Answer {
            status: output.status,
            lines,
            output: String::from_utf8_lossy(&printed).into_owned(),
        })
    }
}

/// Variables by which this program drives tests: nobody else's values get to them.
const OURS: [&str; 10] = [
    "SIMOOM_SEED",
    "SIMOOM_SEEDS",
    "SIMOOM_FIRST_SEED",
    "SIMOOM_REPLAY",
    "SIMOOM_SAVED",
    "SIMOOM_STOP",
    "SIMOOM_KNOWN",
    "SIMOOM_JSON",
    "SIMOOM_MINIMIZE",
    "SIMOOM_PERSIST",
];

/// The path of a file that nobody else has.
pub(crate) fn scratch(end: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("cargo-simoom-{}-{number}.{end}", std::process::id());
    std::env::temp_dir().join(name)
}

/// `path` from the root.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Stopped> {
    std::path::absolute(path)
        .map_err(|error| Stopped::missing(format!("{}: {error}", path.display())))
}
