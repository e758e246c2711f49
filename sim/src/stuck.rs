//! Where tasks are stuck.
//!
//! Owns the report of every live task at the end of a run that got nowhere. Each task is polled
//! once more in a mode in which every operation notes its call stack and stays pending: what is
//! between the operation and the task's poll is the stack of awaits. Parts of tasks that are polled
//! with wakers of their own (those of `FuturesUnordered`) are woken before, or they would not be:
//! what the world has of them is taken from where they wait for sockets, timers, files and signals,
//! and where they wait for locks, channels and tasks, it keeps a waker of each.

mod graph;
mod outside;
mod parts;

use std::fmt;
use std::panic::Location;
use std::path::{Path, PathBuf};

use simoom::backend::OpKind;

use self::graph::Graph;
use self::outside::Registered;
pub(crate) use self::parts::Parts;
use crate::backend::SimBackend;
use crate::choice::{ResourceName, frame_name};
use crate::intercept;
use crate::strategy::Thing;
use crate::world::failure::Failure;
use crate::world::node::NodeId;
use crate::world::tasks::TaskSlot;

/// One task that did not end.
#[derive(Clone, Debug)]
pub(crate) struct Stuck {
    pub(crate) task: String,
    pub(crate) birth: u64,
    pub(crate) spawned_at: String,
    pub(crate) operation: String,
    /// What it waits for in the end, if the run can tell.
    pub(crate) why: Vec<String>,
    /// One stack for each operation it waits for, innermost frame first.
    pub(crate) stacks: Vec<Vec<String>>,
    /// The stack of a future that has what it waits for and is not polled.
    pub(crate) dormant: Vec<String>,
}

/// An operation that a task came to when it was polled once more.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    pub(crate) kind: OpKind,
    pub(crate) thing: Option<Thing>,
    pub(crate) name: Option<ResourceName>,
    pub(crate) is_contained: bool,
    /// What it acts on is a file, or the file system.
    pub(crate) is_of_file: bool,
    pub(crate) site: &'static Location<'static>,
    /// Where the waker lies that it was polled with.
    pub(crate) waker: usize,
    pub(crate) stack: Option<String>,
}

/// A task that did not end, as it was found.
#[derive(Debug)]
pub(crate) struct Seen {
    slot: TaskSlot,
    node: NodeId,
    birth: u64,
    label: String,
    spawned_at: String,
    operation: String,
    /// Where the wakers lie with which the task itself is polled.
    own_waker: usize,
    /// The number by which others wait for its end.
    end: Option<Thing>,
    operations: Vec<Traced>,
    /// It ended when it was polled once more: what it waited for was there.
    has_ended: bool,
    /// It is a closure that has no thread yet.
    waits_for_thread: bool,
    /// It was polled, and cannot go on by itself.
    waits: bool,
}

/// Every live task of a run that got nowhere, and what they wait for.
#[derive(Debug)]
pub(crate) struct Standstill {
    seen: Vec<Seen>,
    graph: Graph,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "task {} ({}), spawned at {}",
            self.birth, self.task, self.spawned_at
        )?;
        write!(f, "\n    {}", self.operation)?;
        for why in &self.why {
            write!(f, "\n    {why}")?;
        }
        for frame in self.stacks.iter().flatten() {
            write!(f, "\n      in {frame}")?;
        }
        if !self.dormant.is_empty() {
            f.write_str("\n    the future that is not polled waits")?;
        }
        for frame in &self.dormant {
            write!(f, "\n      in {frame}")?;
        }
        Ok(())
    }
}

impl Standstill {
    /// Looks at every live task, oldest first; `with_stacks` costs time.
    pub(crate) fn of(backend: &SimBackend, with_stacks: bool) -> Self {
        let slots = backend.with(|world| world.tasks.by_birth());
        let mut seen: Vec<_> = (slots.into_iter())
            .filter_map(|slot| find(backend, slot))
            .collect();
        let registered = backend.with(|world| Registered::of(world));
        // Each part that was woken stays so until its own task is polled.
        backend.wake_parts();
        backend.wake_registered(|waker| seen.iter().any(|it| it.own_waker == waker));
        for seen in &mut seen {
            (seen.operations, seen.has_ended) = trace(backend, seen.slot, with_stacks);
        }
        let graph = backend.with(|world| Graph::of(world, &registered, &seen));
        Self { seen, graph }
    }

    /// The failure by its proper name, which was taken for `failure`.
    pub(crate) fn named(&self, failure: Failure) -> Failure {
        let is_deadlock = matches!(failure, Failure::Deadlock);
        let is_stuck = |seen: &&Seen| is_deadlock || seen.birth == THE_TEST;
        let mut stuck = self.seen.iter().filter(is_stuck);
        let futurelock = stuck.find_map(|seen| self.graph.futurelock(seen, is_deadlock));
        futurelock.unwrap_or(failure)
    }

    /// The report of each task. Nothing of the run is needed any more: where it seems to wait in
    /// vain, tasks are polled once more.
    pub(crate) fn report(self, backend: &SimBackend, is_deadlock: bool) -> Vec<Stuck> {
        let lost = match is_deadlock {
            true => self.lost(backend),
            false => None,
        };
        let stuck = |seen: Seen| {
            let mut why = self.graph.explain(&seen, is_deadlock);
            if lost == Some(seen.birth) {
                why = vec![LOST.to_owned()];
            }
            let dormant = self.graph.dormant_place(&seen, is_deadlock);
            let dormant = dormant.and_then(|place| backend.stack_of(place));
            let stacks = seen.operations.iter().filter_map(|it| it.stack.as_deref());
            Stuck {
                stacks: stacks.map(awaits).collect(),
                dormant: dormant.map_or_else(Vec::new, |stack| awaits(&stack)),
                task: seen.label,
                birth: seen.birth,
                spawned_at: seen.spawned_at,
                operation: seen.operation,
                why,
            }
        };
        self.seen.into_iter().map(stuck).collect()
    }
}

impl Standstill {
    /// The birth of a task that goes on when it is polled once more, though nobody has woken it.
    /// What one of them does may wake others: the first says it all.
    fn lost(&self, backend: &SimBackend) -> Option<u64> {
        let ended = self.seen.iter().find(|seen| seen.has_ended);
        let found = ended.or_else(|| {
            let mut seen = self.seen.iter();
            seen.find(|seen| self.graph.may_be_lost(seen) && goes_on(backend, seen.slot))
        });
        found.map(|seen| seen.birth)
    }
}

/// What the first task is: the test itself.
const THE_TEST: u64 = 1;

const LOST: &str = "lost wake-up: polled once more, it goes on, but nobody has woken it";

/// What is known of a task without polling it.
fn find(backend: &SimBackend, slot: TaskSlot) -> Option<Seen> {
    backend.with(|world| {
        let ready = world.tasks.ready_rank(slot).is_some();
        let stands_still = world.is_parked(slot);
        let id = world.id;
        let entry = world.tasks.get(slot)?;
        let task = entry.task.as_ref()?;
        let operation = match entry.at.kind {
            None if entry.polls > 0 => "waits for what simoom does not know".to_owned(),
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
        let has_begun = entry.polls > 0;
        Some(Seen {
            slot,
            node: entry.node,
            birth: entry.birth,
            label: world.paths.label(entry.path),
            spawned_at: entry.location.to_string(),
            operation,
            own_waker: task.view().waker_data().addr(),
            end: world.resources.number(id, task.view().resource()),
            operations: Vec::new(),
            has_ended: false,
            waits_for_thread: entry.at.kind == Some(OpKind::Blocking) && !entry.on_thread,
            waits: has_begun && !ready && !stands_still,
        })
    })
}

/// The operations that a task comes to when it is polled once more, none of which is done; and
/// whether it ended all the same.
fn trace(backend: &SimBackend, slot: TaskSlot, with_stacks: bool) -> (Vec<Traced>, bool) {
    let (mut traced, mut has_ended) = (Vec::new(), false);
    with_task(backend, slot, |task| {
        traced = backend.tracing(with_stacks, || {
            has_ended = intercept::simulated(|| task.run()).is_ready();
        });
    });
    (traced, has_ended)
}

/// Whether a task that is polled once more completes an operation, or ends.
fn goes_on(backend: &SimBackend, slot: TaskSlot) -> bool {
    let mut goes_on = false;
    backend.wake_parts();
    with_task(backend, slot, |task| {
        let mut has_ended = false;
        let completes = backend.probing(|| {
            has_ended = intercept::simulated(|| task.run()).is_ready();
        });
        goes_on = completes || has_ended;
    });
    goes_on
}

/// Runs `f` with a task as if it was polled.
fn with_task(backend: &SimBackend, slot: TaskSlot, f: impl FnOnce(&simoom::backend::Task)) {
    let task = backend.with(|world| {
        let task = world.tasks.get_mut(slot)?.task.take()?;
        world.tasks.running = Some(slot);
        Some(task)
    });
    let Some(task) = task else { return };
    backend.set_running(&task);
    f(&task);
    backend.with(|world| {
        world.tasks.running = None;
        if let Some(entry) = world.tasks.get_mut(slot) {
            entry.task = Some(task);
        }
    });
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
        let is_of_std = place.is_some_and(|place| {
            place.starts_with("/rustc/") || is_in_registry(place, &["tokio-", "futures-"])
        });
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

/// Whether a place is in a package of the registry whose name begins with one of `names`: what is
/// inlined does not tell its crate.
fn is_in_registry(place: &str, names: &[&str]) -> bool {
    let folder = place.split_once("/registry/src/");
    let package = folder.and_then(|(_, rest)| Some(rest.split_once('/')?.1));
    package.is_some_and(|package| names.iter().any(|name| package.starts_with(name)))
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
