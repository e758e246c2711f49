//! Where tasks are stuck.
//!
//! Owns the report of every live task at the end of a run that got nowhere. Each task is polled
//! once more in a mode in which every operation notes its call stack and stays pending: what is
//! between the operation and the task's poll is the stack of awaits.

use std::fmt;
use std::path::{Path, PathBuf};

use simoom::backend::OpKind;

use crate::backend::SimBackend;
use crate::choice::frame_name;
use crate::intercept;

/// One task that did not end.
#[derive(Clone, Debug)]
pub(crate) struct Stuck {
    pub(crate) task: String,
    pub(crate) birth: u64,
    pub(crate) spawned_at: String,
    pub(crate) operation: String,
    /// One stack for each operation it waits for, innermost frame first.
    pub(crate) stacks: Vec<Vec<String>>,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "task {} ({}), spawned at {}",
            self.birth, self.task, self.spawned_at
        )?;
        write!(f, "\n    {}", self.operation)?;
        for stack in &self.stacks {
            for frame in stack {
                write!(f, "\n      in {frame}")?;
            }
        }
        Ok(())
    }
}

/// Every live task, oldest first.
pub(crate) fn report(backend: &SimBackend) -> Vec<Stuck> {
    let slots = backend.with(|world| world.tasks.by_birth());
    let mut report = Vec::new();
    for slot in slots {
        let taken = backend.with(|world| {
            let ready = world.tasks.ready_rank(slot).is_some();
            let stands_still = world.is_parked(slot);
            let entry = world.tasks.get_mut(slot)?;
            let task = entry.task.take()?;
            let operation = match entry.at.kind {
                None => "not polled yet".to_owned(),
                Some(OpKind::Blocking) => {
                    "waits for a thread: all of its node's for blocking work are busy".to_owned()
                }
                Some(kind) => format!(
                    "{} {} at {}:{}",
                    match (ready, stands_still) {
                        (true, _) => "can run; was at",
                        (_, true) => "could run, but its node is paused; was at",
                        _ => "waits in",
                    },
                    kind.name(),
                    entry.at.site.file(),
                    entry.at.site.line()
                ),
            };
            let (birth, path, location) = (entry.birth, entry.path, entry.location);
            world.tasks.running = Some(slot);
            Some((
                task,
                birth,
                world.paths.label(path),
                location.to_string(),
                operation,
            ))
        });
        let Some((task, birth, label, spawned_at, operation)) = taken else {
            continue;
        };
        let stacks = backend.tracing_stacks(|| {
            let _ = intercept::simulated(|| task.run());
        });
        backend.with(|world| {
            world.tasks.running = None;
            if let Some(entry) = world.tasks.get_mut(slot) {
                entry.task = Some(task);
            }
        });
        let stacks = stacks.iter().map(|stack| awaits(stack)).collect();
        report.push(Stuck {
            task: label,
            birth,
            spawned_at,
            operation,
            stacks,
        });
    }
    report
}

/// The user's frames of a captured stack, from the innermost to the task's poll.
pub(crate) fn user_frames(stack: &str) -> Vec<String> {
    frames(stack, true)
}

/// The user's frames of a captured stack, from the operation that is waited for.
fn awaits(stack: &str) -> Vec<String> {
    frames(stack, false)
}

fn frames(stack: &str, mut inside: bool) -> Vec<String> {
    let mut frames: Vec<String> = Vec::new();
    for (name, place) in parse(stack) {
        if name.contains("simoom::task::cell::") {
            break;
        }
        if name.contains("simoom::coop::") {
            inside = true;
            frames.clear();
            continue;
        }
        if !inside || is_plumbing(name) || place.is_some_and(is_of_simoom) {
            continue;
        }
        let name = frame_name(name);
        frames.push(match place {
            Some(place) => format!("{name} at {}", shown(place)),
            None => name,
        });
    }
    frames
}

/// The frames of a stack: the function, and its file, line and column if known.
pub(crate) fn parse(stack: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut lines = stack.lines().map(str::trim).peekable();
    std::iter::from_fn(move || {
        let name = loop {
            let line = lines.next()?;
            if let Some((_, name)) = line.split_once(": ")
                && !line.starts_with("at ")
            {
                break name;
            }
        };
        let place = lines.next_if(|line| line.starts_with("at "));
        Some((name, place.map(|line| line.trim_start_matches("at "))))
    })
}

/// A place `./src/file.rs:12:5` as `src/file.rs:12`.
pub(crate) fn shown(place: &str) -> &str {
    let place = place.strip_prefix("./").unwrap_or(place);
    place
        .rsplit_once(':')
        .map_or(place, |(place, _column)| place)
}

/// Whether a place is in a source of this package or of the runtime, wherever those lie: the names
/// of functions that were inlined do not tell their crate.
pub(crate) fn is_of_simoom(place: &str) -> bool {
    let whole = match place.strip_prefix("./") {
        Some(below) => std::env::current_dir().map(|folder| folder.join(below)),
        None => Ok(PathBuf::from(place)),
    };
    let packages = [env!("CARGO_MANIFEST_DIR"), simoom::backend::PACKAGE];
    let folders = packages.map(|package| Path::new(package).join("src"));
    whole.is_ok_and(|whole| folders.iter().any(|folder| whole.starts_with(folder)))
}

/// Frames that are not the user's.
pub(crate) fn is_plumbing(name: &str) -> bool {
    let name = name.trim_start_matches(['<', '&']);
    PLUMBING.iter().any(|prefix| name.starts_with(prefix))
}

const PLUMBING: &[&str] = &[
    "core::",
    "std::",
    "alloc::",
    "__rust",
    "rust_begin",
    "simoom::",
    "simoom_sim::",
    "futures",
    "tokio::",
    "dyn ",
    "{async_block",
];

#[cfg(test)]
mod tests;
