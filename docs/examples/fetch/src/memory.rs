//! What was found before.
//!
//! Owns a file with a line for each thing that is worth keeping: the topic, a tab, what was found.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use simoom::fs;
use simoom::io::AsyncWriteExt;

use crate::{Failure, Finding};

/// What the file says about `topic`; nothing if there is no file yet.
///
/// # Errors
/// [`Failure::File`] if it cannot be read.
///
/// # Cancel safety
/// Safe: it only reads.
pub async fn recall(file: PathBuf, topic: String) -> Result<Finding, Failure> {
    let text = match fs::read_to_string(file).await {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text.map_err(Failure::File)?,
    };
    let notes = text.lines().filter_map(|line| line.split_once('\t'));
    let about = notes.filter(|(of, _)| *of == topic);
    Ok(Finding {
        lines: about.map(|(_, note)| note.to_owned()).collect(),
    })
}

/// Adds what was found about `topic` to the file, and waits until the disk has it.
///
/// # Errors
/// Those of the file. A part may be written then.
///
/// # Cancel safety
/// A part may be written when it is given up.
pub async fn keep(file: PathBuf, topic: &str, finding: &Finding) -> io::Result<()> {
    let mut notes = String::new();
    for line in &finding.lines {
        notes.push_str(&format!("{topic}\t{}\n", line.replace('\n', " ")));
    }
    let mut options = fs::OpenOptions::new();
    let mut opened = options.create(true).append(true).open(&file).await?;
    opened.write_all(notes.as_bytes()).await?;
    opened.sync_all().await?;
    // The name of a new file is another thing to lose.
    match file.parent() {
        Some(folder) if folder != Path::new("") => fs::sync_dir(folder).await,
        _ => fs::sync_dir(".").await,
    }
}
