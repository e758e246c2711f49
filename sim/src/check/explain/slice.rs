//! What led to a failure: the events that happened before it, of all that happened.
//!
//! Owns which event comes after which of another task. Sees the record alone.
//!
//! An event comes after (Lamport, "Time, clocks, and the ordering of events in a distributed system",
//! 1978): the one before it in its own task; for a task's first, its spawn; for what acts on a thing,
//! what another task did to the thing last; for what reads from a connection, the last delivery on
//! it, and for that its sending; for what takes bytes out of a pipe or a socket, sees a signal, or
//! looks at a file or a name, who put them there, sent it, or changed that last; for blocking work
//! that waited for a thread, the work that left one; for a task that was interrupted, what the task
//! did that went first.

use std::collections::{BTreeMap, BTreeSet};

use crate::choice::{ChoiceKind, ResourceName};
use crate::record::{Detail, EventKind, Told};
use crate::strategy::Thing;
use crate::world::failure::Failure;

/// The events that led to a failure, by their places in the record, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slice {
    /// Those that tell: the failing ones, what differed from calm, what was done to machines and
    /// links, and what passed from one task to another.
    pub(super) told: Vec<usize>,
    /// Those that tell and are left out last.
    pub(super) kept: BTreeSet<usize>,
    /// More than one task had part in it, or what is no task.
    pub(super) crosses: bool,
    /// How many events happened before the failure in all of the tasks that had part in it.
    pub(super) events: usize,
}

/// The slice that leads back from `failure`. `changed` has the anchors of the choices that differ
/// from calm.
pub(super) fn slice(events: &[Told], failure: &Failure, changed: &BTreeSet<u64>) -> Slice {
    let mut order = Order::default();
    for (place, told) in events.iter().enumerate() {
        order.take(events, place, told, changed);
    }
    let mut marked = vec![false; events.len()];
    let mut roots = BTreeSet::new();
    for root in order.roots(events, failure) {
        order.mark(root, &mut marked);
        roots.insert(root);
    }
    if is_standing(failure) {
        // Who waits does not say in the record for whom: those that were started on the way and
        // have not ended are who is left.
        while let Some(root) = order.standing(&marked, &roots) {
            order.mark(root, &mut marked);
            roots.insert(root);
        }
    }
    let is_change =
        |told: &Told| told.event.kind == EventKind::ChoiceMade && changed.contains(&told.event.one);
    // That somebody had its turn and waits since says nothing.
    roots.retain(|&root| events[root].event.kind != EventKind::TaskPolled);
    let mut kept = roots.clone();
    let mut tells = roots;
    for (place, told) in events.iter().enumerate() {
        if is_change(told) || (marked[place] && is_act(told.event.kind)) {
            tells.insert(place);
        }
        // Whoever waits holds what it took last.
        if marked[place] && told.event.kind == EventKind::OpCompleted && order.is_held(place) {
            tells.insert(place);
        }
        if is_change(told) || (marked[place] && is_loss(told.event.kind)) {
            kept.insert(place);
        }
        if marked[place] {
            tells.extend(order.crossing(events, place));
        }
    }
    // Who starts the test is no task.
    tells.retain(|&place| actor(&events[place]) != 0 || is_told_alone(&events[place]));
    let actors: BTreeSet<u64> = tells.iter().map(|&it| actor(&events[it])).collect();
    Slice {
        told: tells.into_iter().collect(),
        crosses: actors.len() > 1,
        kept,
        events: marked.into_iter().filter(|it| *it).count(),
    }
}

/// Whether the test waits, rather than somebody having done something.
fn is_standing(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Deadlock
            | Failure::Paused { .. }
            | Failure::StepLimit { .. }
            | Failure::TimeLimit { .. }
    )
}

/// Whether an event tells something although no task did it.
fn is_told_alone(told: &Told) -> bool {
    told.event.kind != EventKind::TaskSpawned
}

/// What takes something from a program that it cannot keep.
fn is_loss(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::NodePowerLost | EventKind::NodeKilled | EventKind::Partitioned
    )
}

/// What is done to machines and links, or by themselves.
fn is_act(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::NodeKilled
            | EventKind::NodeBooted
            | EventKind::NodePaused
            | EventKind::NodeResumed
            | EventKind::NodePowerLost
            | EventKind::NodeExited
            | EventKind::Partitioned
            | EventKind::Healed
            | EventKind::ClockStepped
            | EventKind::HoldBegan
            | EventKind::HoldEnded
    )
}

/// After what each event comes, but for the order of time.
#[derive(Debug, Default)]
struct Order {
    /// The event before it of the same task.
    before: BTreeMap<usize, usize>,
    /// The events of others.
    across: BTreeMap<usize, Vec<usize>>,
    /// The last event of each task, and its spawn.
    last: BTreeMap<u64, usize>,
    spawned: BTreeMap<u64, usize>,
    finished: BTreeSet<u64>,
    /// The last operation of each task.
    done: BTreeMap<u64, usize>,
    /// What was done to each thing last.
    things: BTreeMap<u64, usize>,
    /// The last delivery in each direction, and the last connection.
    delivered: BTreeMap<u64, usize>,
    opened: Option<usize>,
    /// Tasks that wait since a choice differed from calm: who went first instead, and which choice.
    interrupted: BTreeMap<u64, (u64, usize)>,
    /// Tasks that such a choice let go on.
    preferred: BTreeMap<u64, usize>,
}

/// Whose event it is; 0: nobody's.
pub(super) fn actor(told: &Told) -> u64 {
    match (told.event.kind, &told.detail) {
        _ if let Some(by) = &told.by => by.task,
        (EventKind::TaskFinished, _) => told.event.one,
        (_, Some(Detail::Choice { point, .. })) if told.event.task == 0 => point.subject,
        _ => told.event.task,
    }
}

impl Order {
    fn take(&mut self, events: &[Told], place: usize, told: &Told, changed: &BTreeSet<u64>) {
        let event = &told.event;
        let task = actor(told);
        if task != 0 {
            match self.last.insert(task, place) {
                Some(before) => {
                    self.before.insert(place, before);
                }
                None => self.comes_after(place, self.spawned.get(&task).copied()),
            }
        }
        for &number in &told.after {
            let other = (number as usize).checked_sub(1);
            let other = other.filter(|&other| owner(events, other) != task);
            self.comes_after(place, other);
        }
        match event.kind {
            EventKind::TaskSpawned => {
                self.spawned.insert(event.one, place);
                if task == 0 {
                    self.comes_after(place, self.last.get(&event.two).copied());
                }
            }
            EventKind::TaskPolled => {
                let preferred = self.preferred.remove(&task);
                self.comes_after(place, preferred);
                if let Some((other, choice)) = self.interrupted.remove(&task) {
                    let meanwhile = self.last.get(&other).filter(|&&it| it > choice);
                    self.comes_after(place, meanwhile.copied());
                }
            }
            EventKind::TaskFinished => {
                self.finished.insert(task);
                self.things.insert(event.two >> 8, place);
            }
            EventKind::ChoiceMade if changed.contains(&event.one) => {
                if let Some(Detail::Choice {
                    kind: ChoiceKind::Sched,
                    point,
                    ..
                }) = &told.detail
                {
                    self.interrupted.insert(point.subject, (event.two, place));
                    self.preferred.insert(event.two, place);
                }
            }
            EventKind::OpCompleted => {
                self.done.insert(task, place);
                self.take_operation(events, place, told);
            }
            EventKind::ResourceTouched => {
                self.things.insert(event.one, place);
            }
            EventKind::SegmentDelivered => {
                self.comes_after(place, cause(told));
                self.delivered.insert(event.one, place);
            }
            EventKind::ConnectionOpened => self.opened = Some(place),
            EventKind::DatagramDelivered => self.comes_after(place, cause(told)),
            _ => {}
        }
    }

    fn take_operation(&mut self, events: &[Told], place: usize, told: &Told) {
        let (thing, name) = (told.event.one >> 8, told.event.two);
        let is_of_another = |&other: &usize| actor(&events[other]) != told.event.task;
        // Which files and names an operation is about is known from what it came after.
        if thing != u64::from(Thing::NONE.0) && !told.is_of_file {
            let other = self.things.insert(thing, place);
            self.comes_after(place, other.filter(is_of_another));
        }
        let Some(Detail::Operation {
            name: operation, ..
        }) = &told.detail
        else {
            return;
        };
        match *operation {
            "read" => {
                let name = ResourceName(name);
                let ways = [name, name.direction(true), name.direction(false)];
                // What comes in is what another has sent.
                let sent = |&place: &usize| {
                    let sent = self.across.get(&place).and_then(|sent| sent.first());
                    sent.is_none_or(is_of_another)
                };
                let deliveries = (ways.iter()).filter_map(|way| self.delivered.get(&way.0));
                let last = deliveries.copied().filter(sent).max();
                self.comes_after(place, last);
            }
            "accept" => self.comes_after(place, self.opened),
            _ => {}
        }
    }

    fn comes_after(&mut self, place: usize, other: Option<usize>) {
        if let Some(other) = other.filter(|&other| other != place) {
            self.across.entry(place).or_default().push(other);
        }
    }

    /// The events that are the failure.
    fn roots(&self, events: &[Told], failure: &Failure) -> Vec<usize> {
        if is_standing(failure) {
            // The test's own task is the first.
            let main = (events.iter()).find(|told| told.event.kind == EventKind::TaskPolled);
            let main = main.and_then(|told| self.last.get(&told.event.task));
            return main.copied().into_iter().collect();
        }
        let panicked = |told: &Told| {
            told.event.kind == EventKind::TaskFinished && told.event.two & 0xff == PANICKED
        };
        let panicked = (events.iter().rposition(panicked))
            .filter(|_| matches!(failure, Failure::Panic { .. }));
        let last = || events.iter().rposition(|told| actor(told) != 0);
        panicked.or_else(last).into_iter().collect()
    }

    /// The last event of a task that was started by what is marked, has not ended and is not marked.
    fn standing(&self, marked: &[bool], roots: &BTreeSet<usize>) -> Option<usize> {
        let mut tasks = self.spawned.iter();
        tasks.find_map(|(task, &spawned)| {
            let last = *self.last.get(task)?;
            let is_one = marked[spawned] && !self.finished.contains(task);
            (is_one && !roots.contains(&last)).then_some(last)
        })
    }

    /// Whether it is the last that its task did, which has not ended.
    fn is_held(&self, place: usize) -> bool {
        let mut last = self.done.iter();
        last.any(|(task, &done)| done == place && !self.finished.contains(task))
    }

    /// Marks an event and all that it comes after.
    fn mark(&self, root: usize, marked: &mut [bool]) {
        let mut open = vec![root];
        while let Some(place) = open.pop() {
            if std::mem::replace(&mut marked[place], true) {
                continue;
            }
            open.extend(self.before.get(&place));
            open.extend(self.across.get(&place).into_iter().flatten());
        }
    }

    /// What is to be told of how `place` comes after events of others.
    fn crossing(&self, events: &[Told], place: usize) -> Vec<usize> {
        let mut tells = Vec::new();
        for &other in self.across.get(&place).into_iter().flatten() {
            match events[other].event.kind {
                // That it was sent and that it was read is enough.
                EventKind::SegmentDelivered | EventKind::DatagramDelivered => {
                    tells.extend(self.across.get(&other).into_iter().flatten());
                }
                EventKind::ConnectionOpened => {}
                _ => tells.push(other),
            }
            let is_told = match events[place].event.kind {
                // A spawn says enough of a task's first turn, and a delivery is not the reader's.
                EventKind::TaskPolled => events[other].event.kind != EventKind::TaskSpawned,
                EventKind::SegmentDelivered | EventKind::DatagramDelivered => false,
                _ => true,
            };
            if is_told {
                tells.push(place);
            }
        }
        tells
    }
}

/// Whose event it is; of a delivery, who sent.
fn owner(events: &[Told], place: usize) -> u64 {
    let told = &events[place];
    match told.event.kind {
        EventKind::DatagramDelivered => cause(told).map_or(0, |sent| actor(&events[sent])),
        _ => actor(told),
    }
}

/// What caused an event, where that is known.
fn cause(told: &Told) -> Option<usize> {
    usize::try_from(told.event.cause).ok()?.checked_sub(1)
}

/// How a task has ended that panicked.
const PANICKED: u64 = simoom::backend::Ended::Panicked as u64;
