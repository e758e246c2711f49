//! Python's asyncio, on its own loop and on uvloop's.
//!
//! Owns the environment that they run in: uvloop comes from PyPI into a folder of the build.

use std::path::PathBuf;
use std::process::{Command, Stdio};

const ROWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/asyncio/rows.py");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/asyncio");

/// Makes the environment, unless it is there.
///
/// # Panics
/// If there is no `python3` of 3.11 or later with `venv`, or nothing can be fetched from PyPI.
pub fn build() {
    if python().exists() {
        return;
    }
    run(Command::new("python3").args(["-m", "venv", FOLDER]));
    run(Command::new(python()).args(["-m", "pip", "install", "--quiet", "uvloop==0.22.1"]));
}

/// The command of one measurement.
pub fn command(row: &str, peer: &str, scale: u64) -> Vec<String> {
    let python = python().display().to_string();
    vec![
        python,
        ROWS.to_owned(),
        row.to_owned(),
        peer.to_owned(),
        scale.to_string(),
    ]
}

fn python() -> PathBuf {
    PathBuf::from(FOLDER).join("bin/python")
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status();
    assert!(
        status.is_ok_and(|it| it.success()),
        "{command:?} did not work"
    );
}
