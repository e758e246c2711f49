//! What Python's asyncio promises, check by check, and which tests see that simoom keeps it:
//! `docs/from-asyncio-checks.md`.
//!
//! The page is made of two things: what is said about each check (`checks.txt`), and the tests that
//! have its number in their name, which are looked for in the sources. So it names no test that is
//! not there. Whether these tests pass is their own business.

mod checks;
mod named;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

pub use checks::{AREAS, Area, Check, Checks, Verdict};
pub use named::{Named, Tests};
pub use page::page;

const CHECKS: &str = include_str!("asyncio/checks.txt");
const HEAD: &str = include_str!("asyncio/head.md");

/// Where tests are looked for, from the root.
const SOURCES: [&str; 5] = [
    "runtime/src",
    "runtime/tests",
    "sim/src",
    "sim/tests",
    "tests/tests",
];

/// Says what is wrong with the page, if something is.
///
/// # Errors
///
/// What `checks.txt` does not say or says wrongly, and that the page is another than would be
/// written.
pub fn check() -> Result<(), String> {
    if fs::read_to_string(place()).unwrap_or_default() == written()? {
        return Ok(());
    }
    Err(
        "docs/from-asyncio-checks.md is not what it would be now: write it by \
         `cargo run -p simoom-tools --bin from-asyncio -- --write`, and read what has changed"
            .to_owned(),
    )
}

/// Writes the page.
///
/// # Errors
///
/// What `checks.txt` does not say or says wrongly; that the page cannot be written.
pub fn write() -> Result<(), String> {
    fs::write(place(), written()?).map_err(|error| error.to_string())
}

fn place() -> PathBuf {
    root().join("docs/from-asyncio-checks.md")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn written() -> Result<String, String> {
    let mut tests = Tests::default();
    for folder in SOURCES {
        let folder = root().join(folder);
        if folder.is_dir() {
            tests
                .look_in(&folder)
                .map_err(|error| format!("{}: {error}", folder.display()))?;
        }
    }
    page(&Checks::read(CHECKS)?, &tests, HEAD)
}
