//! One event in words for those who have never seen the run.
//!
//! Owns who did it and what. Knows nothing of why it is told.

use std::collections::BTreeMap;
use std::panic::Location;

use super::slice::actor;
use crate::choice::{ChoiceKind, Operation, Point};
use crate::record::{Detail, EventKind, Names, Told};
use crate::run::ToldRun;
use crate::world::failure::Seconds;

/// An event as a line has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::check) struct Line {
    pub(in crate::check) time_ns: i64,
    /// The hash of the task's path; 0: no task.
    pub(in crate::check) task: u64,
    pub(in crate::check) who: String,
    pub(in crate::check) what: String,
    /// It is about something else that happens to what the task does.
    pub(in crate::check) is_aside: bool,
}

impl Line {
    /// Who did what, in one sentence.
    pub(in crate::check) fn sentence(&self) -> String {
        let Self { who, what, .. } = self;
        match (self.task, self.is_aside) {
            (0, _) => what.clone(),
            (_, true) => format!("{who}: {what}"),
            (_, false) => format!("{who} {what}"),
        }
    }
}

/// The words for the events of one run.
pub(in crate::check) struct Words<'a> {
    run: &'a ToldRun,
    /// What tasks do with each thing when they wait for it, by the thing's number.
    uses: BTreeMap<u64, &'static str>,
    /// The tasks that have ended, by the number of what is joined.
    ended: BTreeMap<u64, u64>,
}

impl<'a> Words<'a> {
    pub(in crate::check) fn of(run: &'a ToldRun) -> Self {
        let (mut uses, mut ended) = (BTreeMap::new(), BTreeMap::new());
        let mut touched = BTreeMap::new();
        for told in &run.events {
            let event = &told.event;
            match (event.kind, &told.detail) {
                (EventKind::OpCompleted, Some(Detail::Operation { name, .. })) => {
                    uses.insert(event.one >> 8, *name);
                }
                (EventKind::TaskFinished, _) => {
                    ended.insert(event.two >> 8, event.one);
                }
                (EventKind::ResourceTouched, _) => {
                    touched.insert(event.one, event.task);
                }
                _ => {}
            }
        }
        // A blocking closure ends before the task that stands for it.
        for (thing, task) in touched {
            ended.entry(thing).or_insert(task);
        }
        Self { run, uses, ended }
    }

    /// The words for an event of the run.
    pub(in crate::check) fn line(&self, told: &Told) -> Line {
        let task = actor(told);
        Line {
            time_ns: told.event.time_ns,
            task,
            who: match task {
                0 => "-".to_owned(),
                task => self.run.names.task(task),
            },
            what: self.what(told),
            is_aside: is_aside(told),
        }
    }

    fn what(&self, told: &Told) -> String {
        let (event, names) = (&told.event, &self.run.names);
        match (event.kind, &told.detail) {
            (EventKind::OpCompleted, Some(Detail::Operation { name: "join", site })) => {
                let task = self.ended.get(&(event.one >> 8));
                let task = task.map_or_else(|| "a task".to_owned(), |&task| names.task(task));
                format!("joins {task}{}", place(Some(site)))
            }
            (
                EventKind::OpCompleted,
                Some(Detail::Operation {
                    name: "accept",
                    site,
                }),
            ) => {
                format!("accepts a connection{}", place(Some(site)))
            }
            (
                EventKind::OpCompleted,
                Some(Detail::Operation {
                    name: "connect",
                    site,
                }),
            ) => {
                format!("is connected{}", place(Some(site)))
            }
            (EventKind::ResourceTouched, _) if self.uses.get(&event.one) == Some(&"join") => {
                "has done its work".to_owned()
            }
            (EventKind::ResourceTouched, _) => {
                let thing = names.thing(event.two);
                let thing = thing.unwrap_or_else(|| "what others use".to_owned());
                let change = match self.uses.get(&event.one) {
                    Some(&"lock") => "gives back",
                    Some(&"notified") => "notifies",
                    Some(&("send" | "recv")) => "changes the channel",
                    _ => "changes",
                };
                format!("{change} {thing}")
            }
            (EventKind::FileOperated, _) if let Some(by) = &told.by => {
                format!("{}{}", by.did, place(by.site))
            }
            _ => what(told, names),
        }
    }
}

/// Whether it is the network, the disk or a fault that decides.
fn is_aside(told: &Told) -> bool {
    let Some(Detail::Choice { kind, .. }) = &told.detail else {
        return false;
    };
    matches!(
        kind,
        ChoiceKind::Delay | ChoiceKind::Short | ChoiceKind::Fault
    )
}

fn what(told: &Told, names: &Names) -> String {
    let event = &told.event;
    let thing = |name: u64| names.thing(name).unwrap_or_else(|| "a thing".to_owned());
    match (event.kind, &told.detail) {
        (_, Some(Detail::Choice { kind, point, site })) => {
            let was_polled = event.task != 0;
            choice(names, *kind, point, (event.two, was_polled), *site)
        }
        (EventKind::OpCompleted, Some(Detail::Operation { name, site })) => {
            let on = match names.thing(event.two) {
                Some(thing) => format!(" {thing}"),
                None => String::new(),
            };
            let failed = told.words.as_deref().unwrap_or_default();
            format!("{}{on}{}{failed}", done(name), place(Some(site)))
        }
        (EventKind::TaskSpawned, _) => format!("starts {}", names.task(event.one)),
        (EventKind::TaskPolled, _) => "goes on".to_owned(),
        (EventKind::TaskFinished, _) => match event.two & 0xff {
            0 => "returns".to_owned(),
            1 => "panics".to_owned(),
            _ => "is dropped".to_owned(),
        },
        (EventKind::SegmentSent, _) => format!("sends on {}", thing(event.one)),
        (EventKind::SegmentDelivered, _) => format!("a segment arrives on {}", thing(event.one)),
        (EventKind::UnixSent, _) if names.thing(event.one).is_none() => {
            "sends a datagram".to_owned()
        }
        (EventKind::UnixSent, _) => format!("sends on {}", thing(event.one)),
        (EventKind::UnixClosed, _) => format!("closes {}", thing(event.one)),
        (EventKind::PipeSent, _) => format!("writes to {}", pipe(names, event.one)),
        (EventKind::PipeClosed, _) => format!("closes {}", pipe(names, event.one)),
        (EventKind::SignalSent, _) => {
            format!(
                "sends signal {} to {}",
                event.two,
                names.node_called(event.one)
            )
        }
        (EventKind::DatagramSent, _) => format!("sends a datagram {}", thing(event.one)),
        (EventKind::DatagramDelivered, _) => format!("a datagram arrives {}", thing(event.one)),
        (EventKind::NodeBooted, _) => format!("boots {}", names.node_called(event.one)),
        (EventKind::NodeKilled, _) => format!("kills {}", names.node_called(event.one)),
        (EventKind::NodePaused, _) => format!("pauses {}", names.node_called(event.one)),
        (EventKind::NodeResumed, _) => format!("lets {} go on", names.node_called(event.one)),
        (EventKind::NodePowerLost, _) => {
            format!("turns off the power of {}", names.node_called(event.one))
        }
        (EventKind::NodeExited, _) => {
            format!("the main of {} ends", names.node_called(event.one))
        }
        (EventKind::Partitioned, _) => format!(
            "cuts the link from {} to {}",
            names.node_called(event.one),
            names.node_called(event.two)
        ),
        (EventKind::Healed, _) => format!(
            "heals the link from {} to {}",
            names.node_called(event.one),
            names.node_called(event.two)
        ),
        (EventKind::TimeAdvanced, _) => {
            let until = i64::try_from(event.two).unwrap_or(i64::MAX);
            format!("nobody can run until {}", Seconds(until))
        }
        _ => names.words(told),
    }
}

/// A pipe is called as the connections are.
fn pipe(names: &Names, name: u64) -> String {
    match names.thing(name) {
        Some(thing) => thing.replacen("connection", "pipe", 1),
        None => "a pipe".to_owned(),
    }
}

/// What a completed operation did.
fn done(name: &str) -> String {
    match name {
        "lock" => "takes".to_owned(),
        "notified" => "is notified by".to_owned(),
        "send" => "sends to".to_owned(),
        "recv" => "receives from".to_owned(),
        "read" => "reads from".to_owned(),
        "write" => "writes to".to_owned(),
        "sleep" => "wakes from its sleep".to_owned(),
        other => format!("does {other}"),
    }
}

/// What was chosen; `chosen` is the value, and whether the task was running that it is about.
fn choice(
    names: &Names,
    kind: ChoiceKind,
    point: &Point,
    chosen: (u64, bool),
    site: Option<&'static Location<'static>>,
) -> String {
    let (value, was_polled) = chosen;
    let (at, operation) = (place(site), point.operation.name);
    let thing = || {
        let thing = names.thing(point.resource.0);
        thing.map_or_else(String::new, |thing| format!(" on {thing}"))
    };
    let time = || match value {
        0 => "in time".to_owned(),
        1..1_000_000 => format!("{} us late", value.div_ceil(1_000)),
        _ => format!("{} late", Seconds(i64::try_from(value).unwrap_or(i64::MAX))),
    };
    match kind {
        ChoiceKind::Sched if value == point.subject => format!("goes on with {operation}{at}"),
        ChoiceKind::Sched if was_polled => format!(
            "is interrupted before {operation}{at}; {} goes on",
            names.task(value)
        ),
        ChoiceKind::Sched if point.operation == Operation::END => {
            format!("has ended; {} goes on", names.task(value))
        }
        ChoiceKind::Sched => format!("waits; {} goes on", names.task(value)),
        ChoiceKind::Pick => format!("looks at branch {value} of select! first{at}"),
        ChoiceKind::Delay => format!("{operation} {}{} is {}{at}", point.step, thing(), time()),
        ChoiceKind::Stall if value == 0 => format!("goes on with {operation}{at}"),
        ChoiceKind::Stall => format!("is held up before {operation}{at}, {}", time()),
        ChoiceKind::Short if value == 0 => {
            format!("{operation} {}{} is whole", point.step, thing())
        }
        ChoiceKind::Short => {
            format!(
                "{operation} {}{} is {value} bytes short{at}",
                point.step,
                thing()
            )
        }
        ChoiceKind::Fault if value == 0 => format!("{operation} does not happen{}{at}", thing()),
        ChoiceKind::Fault => format!("{operation} happens{}{at}", thing()),
        ChoiceKind::Work if value == 0 => format!("does operation {}{}", point.step, thing()),
        ChoiceKind::Work => format!("leaves out operation {}{}", point.step, thing()),
        ChoiceKind::Entropy => format!("draws simple numbers from number {value} on"),
        ChoiceKind::Cancel => match value {
            0 => format!("is not cancelled in {operation}{at}"),
            1 => format!("is cancelled while it waits in {operation}{at}"),
            _ => format!("is cancelled in {operation}, after it was woken for it{at}"),
        },
    }
}

fn place(site: Option<&Location<'_>>) -> String {
    site.map_or_else(String::new, |site| {
        format!(" at {}:{}", site.file(), site.line())
    })
}
