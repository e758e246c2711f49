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

/// Whether a frame of a panic's stack stands in the user's code although its name does not say so:
/// with few symbols, an async block has no other name than that.
fn is_block_of_user(name: &str, place: Option<&str>) -> bool {
    let is_users = |place: &str| !is_of_simoom(place) && !place.starts_with("/rustc/");
    name.starts_with("{async_block") && place.is_some_and(is_users)
}

/// The user's frames of a captured stack, from the operation that is waited for.
fn awaits(stack: &str) -> Vec<String> {
    frames(stack, false)
}

fn frames(stack: &str, of_panic: bool) -> Vec<String> {
    let mut inside = of_panic;
    let mut frames: Vec<String> = Vec::new();
    for (name, place) in parse(stack) {
        if name.contains("simoom::task::cell::") {
            if of_panic && frames.is_empty() {
                // It is where the panic was, not yet what polls the task.
                continue;
            }
            break;
        }
        if name.contains("simoom::coop::") {
            inside = true;
            frames.clear();
            continue;
        }
        let is_of_std = of_panic && place.is_some_and(|place| place.starts_with("/rustc/"));
        let is_plumbing = is_plumbing(name) && !(of_panic && is_block_of_user(name, place));
        if !inside || is_plumbing || is_of_std || place.is_some_and(is_of_simoom) {
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

/// Whether a source file is simoom's own, as the compiler names it.
pub(crate) fn is_source_of_simoom(file: &str) -> bool {
    // Relative to where cargo builds from, which is some folder above this package or none.
    let this = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stuck.rs");
    let this = this.to_string_lossy();
    let root = this.strip_suffix(file!()).unwrap_or_default();
    is_of_simoom(&Path::new(root).join(file).to_string_lossy())
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
