//! A run as columns of numbers, which are short as JSON and quick to draw.
//!
//! Owns in which row an event stands, and of what sort it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::check::explain::Words;
use crate::choice::ChoiceKind;
use crate::record::{Detail, Event, EventKind, Told};
use crate::run::ToldRun;

/// Of a longer run, the page has the end.
const ENTRIES_MAX: usize = 400_000;

/// The sorts of entries: a name for the style, and what people read. [`Category`] is the index.
pub(super) const CATEGORIES: [(&str, &str); 12] = [
    ("poll", "polls"),
    ("operation", "operations"),
    ("message", "messages"),
    ("lost", "lost messages"),
    ("fault", "faults"),
    ("cancel", "cancels"),
    ("preempt", "preemptions"),
    ("log", "log lines"),
    ("act", "nodes and links"),
    ("task", "spawns and ends"),
    ("time", "waiting"),
    ("choice", "other choices"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Category {
    Poll,
    Operation,
    Message,
    Lost,
    Fault,
    Cancel,
    Preempt,
    Log,
    Act,
    Task,
    Time,
    Choice,
}

/// A run. Each column has one number for each entry.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    fails: bool,
    /// How many entries at the beginning are left out.
    skipped: usize,
    nodes: Vec<String>,
    /// The tasks in the order of their first entry: the node's number, and the name.
    tasks: Vec<(u16, String)>,
    kinds: Vec<&'static str>,
    texts: Vec<String>,
    /// How much later than the entry before, in ns.
    time: Vec<i64>,
    /// The event's number less that of the entry before; 0: a line that was logged.
    number: Vec<u64>,
    kind: Vec<usize>,
    category: Vec<u8>,
    /// 1 more than the node's number; 0: none.
    node: Vec<u16>,
    /// 1 more than the task's number in `tasks`; 0: none.
    task: Vec<usize>,
    text: Vec<usize>,
    /// How many events before it the one lies that caused it; 0: none.
    cause: Vec<u64>,
    /// Entries, and the other node that each concerns.
    also: Vec<(usize, u16)>,
    /// The entries that are choices which differ from calm.
    changed: Vec<usize>,
}

/// An entry before it is a row of a [`Table`].
struct Entry {
    time_ns: i64,
    number: u64,
    kind: &'static str,
    category: Category,
    node: Option<u16>,
    task: u64,
    text: String,
    cause: u64,
}

impl Table {
    /// The table of `run`, whose choices differ from calm where their anchors are in `changed`.
    pub(super) fn of(run: &ToldRun, changed: &BTreeSet<u64>, fails: bool) -> Self {
        let words = Words::of(run);
        let homes = homes(&run.events);
        let skipped = (run.events.len() + run.logs.len()).saturating_sub(ENTRIES_MAX);
        let mut rows = Rows {
            table: Self {
                fails,
                skipped,
                nodes: run.names.nodes().to_vec(),
                ..Self::default()
            },
            ..Rows::default()
        };
        let mut logs = run.logs.iter().peekable();
        let mut left_out = skipped;
        let mut time_ns = 0;
        let mut places: Vec<Option<u16>> = Vec::with_capacity(run.events.len());
        for (index, told) in run.events.iter().enumerate() {
            let number = index as u64 + 1;
            // Numbers of events count from 1: a line comes after as many of them.
            while let Some(line) = logs.next_if(|line| line.events < number) {
                if left_out > 0 {
                    left_out -= 1;
                    continue;
                }
                let task = line.task;
                rows.push(run, logged(line.events, time_ns, &homes, task, &line.text));
            }
            time_ns = told.event.time_ns;
            if left_out > 0 {
                left_out -= 1;
                places.push(None);
                continue;
            }
            let line = words.line(told);
            let caused = usize::try_from(told.event.cause).ok();
            let caused = caused.and_then(|it| *places.get(it.checked_sub(1)?)?);
            // What is chosen for what a node does is chosen there.
            let caused = caused.filter(|_| told.event.kind == EventKind::ChoiceMade);
            let node = node_of(told, line.task, &homes).or(caused);
            places.push(node);
            let category = category(told);
            if told.event.kind == EventKind::ChoiceMade && changed.contains(&told.event.one) {
                rows.table.changed.push(rows.table.time.len());
            }
            if let Some(other) = other_node(&told.event) {
                rows.table.also.push((rows.table.time.len(), other));
            }
            rows.push(
                run,
                Entry {
                    time_ns,
                    number,
                    kind: told.event.kind.name(),
                    category,
                    node,
                    task: line.task,
                    text: match told.event.kind {
                        EventKind::TimeAdvanced => until(told.event.two),
                        _ => line.what,
                    },
                    cause: told.event.cause,
                },
            );
        }
        let number = run.events.len() as u64;
        for line in logs {
            rows.push(run, logged(number, time_ns, &homes, line.task, &line.text));
        }
        rows.table
    }
}

/// Time passes in steps that are shorter than those of a report.
fn until(time_ns: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    format!(
        "nobody can run until {}.{:09} s",
        time_ns / SECOND,
        time_ns % SECOND
    )
}

fn logged(number: u64, time_ns: i64, homes: &BTreeMap<u64, u16>, task: u64, text: &str) -> Entry {
    Entry {
        time_ns,
        number,
        kind: "log",
        category: Category::Log,
        node: homes.get(&task).copied(),
        task,
        text: text.to_owned(),
        cause: 0,
    }
}

/// Fills a table.
#[derive(Default)]
struct Rows {
    table: Table,
    time_ns: i64,
    number: u64,
    kinds: BTreeMap<&'static str, usize>,
    tasks: BTreeMap<u64, usize>,
    texts: BTreeMap<String, usize>,
}

impl Rows {
    fn push(&mut self, run: &ToldRun, entry: Entry) {
        let table = &mut self.table;
        table.time.push(entry.time_ns - self.time_ns);
        self.time_ns = entry.time_ns;
        table.number.push(entry.number - self.number);
        self.number = entry.number;
        let kinds = self.kinds.len();
        let kind = *self.kinds.entry(entry.kind).or_insert(kinds);
        if kind == table.kinds.len() {
            table.kinds.push(entry.kind);
        }
        table.kind.push(kind);
        table.category.push(entry.category as u8);
        table.node.push(entry.node.map_or(0, |node| node + 1));
        let task = match entry.task {
            0 => 0,
            task => {
                let tasks = self.tasks.len();
                1 + *self.tasks.entry(task).or_insert_with(|| {
                    let name = run.names.task(task);
                    table.tasks.push((entry.node.unwrap_or_default(), name));
                    tasks
                })
            }
        };
        table.task.push(task);
        let next = table.texts.len();
        let text = match self.texts.get(&entry.text) {
            Some(&text) => text,
            None => {
                table.texts.push(entry.text.clone());
                self.texts.insert(entry.text, next);
                next
            }
        };
        table.text.push(text);
        let cause = match entry.cause {
            0 => 0,
            cause => entry.number.saturating_sub(cause),
        };
        table.cause.push(cause);
    }
}

/// The node of each task.
fn homes(events: &[Told]) -> BTreeMap<u64, u16> {
    let done = events.iter().filter(|told| told.event.task != 0);
    done.map(|told| (told.event.task, told.event.node))
        .collect()
}

fn node_of(told: &Told, task: u64, homes: &BTreeMap<u64, u16>) -> Option<u16> {
    let number = |number: u64| u16::try_from(number).ok();
    match told.event.kind {
        _ if told.event.task != 0 => Some(told.event.node),
        _ if task != 0 => homes.get(&task).copied(),
        kind if is_of_node(kind) => number(told.event.one),
        EventKind::TaskSpawned => homes.get(&told.event.one).copied(),
        _ => told.at,
    }
}

/// Whether an event is what happens to a node or a link, and names the node first.
fn is_of_node(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::NodeBooted
            | EventKind::NodeKilled
            | EventKind::NodePaused
            | EventKind::NodeResumed
            | EventKind::NodeExited
            | EventKind::NodePowerLost
            | EventKind::DiskPowerLost
            | EventKind::ClockDrifted
            | EventKind::ClockStepped
            | EventKind::SignalSent
            | EventKind::Partitioned
            | EventKind::Healed
    )
}

/// The node that an event is about, beside the one that it stands in.
fn other_node(event: &Event) -> Option<u16> {
    let other = match event.kind {
        EventKind::Partitioned | EventKind::Healed => event.two,
        EventKind::NodeBooted
        | EventKind::NodeKilled
        | EventKind::NodePaused
        | EventKind::NodeResumed
        | EventKind::NodePowerLost
        | EventKind::SignalSent
            if event.task != 0 =>
        {
            event.one
        }
        _ => return None,
    };
    u16::try_from(other).ok()
}

fn category(told: &Told) -> Category {
    let event = &told.event;
    if let Some(Detail::Choice { kind, point, .. }) = &told.detail {
        return match kind {
            ChoiceKind::Cancel if event.two > 0 => Category::Cancel,
            ChoiceKind::Fault if event.two > 0 => Category::Fault,
            ChoiceKind::Stall if event.two > 0 => Category::Preempt,
            ChoiceKind::Sched if event.task != 0 && event.two != point.subject => Category::Preempt,
            _ => Category::Choice,
        };
    }
    match event.kind {
        EventKind::TaskPolled => Category::Poll,
        EventKind::SegmentSent
        | EventKind::SegmentDelivered
        | EventKind::SegmentHeld
        | EventKind::DatagramSent
        | EventKind::DatagramDelivered
        | EventKind::UnixSent
        | EventKind::PipeSent => Category::Message,
        EventKind::SegmentLost | EventKind::DatagramLost => Category::Lost,
        EventKind::FaultFired | EventKind::FaultObserved => Category::Fault,
        EventKind::TaskFinished if event.two & 0xff > 1 => Category::Cancel,
        EventKind::TaskSpawned | EventKind::TaskFinished => Category::Task,
        EventKind::UserNoted => Category::Log,
        EventKind::HoldBegan | EventKind::HoldEnded => Category::Act,
        kind if is_of_node(kind) => Category::Act,
        EventKind::TimeAdvanced => Category::Time,
        EventKind::ChoiceMade => Category::Choice,
        _ => Category::Operation,
    }
}
