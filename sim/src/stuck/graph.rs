//! Who waits for whom.
//!
//! Owns the graph of the tasks that stand still, and the class of each: a cycle of locks, a
//! futurelock (RFD 609 of Oxide), or a wait for what nobody is about to do. Knows nothing of how
//! tasks are looked at.
//!
//! A lock or a slot of a channel is handed to the future that has waited longest, which is to be
//! polled then. Where its task polls another of its futures instead, everybody waits behind a
//! future that nobody polls. The same holds for a future that has a lock and is not polled: that is
//! known of futures that are polled with wakers of their own.

use std::collections::BTreeMap;

use simoom::backend::{OpKind, QueuePlace};

use super::{Seen, Traced};
use crate::strategy::Thing;
use crate::world::World;
use crate::world::failure::Failure;
use crate::world::locks::{Holder, Poller, Waiting};

/// The tasks that stand still, and what they wait for.
#[derive(Debug)]
pub(crate) struct Graph {
    /// The operations at which each task waits, by its birth.
    tasks: BTreeMap<u64, Vec<Traced>>,
    /// What each waits for in the end.
    classes: BTreeMap<u64, Class>,
    labels: BTreeMap<u64, String>,
    held: BTreeMap<Thing, Has>,
    /// What was handed to a future that was not polled since, though its task was.
    dormant: Vec<Waiting>,
    /// Whose end it is that others join.
    ends: BTreeMap<Thing, u64>,
}

/// Who has a lock.
#[derive(Clone, Copy, Debug)]
struct Has {
    holder: Holder,
    /// It is in a future that its task does not poll.
    is_dormant: bool,
    has_ended: bool,
}

/// Whom an operation waits for.
#[derive(Clone, Copy, Debug)]
enum Edge<'a> {
    /// A future that has it, or was handed it, and is not polled.
    Dormant {
        birth: u64,
        site: &'static std::panic::Location<'static>,
        place: Option<QueuePlace>,
        is_held: bool,
    },
    Lock(&'a Holder),
    /// The lock is in a guard whose task has ended.
    Ended(&'a Holder),
    Join(u64),
    /// Nobody has it.
    Free,
    Outside,
}

/// What a task waits for in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Outside,
    Free,
    Cycle,
    Futurelock,
}

impl Edge<'_> {
    /// What it leads to, or the birth of the task that it leads to.
    fn class(&self) -> Result<Class, u64> {
        match self {
            Self::Dormant { .. } => Ok(Class::Futurelock),
            Self::Lock(holder) => Err(holder.poller.birth),
            Self::Join(birth) => Err(*birth),
            Self::Free => Ok(Class::Free),
            Self::Ended(_) | Self::Outside => Ok(Class::Outside),
        }
    }
}

impl Graph {
    pub(super) fn of(world: &World, seen: &[Seen]) -> Self {
        let tasks = seen.iter().map(|it| (it.birth, it.operations.clone()));
        let labels = seen.iter().map(|it| (it.birth, it.label.clone()));
        let ends = seen.iter().filter_map(|it| Some((it.end?, it.birth)));
        let is_dormant = |it: &&Waiting| {
            it.granted.is_some_and(|polls| {
                let now = world.polls_of(&it.poller);
                now != u64::MAX && now > polls
            })
        };
        let held = world.locks.held().map(|(thing, holder)| {
            let owner = seen.iter().find(|it| it.birth == holder.poller.birth);
            let has = Has {
                holder: *holder,
                is_dormant: owner.is_some_and(|owner| is_unpolled(owner, &holder.poller)),
                has_ended: owner.is_none(),
            };
            (thing, has)
        });
        let mut graph = Self {
            tasks: tasks.collect(),
            classes: BTreeMap::new(),
            labels: labels.collect(),
            held: held.collect(),
            dormant: world
                .locks
                .waiting()
                .iter()
                .filter(is_dormant)
                .copied()
                .collect(),
            ends: ends.collect(),
        };
        for task in seen {
            graph.classify(task.birth, &mut Vec::new());
        }
        graph
    }

    fn edge(&self, operation: &Traced) -> Edge<'_> {
        let Some(thing) = operation.thing else {
            return Edge::Outside;
        };
        let is_same = |it: &&Waiting| it.thing == thing && it.kind == operation.kind;
        let dormant = self.dormant.iter().find(is_same);
        match (operation.kind, dormant, self.held.get(&thing)) {
            (OpKind::Lock | OpKind::Send, Some(waiting), _) => Edge::Dormant {
                birth: waiting.poller.birth,
                site: waiting.site,
                place: Some(waiting.place),
                is_held: false,
            },
            (OpKind::Lock, None, Some(has)) if has.is_dormant => Edge::Dormant {
                birth: has.holder.poller.birth,
                site: has.holder.site,
                place: None,
                is_held: true,
            },
            (OpKind::Lock, None, Some(has)) if has.has_ended => Edge::Ended(&has.holder),
            (OpKind::Lock, None, Some(has)) => Edge::Lock(&has.holder),
            (OpKind::Lock, None, None) => Edge::Free,
            (OpKind::Join, ..) => self
                .ends
                .get(&thing)
                .map_or(Edge::Outside, |&it| Edge::Join(it)),
            _ => Edge::Outside,
        }
    }

    /// Finds out what the task of this birth waits for in the end; `path` leads to it.
    fn classify(&mut self, birth: u64, path: &mut Vec<u64>) -> Class {
        if path.contains(&birth) {
            return Class::Cycle;
        }
        if let Some(&known) = self.classes.get(&birth) {
            return known;
        }
        path.push(birth);
        let operations = self.tasks.get(&birth).cloned().unwrap_or_default();
        let mut class = Class::Outside;
        for operation in &operations {
            let found = match self.edge(operation).class() {
                Ok(class) => class,
                Err(next) => self.classify(next, path),
            };
            class = class.max(found);
        }
        path.pop();
        self.classes.insert(birth, class);
        class
    }

    /// What an operation waits for in the end.
    fn class_of(&self, operation: &Traced) -> Class {
        let known = |birth| self.classes.get(&birth).copied();
        let class = self.edge(operation).class();
        class.unwrap_or_else(|birth| known(birth).unwrap_or(Class::Outside))
    }

    /// The futurelock that a task waits for itself, if it does.
    pub(super) fn futurelock(&self, seen: &Seen) -> Option<Failure> {
        seen.operations.iter().find_map(|operation| {
            let Edge::Dormant { birth, site, .. } = self.edge(operation) else {
                return None;
            };
            let (file, line) = (operation.site.file(), operation.site.line());
            let owner = self.labels.get(&birth).map_or("", String::as_str);
            Some(Failure::Futurelock {
                waits: format!("{} at {file}:{line}", seen.label),
                unpolled: format!("{owner} at {}:{}", site.file(), site.line()),
            })
        })
    }

    /// Whether a task may wait although it could go on.
    pub(super) fn may_be_lost(&self, seen: &Seen) -> bool {
        self.classes.get(&seen.birth) <= Some(&Class::Free)
    }

    /// The place of the future that is not polled and has what a task waits for.
    pub(super) fn dormant_place(&self, seen: &Seen) -> Option<QueuePlace> {
        let mut edges = seen.operations.iter().map(|operation| self.edge(operation));
        edges.find_map(|edge| match edge {
            Edge::Dormant { place, .. } => place,
            _ => None,
        })
    }

    /// What a task waits for, in words: where something may still happen, if that is hopeless.
    pub(super) fn explain(&self, seen: &Seen, nothing_is_due: bool) -> Vec<String> {
        let mut reasons = Vec::new();
        for operation in &seen.operations {
            let class = self.class_of(operation);
            if !nothing_is_due && class < Class::Cycle {
                continue;
            }
            let class = match class {
                Class::Futurelock => "futurelock",
                Class::Cycle => "lock cycle",
                Class::Free => "lost wake-up",
                Class::Outside => "waits for outside",
            };
            let reason = format!("{class}: {}", self.tell(seen, operation));
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }

    fn tell(&self, seen: &Seen, operation: &Traced) -> String {
        match self.edge(operation) {
            Edge::Dormant {
                birth,
                site,
                is_held,
                ..
            } => {
                let (file, line) = (site.file(), site.line());
                let owner = self.who(seen, birth);
                let has = match is_held {
                    true => format!("a future of {owner} has the lock, taken at {file}:{line}"),
                    false => format!("it was handed to a future of {owner} at {file}:{line}"),
                };
                format!("{has}, which is not polled: poll it, or drop it, before this wait")
            }
            Edge::Lock(holder) => {
                let (file, line) = (holder.site.file(), holder.site.line());
                let owner = self.who(seen, holder.poller.birth);
                let hint = match holder.poller.birth == seen.birth {
                    true => " (perhaps in a future that it does not poll any more)",
                    false => "",
                };
                format!("{owner} has the lock, taken at {file}:{line}{hint}")
            }
            Edge::Ended(holder) => format!(
                "the lock is in a guard that outlives its task, taken at {}:{}",
                holder.site.file(),
                holder.site.line()
            ),
            Edge::Join(birth) => format!("for the end of {}", self.who(seen, birth)),
            Edge::Free => "nobody has the lock, and it was not woken".to_owned(),
            Edge::Outside => format!("nothing that is due ends its {}", operation.kind.name()),
        }
    }

    fn who(&self, seen: &Seen, birth: u64) -> String {
        if seen.birth == birth {
            return "this task".to_owned();
        }
        let label = self.labels.get(&birth).map_or("", String::as_str);
        format!("task {birth} ({label})")
    }
}

/// Whether what is polled with the waker of `poller` was not polled with its task.
fn is_unpolled(owner: &Seen, poller: &Poller) -> bool {
    let is_part = poller.waker != 0 && poller.waker != owner.own_waker;
    is_part && owner.operations.iter().all(|it| it.waker != poller.waker)
}
