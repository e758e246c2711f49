//! Who waits for whom.
//!
//! Owns the graph of the tasks that stand still, and the class of each: a cycle of locks, a
//! futurelock (RFD 609 of Oxide), or a wait for what nobody is about to do. Knows nothing of how
//! tasks are looked at.
//!
//! A lock, a slot of a channel or a notification is handed to the future that has waited longest,
//! which is to be polled then; so is the future of a receiver when a message comes. Where its task polls another of its futures instead, everybody waits behind a
//! future that nobody polls. The same holds for a future that has a lock, or slots, and is not
//! polled: that is known of futures that are polled with wakers of their own.
//!
//! Who waits for a lock waits for all that have it; who waits for slots, for one of those that have
//! some, and only if no message takes up the others: then the receiver waits as well.

use std::collections::{BTreeMap, BTreeSet};

use simoom::backend::{OpKind, QueuePlace};

use super::outside::{Ending, Outside, Registered, outside, unknown};
use super::{Seen, Traced};
use crate::strategy::Thing;
use crate::world::World;
use crate::world::failure::Failure;
use crate::world::locks::{Holder, Poller, Waiting};

/// The tasks that stand still, and what they wait for.
#[derive(Debug)]
pub(crate) struct Graph {
    /// The operations at which each task waits, by its birth, with what would end each if no task
    /// does.
    tasks: BTreeMap<u64, Vec<(Traced, Outside)>>,
    /// What would end the wait of those that wait at none.
    unknown: BTreeMap<u64, Outside>,
    /// What each waits for in the end.
    classes: BTreeMap<u64, Class>,
    labels: BTreeMap<u64, String>,
    held: BTreeMap<Thing, Vec<Has>>,
    /// What was handed to a future that was not polled since, though its task was.
    dormant: Vec<Waiting>,
    /// Whose end it is that others join.
    ends: BTreeMap<Thing, u64>,
    /// The tasks of sets that are waited for together.
    sets: BTreeMap<Thing, BTreeSet<Thing>>,
}

/// Who has a lock, or slots.
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
        /// What it waits to do, or has done.
        kind: OpKind,
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
    Outside(&'a Outside),
}

/// What a task waits for in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Outside(Ending),
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
            Self::Ended(_) => Ok(Class::Outside(Ending::Guard)),
            Self::Outside(outside) => Ok(Class::Outside(outside.ending)),
        }
    }
}

impl Graph {
    pub(super) fn of(world: &World, registered: &Registered, seen: &[Seen]) -> Self {
        let tasks = seen.iter().map(|task| {
            let operations = task.operations.iter();
            let operations = operations
                .map(|operation| {
                    let outside = outside(world, registered, task, operation);
                    (operation.clone(), outside)
                })
                .collect();
            (task.birth, operations)
        });
        let unknown = (seen.iter())
            .filter(|task| task.operations.is_empty() && task.waits && !task.has_ended)
            .map(|task| (task.birth, unknown(world, task)));
        let labels = seen.iter().map(|it| (it.birth, it.label.clone()));
        let ends = seen.iter().filter_map(|it| Some((it.end?, it.birth)));
        let is_dormant = |it: &&Waiting| {
            it.granted.is_some_and(|polls| {
                let now = world.polls_of(&it.poller);
                now != u64::MAX && now > polls
            })
        };
        let mut held: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (thing, holder) in world.locks.held() {
            let owner = seen.iter().find(|it| it.birth == holder.poller.birth);
            let has = Has {
                holder: *holder,
                is_dormant: owner.is_some_and(|owner| is_unpolled(owner, &holder.poller)),
                has_ended: owner.is_none(),
            };
            held.entry(thing).or_default().push(has);
        }
        let mut graph = Self {
            tasks: tasks.collect(),
            unknown: unknown.collect(),
            classes: BTreeMap::new(),
            labels: labels.collect(),
            held,
            dormant: world
                .locks
                .waiting()
                .iter()
                .filter(is_dormant)
                .copied()
                .collect(),
            ends: ends.collect(),
            sets: world.locks.sets().clone(),
        };
        for task in seen {
            graph.classify(task.birth, &mut Vec::new());
        }
        graph
    }

    /// Whom an operation waits for: each of them, or one of them if it is for slots.
    fn edges<'a>(&'a self, (operation, outside): &'a (Traced, Outside)) -> Vec<Edge<'a>> {
        let nobody = vec![Edge::Outside(outside)];
        let Some(thing) = operation.thing else {
            return nobody;
        };
        if let Some(waiting) = self.handed(thing, operation.kind) {
            return vec![waiting];
        }
        let held = self.held.get(&thing).map_or(&[][..], Vec::as_slice);
        match operation.kind {
            OpKind::Send if let Some(receives) = self.handed(thing, OpKind::Recv) => vec![receives],
            OpKind::Recv if let Some(sends) = self.handed(thing, OpKind::Send) => vec![sends],
            // Whoever has a slot is about to send: of several, one would do.
            OpKind::Recv if !held.is_empty() && held.iter().all(|it| it.is_dormant) => {
                held.iter().map(Has::edge).collect()
            }
            OpKind::Lock if held.is_empty() => vec![Edge::Free],
            OpKind::Lock => held.iter().map(Has::edge).collect(),
            OpKind::Acquire if !held.is_empty() => held.iter().map(Has::edge).collect(),
            OpKind::Send if operation.is_contained && self.is_received_from(thing) => {
                let edges: Vec<_> = held.iter().map(Has::edge).collect();
                if edges.is_empty() { nobody } else { edges }
            }
            OpKind::Join => {
                let joined = self.sets.get(&thing).into_iter().flatten();
                let ends = joined
                    .chain([&thing])
                    .filter_map(|task| self.ends.get(task));
                let edges: Vec<_> = ends.map(|&birth| Edge::Join(birth)).collect();
                if edges.is_empty() { nobody } else { edges }
            }
            _ => nobody,
        }
    }

    /// The future that waits in a queue to do this to `thing`, was handed what it takes and is not
    /// polled.
    fn handed(&self, thing: Thing, kind: OpKind) -> Option<Edge<'_>> {
        let is_it = |it: &&Waiting| it.thing == thing && it.kind == kind;
        let waiting = self.dormant.iter().find(is_it)?;
        Some(Edge::Dormant {
            birth: waiting.poller.birth,
            kind: waiting.kind,
            site: waiting.site,
            place: Some(waiting.place),
            is_held: false,
        })
    }

    /// Whether somebody waits for a message of a channel, which is empty then.
    fn is_received_from(&self, thing: Thing) -> bool {
        let mut all = self.tasks.values().flatten();
        all.any(|(it, _)| it.kind == OpKind::Recv && it.thing == Some(thing))
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
        let unknown = self.unknown.get(&birth);
        let mut class = Class::Outside(unknown.map_or(Ending::Foreign, |it| it.ending));
        for (index, operation) in operations.iter().enumerate() {
            let edges = self.edges(operation);
            let next: Vec<_> = edges.iter().map(Edge::class).collect();
            let found = next.into_iter().map(|next| match next {
                Ok(class) => class,
                Err(next) => self.classify(next, path),
            });
            let found = all_or_one(operation.0.kind, found);
            class = if index == 0 { found } else { class.max(found) };
        }
        path.pop();
        self.classes.insert(birth, class);
        class
    }

    /// What an operation waits for in the end.
    fn class_of(&self, operation: &(Traced, Outside)) -> Class {
        let known = |birth| self.classes.get(&birth).copied();
        let unknown = Class::Outside(operation.1.ending);
        let edges = self.edges(operation);
        let classes = edges.iter().map(|edge| {
            let class = edge.class();
            class.unwrap_or_else(|birth| known(birth).unwrap_or(unknown))
        });
        all_or_one(operation.0.kind, classes)
    }

    /// The future that an operation waits behind, and that is not polled.
    fn dormant_edge<'a>(&'a self, operation: &'a (Traced, Outside)) -> Option<Edge<'a>> {
        let edges = self.edges(operation);
        let is_dormant = |edge: &Edge<'_>| matches!(edge, Edge::Dormant { .. });
        let waits_for_all = operation.0.kind == OpKind::Lock;
        if !waits_for_all && !edges.iter().all(is_dormant) {
            return None;
        }
        edges.into_iter().find(is_dormant)
    }

    fn operations(&self, seen: &Seen) -> &[(Traced, Outside)] {
        self.tasks.get(&seen.birth).map_or(&[], Vec::as_slice)
    }

    /// The futurelock that a task waits for itself, if it does.
    pub(super) fn futurelock(&self, seen: &Seen, nothing_is_due: bool) -> Option<Failure> {
        self.hopeless(seen, nothing_is_due).find_map(|operation| {
            let Edge::Dormant { birth, site, .. } = self.dormant_edge(operation)? else {
                return None;
            };
            let waits = operation.0.site;
            let owner = self.labels.get(&birth).map_or("", String::as_str);
            Some(Failure::Futurelock {
                waits: format!("{} at {}:{}", seen.label, waits.file(), waits.line()),
                unpolled: format!("{owner} at {}:{}", site.file(), site.line()),
            })
        })
    }

    /// Whether a task may wait although it could go on.
    pub(super) fn may_be_lost(&self, seen: &Seen) -> bool {
        let class = self.classes.get(&seen.birth);
        class.is_none_or(|&class| class <= Class::Free)
    }

    /// The place of the future that is not polled and has what a task waits for.
    pub(super) fn dormant_place(&self, seen: &Seen, nothing_is_due: bool) -> Option<QueuePlace> {
        let mut operations = self.hopeless(seen, nothing_is_due);
        operations.find_map(|operation| match self.dormant_edge(operation)? {
            Edge::Dormant { place, .. } => place,
            _ => None,
        })
    }

    /// The operations of a task that nobody ends but by chance: where something is still due,
    /// somebody else may send the message that is waited for.
    fn hopeless(
        &self,
        seen: &Seen,
        nothing_is_due: bool,
    ) -> impl Iterator<Item = &(Traced, Outside)> {
        let operations = self.operations(seen).iter();
        operations.filter(move |it| nothing_is_due || it.0.kind != OpKind::Recv)
    }

    /// What a task waits for, in words: where something may still happen, if that is hopeless.
    pub(super) fn explain(&self, seen: &Seen, nothing_is_due: bool) -> Vec<String> {
        let mut reasons = Vec::new();
        let unknown = self.unknown.get(&seen.birth).filter(|_| nothing_is_due);
        if let Some(Outside { ending, words, .. }) = unknown {
            reasons.push(format!("{}: {words}", ending.name()));
        }
        for operation in self.hopeless(seen, nothing_is_due) {
            let class = self.class_of(operation);
            if !nothing_is_due && class < Class::Cycle {
                continue;
            }
            let class = match class {
                Class::Futurelock => "futurelock",
                Class::Cycle => "lock cycle",
                Class::Free => "lost wake-up",
                Class::Outside(ending) => ending.name(),
            };
            for edge in self.edges(operation) {
                let reason = format!("{class}: {}", self.tell(seen, operation, &edge));
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        reasons
    }

    fn tell(&self, seen: &Seen, (operation, _): &(Traced, Outside), edge: &Edge<'_>) -> String {
        let what = match operation.kind {
            OpKind::Send => "slots",
            OpKind::Acquire => "permits",
            _ => "the lock",
        };
        match edge {
            Edge::Dormant {
                birth,
                kind,
                site,
                is_held,
                ..
            } => {
                let (file, line) = (site.file(), site.line());
                let owner = self.who(seen, *birth);
                let has = match (operation.kind, kind) {
                    (OpKind::Recv, _) if *is_held => {
                        format!("a future of {owner} has slots to send in, taken at {file}:{line}")
                    }
                    (OpKind::Recv, OpKind::Send) => {
                        format!(
                            "a slot was handed to a future of {owner} that sends at {file}:{line}"
                        )
                    }
                    (OpKind::Send, OpKind::Recv) => {
                        format!("messages are there for a future of {owner} at {file}:{line}")
                    }
                    _ if *is_held => {
                        format!("a future of {owner} has {what}, taken at {file}:{line}")
                    }
                    _ => format!("it was handed to a future of {owner} at {file}:{line}"),
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
                format!("{owner} has {what}, taken at {file}:{line}{hint}")
            }
            Edge::Ended(holder) => {
                let (file, line) = (holder.site.file(), holder.site.line());
                match operation.kind {
                    OpKind::Send => {
                        format!(
                            "slots are in a permit that outlives its task, taken at {file}:{line}"
                        )
                    }
                    OpKind::Acquire => {
                        format!("permits outlive the task that took them, at {file}:{line}")
                    }
                    _ => format!(
                        "the lock is in a guard that outlives its task, taken at {file}:{line}"
                    ),
                }
            }
            Edge::Join(birth) => format!("for the end of {}", self.who(seen, *birth)),
            Edge::Free => "nobody has the lock, and it was not woken".to_owned(),
            Edge::Outside(outside) => match self.at_other_end(outside) {
                Some(other) => format!("{}; {other}", outside.words),
                None => outside.words.clone(),
            },
        }
    }

    /// Where the other end of a connection is waited at.
    fn at_other_end(&self, outside: &Outside) -> Option<String> {
        let (connection, near) = outside.link?;
        let all = self.tasks.iter();
        let mut all = all.flat_map(|(birth, them)| them.iter().map(move |it| (birth, it)));
        let (birth, (operation, _)) =
            all.find(|(_, (_, other))| other.link == Some((connection, 1 - near)))?;
        let label = self.labels.get(birth).map_or("", String::as_str);
        let (kind, site) = (operation.kind.name(), operation.site);
        Some(format!(
            "there task {birth} ({label}) waits in {kind} at {}:{}",
            site.file(),
            site.line()
        ))
    }

    fn who(&self, seen: &Seen, birth: u64) -> String {
        if seen.birth == birth {
            return "this task".to_owned();
        }
        let label = self.labels.get(&birth).map_or("", String::as_str);
        format!("task {birth} ({label})")
    }
}

impl Has {
    /// What it is to wait for this.
    fn edge(&self) -> Edge<'_> {
        match self {
            Self {
                is_dormant: true,
                holder,
                ..
            } => Edge::Dormant {
                birth: holder.poller.birth,
                kind: holder.kind,
                site: holder.site,
                place: None,
                is_held: true,
            },
            Self {
                has_ended: true,
                holder,
                ..
            } => Edge::Ended(holder),
            Self { holder, .. } => Edge::Lock(holder),
        }
    }
}

/// The class of an operation of this kind that waits for things of these classes.
fn all_or_one(kind: OpKind, classes: impl Iterator<Item = Class>) -> Class {
    let class = match kind {
        OpKind::Lock => classes.max(),
        _ => classes.min(),
    };
    class.unwrap_or(Class::Outside(Ending::Foreign))
}

/// Whether what is polled with the waker of `poller` was not polled with its task.
fn is_unpolled(owner: &Seen, poller: &Poller) -> bool {
    let is_part = poller.waker != 0 && poller.waker != owner.own_waker;
    is_part && owner.operations.iter().all(|it| it.waker != poller.waker)
}
