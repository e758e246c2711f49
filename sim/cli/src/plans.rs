//! Files of plans: whose they are, and how one is added to those that are kept.
//!
//! Owns as much of the form as is needed to move plans about; what they say is the tests' business.

use std::fs;
use std::io;
use std::path::Path;

use crate::exit::Stopped;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plans {
    /// `CRATE::TEST`, and the number of the sweep if it is not the first.
    pub(crate) owner: Option<String>,
    /// Each as its text.
    pub(crate) plans: Vec<String>,
}

impl Plans {
    /// What `path` holds.
    pub(crate) fn load(path: &Path) -> Result<Self, Stopped> {
        let wrong = |what: &str| Stopped::missing(format!("{}: {what}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
        let plans = Self::parse(&text);
        match plans.plans.is_empty() {
            true => Err(wrong("it holds no plan")),
            false => Ok(plans),
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut plans = Self::default();
        for line in text.lines() {
            if line.starts_with("simoom plan ") {
                plans.plans.push(String::new());
            }
            match (plans.plans.last_mut(), line.strip_prefix("test ")) {
                (Some(plan), _) if line.trim().is_empty() || line.starts_with('#') => {
                    let _ = plan;
                }
                (Some(plan), _) => {
                    plan.push_str(line);
                    plan.push('\n');
                }
                (None, Some(owner)) => plans.owner = Some(owner.trim().to_owned()),
                (None, None) => {}
            }
        }
        plans
    }

    /// The crate and the name of the test.
    pub(crate) fn test(&self) -> Option<(&str, &str)> {
        let owner = self.owner.as_deref()?.split(' ').next()?;
        owner.split_once("::")
    }

    /// Adds `plan`, in place of the one that fails in the same way. Whether there was one.
    pub(crate) fn add(&mut self, plan: &str) -> bool {
        let failure = failure(plan);
        let same = self
            .plans
            .iter_mut()
            .find(|it| self::failure(it) == failure);
        match same {
            Some(other) => {
                plan.clone_into(other);
                true
            }
            None => {
                self.plans.push(plan.to_owned());
                false
            }
        }
    }

    /// Writes them to `path`, as tests do.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = HEAD.to_owned();
        if let Some(owner) = &self.owner {
            text.push_str(&format!("test {owner}\n"));
        }
        for plan in &self.plans {
            text.push('\n');
            text.push_str(plan);
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let fresh = path.with_extension(format!("txt.{}", std::process::id()));
        fs::write(&fresh, text)?;
        fs::rename(&fresh, path)
    }
}

/// The line that says how a plan fails.
fn failure(plan: &str) -> Option<&str> {
    plan.lines().find_map(|line| line.strip_prefix("failure "))
}

const HEAD: &str =
    "# Failures that simoom found. Commit this file: they are replayed before new seeds.\n";

#[cfg(test)]
mod tests;
