//! What is there at the end of a run and was not there when somebody began to look.
//!
//! Owns the books of what programs hold. Knows nothing of what any of it is for.
//!
//! Whatever is made is entered while somebody looks, with the task and the line that made it, and
//! struck out when its handle is dropped. What is left is a leak, unless its process has ended: its
//! kernel takes everything back.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::time::Duration;

use super::locks::Poller;
use super::node::NodeId;
use super::remains::Remains;
use super::{Due, World};
use crate::checkers::leaks::{Leak, Leaks};
use crate::choice::PathId;
use crate::strategy::Thing;

/// The books, once somebody looks.
#[derive(Debug)]
pub(crate) struct Books {
    policy: Leaks,
    /// What is left fails the run; else it is but counted.
    is_judged: bool,
    /// Whether the run goes on for what is under way.
    settles: bool,
    /// Tasks that were born before were there already.
    births: u64,
    /// The incarnation of each node that there was.
    incarnations: Vec<u32>,
    /// What was in `/tmp` of each.
    temp_files: BTreeMap<NodeId, BTreeSet<String>>,
    pub(super) kept: BTreeMap<u64, Kept>,
    entered: u64,
    /// The locks that were held, each with the birth of the task that took it.
    locks: BTreeSet<(Thing, u64)>,
    /// What channels hold, with who sent last.
    pub(super) messages: BTreeMap<Thing, (usize, Origin)>,
    /// What channels held that were dropped, with who did that.
    pub(super) abandoned: Vec<(usize, Origin)>,
}

/// Something that a program holds.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) leak: Leak,
    pub(super) what: &'static str,
    pub(super) origin: Origin,
}

/// Where something was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    node: NodeId,
    /// How often its node had been killed.
    deaths: u32,
    task: PathId,
    birth: u64,
    pub(super) site: Option<&'static Location<'static>>,
    /// It was made after what was waited for there.
    is_after: bool,
}

impl World {
    /// Begins to look, or to look in another way.
    pub(crate) fn look_for_leaks(&mut self, policy: Leaks) {
        let incarnations = self.nodes.iter().map(|node| node.incarnation).collect();
        let nodes = (0..self.nodes.len() as u16).map(NodeId);
        let temp_files = nodes.map(|node| (node, self.temp_files(node))).collect();
        let held = self.locks.locked();
        let locks = held
            .map(|(thing, holder)| (thing, holder.poller.birth))
            .collect();
        self.books = Some(Box::new(Books {
            policy,
            is_judged: true,
            settles: true,
            births: self.tasks.births(),
            incarnations,
            temp_files,
            kept: BTreeMap::new(),
            entered: 0,
            locks,
            messages: BTreeMap::new(),
            abandoned: Vec::new(),
        }));
    }

    /// Begins to count what programs hold, unless somebody looks for leaks and so does that: at the
    /// end of the test, or once what is under way has had as much time as it says to end.
    pub(crate) fn count_remains(&mut self, settle: Option<Duration>) {
        if self.books.is_none() {
            self.look_for_leaks(Leaks::none().settle(settle.unwrap_or_default()));
            if let Some(books) = &mut self.books {
                books.is_judged = false;
                books.settles = settle.is_some();
            }
        }
    }

    /// What there is at the end, or was when leaks were judged.
    pub(crate) fn take_remains(&mut self) -> Remains {
        let before = self.remains.take();
        before.unwrap_or_else(|| self.remains())
    }

    /// Keeps what was taken, which is what there is.
    pub(crate) fn keep_remains(&mut self, remains: Remains) {
        self.remains = Some(remains);
    }

    /// Whether somebody looks.
    pub(crate) fn looks_for_leaks(&self) -> bool {
        self.books.is_some()
    }

    /// How long what is under way may take at the end; `None` if nobody judges it.
    pub(crate) fn settle_ns(&self) -> Option<i64> {
        let books = self.books.as_ref().filter(|books| books.settles)?;
        let settle = books.policy.settle;
        Some(i64::try_from(settle.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Enters something that the running task has made; its number, or 0 if nobody looks.
    pub(crate) fn enter(&mut self, leak: Leak, what: &'static str) -> u64 {
        let origin = self.origin();
        let Some(books) = &mut self.books else {
            return 0;
        };
        books.entered += 1;
        books
            .kept
            .insert(books.entered, Kept { leak, what, origin });
        books.entered
    }

    /// Strikes out what was entered by this number.
    pub(crate) fn strike_out(&mut self, number: u64) {
        if number > 0
            && let Some(books) = &mut self.books
        {
            books.kept.remove(&number);
        }
    }

    /// A channel holds so many messages, since the running task has sent or received.
    ///
    /// What it held before somebody began to look is not entered when some of it is received.
    pub(super) fn holds_messages(&mut self, thing: Thing, count: usize, is_more: bool) {
        let origin = self.origin();
        let Some(books) = &mut self.books else {
            return;
        };
        if count == 0 {
            books.messages.remove(&thing);
        } else if is_more {
            books.messages.insert(thing, (count, origin));
        } else if let Some((held, _)) = books.messages.get_mut(&thing) {
            *held = count;
        }
    }

    /// The running task has dropped a channel with so many messages in it.
    pub(super) fn abandons_messages(&mut self, thing: Thing, count: usize) {
        let origin = self.origin();
        if let Some(books) = &mut self.books {
            books.messages.remove(&thing);
            if count > 0 {
                books.abandoned.push((count, origin));
            }
        }
    }

    /// The running task, and the line of the operation that it came to last.
    pub(crate) fn origin(&self) -> Origin {
        match self.tasks.current() {
            Some(entry) => Origin {
                node: entry.node,
                deaths: entry.deaths,
                task: entry.path,
                birth: entry.birth,
                site: Some(entry.at.site),
                is_after: entry.at.is_done,
            },
            None => Origin {
                node: NodeId::TEST,
                deaths: 0,
                task: self.nodes[0].root,
                birth: 0,
                site: None,
                is_after: false,
            },
        }
    }

    /// What is left behind, in words.
    pub(crate) fn leaks(&mut self) -> Vec<String> {
        self.remains = Some(self.remains());
        let Some(books) = self.books.take().filter(|books| books.is_judged) else {
            return Vec::new();
        };
        let mut leaks = Vec::new();
        let judges = |world: &Self, node: NodeId, deaths: u32| {
            let this = &world.nodes[node.0 as usize];
            // Of what was booted since, nobody has said what it should have.
            let is_known = match books.incarnations.get(node.0 as usize) {
                Some(&incarnation) => incarnation == this.incarnation,
                None => this.incarnation == 0,
            };
            is_known && deaths == this.deaths && !books.policy.allows_on(&this.name)
        };
        for slot in self.tasks.by_birth() {
            let Some(entry) = self.tasks.get(slot) else {
                continue;
            };
            let leak = if entry.on_thread {
                Leak::Blocking
            } else {
                Leak::Task
            };
            if entry.birth <= books.births
                || !judges(self, entry.node, entry.deaths)
                || books.policy.allows(leak)
            {
                continue;
            }
            let label = self.paths.label(entry.path);
            let mut text = format!("{leak} {label}, spawned at {}", line(entry.location));
            if let Some(kind) = entry.at.kind {
                let (name, site) = (kind.name(), line(entry.at.site));
                text.push_str(&format!(", waits in {name} at {site}"));
            }
            let is_unknown = |task: &simoom::backend::Task| !task.view().can_be_woken();
            if entry.task.as_ref().is_some_and(is_unknown) {
                text.push_str("; nobody can wake it");
            }
            leaks.push(text);
        }
        for kept in books.kept.values() {
            let origin = &kept.origin;
            if judges(self, origin.node, origin.deaths) && !books.policy.allows(kept.leak) {
                leaks.push(format!("{}{}", kept.what, self.made(origin)));
            }
        }
        if !books.policy.allows(Leak::Timer) {
            for (deadline, due) in self.timers.armed() {
                let Due::Alarm { origin, .. } = due else {
                    continue;
                };
                // A task that waits for it is told of as such, or was there before.
                let has_ended = !self.tasks.any(|entry| entry.birth == origin.birth);
                let is_new = origin.birth > books.births || origin.birth == 0;
                if has_ended && is_new && judges(self, origin.node, origin.deaths) {
                    let in_ns = deadline.as_nanos() - self.now_ns;
                    let seconds = super::failure::Seconds(in_ns);
                    let made = self.made(origin);
                    leaks.push(format!("timer that is due in {seconds}{made}"));
                }
            }
        }
        if !books.policy.allows(Leak::Lock) {
            for (thing, holder) in self.locks.locked() {
                let Poller {
                    task,
                    birth,
                    node,
                    deaths,
                    ..
                } = holder.poller;
                let is_alive = self.tasks.any(|entry| entry.birth == birth);
                let is_known = birth <= books.births && is_alive;
                let was_there = is_known || books.locks.contains(&(thing, birth));
                if !was_there && judges(self, node, deaths) {
                    let (label, site) = (self.paths.label(task), line(holder.site));
                    leaks.push(format!("lock that is still held, of {label} at {site}"));
                }
            }
        }
        if !books.policy.allows(Leak::Messages) {
            let held = books.messages.values().map(|it| (it, "a channel"));
            let dropped = books
                .abandoned
                .iter()
                .map(|it| (it, "a channel that was dropped"));
            for (&(count, origin), place) in held.chain(dropped) {
                if judges(self, origin.node, origin.deaths) {
                    let plural = if count == 1 { "" } else { "s" };
                    let made = self.made(&origin);
                    leaks.push(format!("{count} message{plural} in {place}{made}"));
                }
            }
        }
        if !books.policy.allows(Leak::TempFile) {
            for node in (0..self.nodes.len() as u16).map(NodeId) {
                let deaths = self.nodes[node.0 as usize].deaths;
                if !judges(self, node, deaths) {
                    continue;
                }
                let before = books.temp_files.get(&node).cloned().unwrap_or_default();
                let name = &self.nodes[node.0 as usize].name;
                for file in self.temp_files(node).difference(&before) {
                    leaks.push(format!("temporary file {name}:/tmp/{file}"));
                }
            }
        }
        leaks
    }

    /// Who made something, and where.
    fn made(&self, origin: &Origin) -> String {
        let label = self.paths.label(origin.task);
        match origin.site {
            Some(site) if origin.is_after => format!(", of {label} after {}", line(site)),
            Some(site) => format!(", of {label} at {}", line(site)),
            None => format!(", of {label}"),
        }
    }

    fn temp_files(&self, node: NodeId) -> BTreeSet<String> {
        let machine = self.files.machines.get(&node);
        let found = machine.and_then(|it| it.disk.list(std::path::Path::new("/tmp")).ok());
        let names = found.into_iter().flatten();
        names
            .map(|(name, ..)| name.to_string_lossy().into_owned())
            .collect()
    }
}

fn line(site: &Location<'_>) -> String {
    format!("{}:{}", site.file(), site.line())
}
