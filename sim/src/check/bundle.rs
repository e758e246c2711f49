//! The folder of a failure: all that there is to know of it, below the target directory.
//!
//! Owns which files there are and what is in them. Knows nothing of how a failure is found.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::explain::Runs;
use super::found::{Aside, Confirmation, Found};
use super::shrink::Met;
use super::sweep::Sweep;
use super::{process, saved, timeline};
use crate::choice::Plan;

impl Sweep<'_> {
    /// Writes down all that there is to know of `found`, what else was `met`, and `runs` to look at.
    ///
    /// What cannot be written is left out: the failure is what matters.
    pub(super) fn keep(&self, mut found: Found, met: Vec<Met>, runs: Option<Runs>) -> Found {
        let folder = self.identity.bundle(found.seed);
        // A process that shows another failure keeps what it finds to itself.
        let folder = folder.filter(|_| !process::is_child());
        let folder = folder.filter(|folder| fs::create_dir_all(folder).is_ok());
        for (
            index,
            Met {
                failure,
                deviations,
            },
        ) in met.into_iter().enumerate()
        {
            let plan = Plan {
                failure: Some(failure.signature()),
                deviations,
                ..found.plan.clone()
            };
            let path = folder
                .as_ref()
                .map(|it| it.join(format!("met-{}.txt", index + 1)));
            let path = path.filter(|path| self.write_plan(path, &plan).is_ok());
            found.met.push(Aside {
                what: super::shrink::first_line(&failure),
                replay: self.replay_of(path.as_deref()),
            });
        }
        let Some(folder) = folder else {
            return found;
        };
        found.bundle = Some(self.identity.shown(&folder));
        if self.write(&folder, &found).is_err() {
            found.bundle = None;
            return found;
        }
        // The rest is of use without it.
        if let Err(error) = draw(&folder.join(timeline::FILE), &found, runs.as_ref()) {
            found
                .notes
                .push(format!("the timeline could not be written: {error}"));
        }
        found
    }

    fn write(&self, folder: &Path, found: &Found) -> io::Result<()> {
        let plan = folder.join("plan.txt");
        self.write_plan(&plan, &found.plan)?;
        let command = self.replay_of(Some(&plan));
        fs::write(folder.join("replay.sh"), format!("#!/bin/sh\n{command}\n"))?;
        fs::write(folder.join("verdict.txt"), verdict(found))?;
        fs::write(folder.join("build.txt"), self.identity.built())?;
        if let Some(profile) = profile(found) {
            fs::write(folder.join("shrink.txt"), profile)?;
        }
        let why = &found.explanation;
        fs::write(folder.join("report.txt"), format!("{found}\n\n{why}"))
    }

    /// Writes `plan` as failures are saved, in place of what is there.
    fn write_plan(&self, path: &Path, plan: &Plan) -> io::Result<()> {
        if path.exists() {
            fs::remove_file(path)?;
        }
        let owner = self.identity.owner();
        saved::save(path, owner.as_deref(), plan)
    }

    /// The command that replays the plan at `path`.
    fn replay_of(&self, path: Option<&Path>) -> String {
        let Some(path) = path else {
            return "not saved".to_owned();
        };
        let path = self.identity.shown(path);
        let variable = format!("SIMOOM_REPLAY={}", path.display());
        self.identity.command(&variable)
    }
}

/// Writes the page of `runs`; an older one is of other runs.
fn draw(path: &Path, found: &Found, runs: Option<&Runs>) -> io::Result<()> {
    match runs {
        Some(runs) => fs::write(path, timeline::page(found, runs)),
        None if path.exists() => fs::remove_file(path),
        None => Ok(()),
    }
}

/// What was found, in lines of a key and a value; the message is the rest.
fn verdict(found: &Found) -> String {
    let mut text = String::new();
    let confirmed = match &found.confirmed {
        Confirmation::Yes => "yes".to_owned(),
        Confirmation::No(why) => format!("no: {why}"),
        Confirmation::NotTried(why) => format!("not tried: {why}"),
    };
    let lines = [
        ("class", found.class().to_string()),
        ("signature", found.failure.signature()),
        ("seed", super::seed_text(found.seed)),
        ("confirmed", confirmed.replace('\n', " ")),
        ("polls", found.polls.to_string()),
        ("time", format!("{} ns", found.time_ns)),
        ("hash", format!("{:032x}", found.witness.hash)),
    ];
    for (key, value) in lines {
        let _ = writeln!(text, "{key} {value}");
    }
    let _ = writeln!(text, "message\n{}", found.failure);
    text
}

/// What each pass of shrinking did.
fn profile(found: &Found) -> Option<String> {
    let shrinking = found.shrunk.as_ref()?;
    let mut text = "pass        replays  kept  choices before and after\n".to_owned();
    for pass in &shrinking.passes {
        let (before, after) = pass.choices;
        let _ = writeln!(
            text,
            "{:<11} {:>7} {:>5}  {before} {after}",
            pass.name, pass.replays, pass.kept
        );
    }
    Some(text)
}

/// The revision that is checked out where `folder` is, as git keeps it.
pub(super) fn revision(folder: &Path) -> Option<String> {
    let git = (folder.ancestors().map(|it| it.join(".git"))).find(|it| it.exists())?;
    let git = match git.is_dir() {
        true => git,
        false => {
            let text = fs::read_to_string(&git).ok()?;
            let path = PathBuf::from(text.strip_prefix("gitdir:")?.trim());
            git.parent()?.join(path)
        }
    };
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else {
        return Some(head.trim().to_owned());
    };
    // Branches of a worktree are those of the repository that it is of.
    let common = fs::read_to_string(git.join("commondir")).unwrap_or_default();
    let common = git.join(common.trim());
    if let Ok(hash) = fs::read_to_string(common.join(name)) {
        return Some(hash.trim().to_owned());
    }
    let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
    let line = packed.lines().find(|line| line.ends_with(name))?;
    line.split(' ').next().map(str::to_owned)
}

#[cfg(test)]
mod tests;
