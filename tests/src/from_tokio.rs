//! What tokio has and what we have of it, item by item: `docs/from-tokio.md`.
//!
//! The page is made of three things: what tokio's documentation lists (`tokio.txt`, made once from
//! the version that it names), what ours lists, and what is said about single items (`notes.txt`).
//! So it cannot claim what does not exist. What an item does is what the other tests are about.

mod notes;
mod page;
mod surface;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

pub use notes::{Note, Notes, Verdict};
pub use page::page;
pub use surface::Surface;

const TOKIO: &str = include_str!("from_tokio/tokio.txt");
const NOTES: &str = include_str!("from_tokio/notes.txt");
const HEAD: &str = include_str!("from_tokio/head.md");

/// Says what is wrong with the page, if something is.
///
/// # Errors
///
/// What the notes do not say or say wrongly, and that the page is another than would be written.
pub fn check() -> Result<(), String> {
    if fs::read_to_string(place()).unwrap_or_default() == written()? {
        return Ok(());
    }
    Err(
        "docs/from-tokio.md is not what it would be now: write it by \
         `cargo run -p simoom-tools --bin from-tokio -- --write`, and read what has changed"
            .to_owned(),
    )
}

/// Writes the page.
///
/// # Errors
///
/// What the notes do not say or say wrongly; that the page cannot be written.
pub fn write() -> Result<(), String> {
    fs::write(place(), written()?).map_err(|error| error.to_string())
}

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/from-tokio.md")
}

fn written() -> Result<String, String> {
    page(
        &Surface::of_text(TOKIO),
        &ours()?,
        &Notes::read(NOTES)?,
        HEAD,
    )
}

/// What our documentation lists, which is made for that.
fn ours() -> Result<Surface, String> {
    let folder = documentation()?;
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "doc",
            "--quiet",
            "-p",
            "simoom",
            "--no-deps",
            "--all-features",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !status.success() {
        return Err("the documentation of simoom could not be made".to_owned());
    }
    Surface::of_pages(&folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// Where cargo puts our documentation.
fn documentation() -> Result<PathBuf, String> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version=1", "--no-deps"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, rest) = text
        .split_once("\"target_directory\":\"")
        .ok_or("cargo names no folder for targets")?;
    let (target, _) = rest
        .split_once('"')
        .ok_or("cargo names no folder for targets")?;
    Ok(Path::new(target).join("doc/simoom"))
}
