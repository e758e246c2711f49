//! The record as text, for people and for comparing two runs line by line.
//!
//! ```text
//! 0.000500000 s  #17 <#16  server/main  net.segment.delivered  client/main~0>, content 00c0ffee00000001
//! 0.000500000 s  #18 <#17  server/main  choice.made  sched server/main read client/main~0> 0 0 = server/main at src/kv.rs:7
//! ```
//! One line for each event, its parts apart by two blanks: the virtual time; the event's number and
//! that of the one that caused it; the running task, or `-`; what happened; and what is known of
//! it. Tasks, resources and choices are written as in stored failures, contents as hashes.

use std::collections::BTreeMap;
use std::panic::Location;

use super::{Detail, Event, EventKind, Told};
use crate::choice::{ANY_TASK, ChoiceKind, Point};

/// What the hashes in events stand for, the names of the nodes in their order, and what people call
/// the tasks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(
    pub(super) BTreeMap<u64, String>,
    pub(super) Vec<String>,
    pub(super) BTreeMap<u64, String>,
);

impl Names {
    pub(crate) fn insert(&mut self, hash: u64, name: String) {
        self.0.insert(hash, name);
    }

    /// Names the next node.
    pub(crate) fn node(&mut self, name: String) {
        self.1.push(name);
    }

    /// What `hash` stands for.
    pub(super) fn name(&self, hash: u64) -> String {
        let known = self.0.get(&hash).cloned();
        known.unwrap_or_else(|| hash.to_string())
    }

    /// One event in words: when, in which task, what. `detail` is what is behind it.
    pub(crate) fn tell(&self, event: &Event, detail: Option<&Detail>) -> String {
        let Event {
            time_ns,
            kind,
            task,
            one,
            two,
            cause,
            ..
        } = *event;
        let time = format!(
            "{}.{:09} s",
            time_ns / 1_000_000_000,
            time_ns % 1_000_000_000
        );
        let task = match task {
            0 => "no task".to_owned(),
            task => self.name(task),
        };
        let what = match (kind, detail) {
            (_, Some(Detail::Choice { kind, point, site })) => {
                self.tell_choice(*kind, point, *site, two)
            }
            (_, Some(Detail::Operation { name, site })) => {
                let on = self.on(two);
                format!("{name}{on} at {}:{}", site.file(), site.line())
            }
            (EventKind::TimeAdvanced, _) => format!("to {two} ns"),
            _ => format!("{} {}", self.name(one), self.name(two)),
        };
        let name = kind.name();
        format!("{time} {task}: {name} {what} (caused by event {cause})")
    }

    fn on(&self, resource: u64) -> String {
        match resource {
            0 => String::new(),
            resource => format!(" on {}", self.name(resource)),
        }
    }

    fn tell_choice(
        &self,
        kind: ChoiceKind,
        point: &Point,
        site: Option<&Location<'_>>,
        value: u64,
    ) -> String {
        let value = match (kind, value) {
            (ChoiceKind::Sched, ANY_TASK) => "any task".to_owned(),
            (ChoiceKind::Sched, task) => self.name(task),
            (_, value) => value.to_string(),
        };
        let on = self.on(point.resource.0);
        let of = match point.subject {
            0 => String::new(),
            subject => format!(" of {}", self.name(subject)),
        };
        let site = place(site);
        let visit = match point.visit {
            0 => String::new(),
            visit => format!(", visit {visit}"),
        };
        format!(
            "{} = {value}, chosen at {}{on}{of}{site}, step {}{visit}",
            kind.name(),
            point.operation.name,
            point.step
        )
    }

    /// The events as lines: see the head of this file.
    pub(crate) fn lines(&self, events: &[Told]) -> Vec<String> {
        let line = |(index, told): (usize, &Told)| {
            let Event {
                time_ns,
                task,
                cause,
                kind,
                ..
            } = told.event;
            let (seconds, rest) = (time_ns / SECOND_NS, time_ns % SECOND_NS);
            let task = match task {
                0 => "-".to_owned(),
                task => self.name(task),
            };
            let (number, name, what) = (index + 1, kind.name(), self.words(told));
            let line =
                format!("{seconds}.{rest:09} s  #{number} <#{cause}  {task}  {name}  {what}");
            line.trim_end().to_owned()
        };
        events.iter().enumerate().map(line).collect()
    }

    /// What happened, without who did it and when.
    pub(crate) fn words(&self, told: &Told) -> String {
        let Event { kind, one, two, .. } = told.event;
        match (&told.detail, &told.words) {
            (Some(Detail::Choice { kind, point, site }), _) => {
                self.choice(*kind, point, *site, two)
            }
            (Some(Detail::Operation { name, site }), failed) => {
                let (on, at) = (self.on(two), place(Some(site)));
                format!("{name}{on}{at}{}", failed.as_deref().unwrap_or_default())
            }
            (None, Some(words)) => format!("{words}{}", result(kind, two)),
            (None, None) => self.words_of(kind, one, two),
        }
    }

    /// A choice as stored failures have it, and where it stands.
    fn choice(
        &self,
        kind: ChoiceKind,
        point: &Point,
        site: Option<&Location<'_>>,
        value: u64,
    ) -> String {
        let name = |hash| match hash {
            0 => "-".to_owned(),
            hash => self.name(hash),
        };
        format!(
            "{} {} {} {} {} {} = {}{}",
            kind.name(),
            name(point.subject),
            point.operation.name,
            name(point.resource.0),
            point.step,
            point.visit,
            match (kind, value) {
                (ChoiceKind::Sched, ANY_TASK) => "*".to_owned(),
                (ChoiceKind::Sched, task) => self.name(task),
                (_, value) => value.to_string(),
            },
            place(site)
        )
    }

    fn words_of(&self, kind: EventKind, one: u64, two: u64) -> String {
        let node = |number: u64| match self.1.get(number as usize) {
            Some(name) => name.clone(),
            None => format!("node {number}"),
        };
        let (name, result) = (self.name(one), result(kind, two));
        match kind {
            EventKind::NodeBooted
            | EventKind::NodeKilled
            | EventKind::SignalSent
            | EventKind::DiskPowerLost
            | EventKind::NodePaused
            | EventKind::NodeResumed
            | EventKind::NodeExited
            | EventKind::NodePowerLost
            | EventKind::ClockDrifted
            | EventKind::ClockStepped
            | EventKind::UnixBound => format!("{}{result}", node(one)),
            EventKind::Partitioned | EventKind::Healed => format!("{}->{}", node(one), node(two)),
            EventKind::TimeAdvanced => format!("to {}.{:09} s", two / SECOND, two % SECOND),
            EventKind::TaskSpawned => format!("{name} by {}", self.name(two)),
            EventKind::ResourceTouched if two == 0 => format!("thing {one}"),
            EventKind::ResourceTouched => self.name(two),
            EventKind::HoldBegan | EventKind::HoldEnded => format!("hold {one}"),
            _ => format!("{name}{result}"),
        }
    }
}

/// What an event's second number says.
fn result(kind: EventKind, two: u64) -> String {
    match kind {
        EventKind::NodeBooted => format!(", incarnation {two}"),
        EventKind::NodeKilled => format!(", {two} tasks dropped"),
        EventKind::TaskFinished => match two & 0xff {
            0 => ", returned".to_owned(),
            1 => ", panicked".to_owned(),
            _ => ", cancelled".to_owned(),
        },
        EventKind::EntropyDrawn => format!(", {two} bytes"),
        EventKind::SegmentSent
        | EventKind::SegmentDelivered
        | EventKind::DatagramSent
        | EventKind::DatagramDelivered
        | EventKind::FileWritten
        | EventKind::PipeSent
        | EventKind::UnixSent => format!(", content {two:016x}"),
        EventKind::SegmentHeld | EventKind::SegmentLost => format!(", segment {two}"),
        EventKind::ConnectionOpened => format!(", port {two}"),
        EventKind::SignalSent | EventKind::ProcessSignalled => format!(", signal {two}"),
        EventKind::ProcessStarted => format!(", number {two}"),
        EventKind::ProcessEnded if two & 0x7f == 0 => format!(", code {}", two >> 8),
        EventKind::ProcessEnded => format!(", by signal {two}"),
        EventKind::FaultFired => format!(", {two}"),
        EventKind::DatagramLost if two == 0 => ", on the way".to_owned(),
        EventKind::DatagramLost => ", for want of room".to_owned(),
        EventKind::DiskPowerLost => format!(", {two} times before"),
        EventKind::ClockDrifted => format!(", {} ppm", two as i64),
        EventKind::ClockStepped => format!(", by {} ns", two as i64),
        EventKind::UnixConnected => format!(", socket {two}"),
        EventKind::PipeClosed | EventKind::UnixClosed => format!(", {two} unread"),
        _ => String::new(),
    }
}

fn place(site: Option<&Location<'_>>) -> String {
    site.map_or_else(String::new, |site| {
        format!(" at {}:{}", site.file(), site.line())
    })
}

const SECOND_NS: i64 = 1_000_000_000;
const SECOND: u64 = 1_000_000_000;

impl EventKind {
    /// The event's name, as `room.thing.happened`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NodeBooted => "node.booted",
            Self::NodeKilled => "node.killed",
            Self::TaskSpawned => "task.spawned",
            Self::TaskPolled => "task.polled",
            Self::TaskFinished => "task.finished",
            Self::TimeAdvanced => "time.advanced",
            Self::ChoiceMade => "choice.made",
            Self::EntropyDrawn => "entropy.drawn",
            Self::SegmentSent => "net.segment.sent",
            Self::SegmentDelivered => "net.segment.delivered",
            Self::SegmentHeld => "net.segment.held",
            Self::ConnectionOpened => "net.connection.opened",
            Self::ConnectionFailed => "net.connection.failed",
            Self::Partitioned => "net.partitioned",
            Self::Healed => "net.healed",
            Self::OpCompleted => "op.completed",
            Self::SignalSent => "signal.sent",
            Self::UserNoted => "user.noted",
            Self::FaultFired => "fault.fired",
            Self::FaultObserved => "fault.observed",
            Self::FileOperated => "disk.file.operated",
            Self::FileWritten => "disk.file.written",
            Self::DiskPowerLost => "disk.power.lost",
            Self::DatagramSent => "net.datagram.sent",
            Self::DatagramDelivered => "net.datagram.delivered",
            Self::SegmentLost => "net.segment.lost",
            Self::HoldBegan => "net.hold.began",
            Self::HoldEnded => "net.hold.ended",
            Self::DatagramLost => "net.datagram.lost",
            Self::NodePaused => "node.paused",
            Self::NodeResumed => "node.resumed",
            Self::NodeExited => "node.exited",
            Self::NodePowerLost => "node.power_lost",
            Self::ClockDrifted => "clock.drifted",
            Self::ClockStepped => "clock.stepped",
            Self::UnixBound => "unix.socket.bound",
            Self::UnixConnected => "unix.stream.connected",
            Self::UnixSent => "unix.bytes.sent",
            Self::UnixClosed => "unix.socket.closed",
            Self::PipeOpened => "pipe.opened",
            Self::PipeSent => "pipe.bytes.sent",
            Self::PipeClosed => "pipe.end.closed",
            Self::ResourceTouched => "resource.touched",
            Self::HistoryWritten => "history.written",
            Self::AssertionSeen => "assertion.seen",
            Self::ProcessStarted => "process.started",
            Self::ProcessSignalled => "process.signalled",
            Self::ProcessEnded => "process.ended",
        }
    }
}
