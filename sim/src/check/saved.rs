//! Failures kept beside the sources.
//!
//! One file a test, holding one plan after another. A plan is replaced when its failure is found
//! again and otherwise left alone: a fixed failure is replayed for ever. A line `test CRATE::NAME`
//! before the plans says whose they are.

use std::fs;
use std::io;
use std::path::Path;

use crate::choice::{Plan, PlanError};

const HEAD: &str =
    "# Failures that simoom found. Commit this file: they are replayed before new seeds.\n";

/// What the line that says whose they are begins with.
const OWNER: &str = "test ";

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    /// Whose failures they are, as [`Identity::owner`](super::Identity::owner) says it.
    pub(crate) owner: Option<String>,
    pub(crate) plans: Vec<Plan>,
}

/// What `path` holds; nothing if there is no such file.
pub(crate) fn load(path: &Path) -> Result<Saved, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Saved::default()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// What one file's text says.
pub(crate) fn parse(text: &str) -> Result<Saved, PlanError> {
    let mut owner = None;
    let mut parts: Vec<String> = Vec::new();
    for line in text.lines() {
        if parts.is_empty()
            && let Some(name) = line.strip_prefix(OWNER)
        {
            owner = Some(name.trim().to_owned());
            continue;
        }
        if line.starts_with("simoom plan ") || (parts.is_empty() && !is_blank(line)) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    let plans: Result<_, _> = parts.iter().map(|part| Plan::parse(part)).collect();
    plans.map(|plans| Saved { owner, plans })
}

/// Reads the text of a file, and that of the plans in it.
#[cfg(feature = "fuzzing")]
pub(crate) fn check_saved(text: &str) {
    if let Ok(saved) = parse(text) {
        let written: String = saved.plans.iter().map(Plan::to_text).collect();
        let again = parse(&written).map(|it| it.plans);
        assert_eq!(again.as_ref(), Ok(&saved.plans), "{written:?}");
    }
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

/// Adds `plan`, a failure of `owner` if that is known, to `path`, in place of the one that fails the same way.
pub(crate) fn save(path: &Path, owner: Option<&str>, plan: &Plan) -> io::Result<()> {
    let mut plans = load(path).map_err(io::Error::other)?.plans;
    match plans.iter_mut().find(|other| other.failure == plan.failure) {
        Some(other) => *other = plan.clone(),
        None => plans.push(plan.clone()),
    }
    let mut text = HEAD.to_owned();
    if let Some(owner) = owner {
        text.push_str(&format!("{OWNER}{owner}\n"));
    }
    for plan in &plans {
        text.push('\n');
        text.push_str(&plan.to_text());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension(format!("txt.{}", std::process::id()));
    fs::write(&fresh, text)?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests;
