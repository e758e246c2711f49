//! The record as text, for people and for comparing two runs line by line.
//!
//! ```text
//! 17 0.000500 s server/main #16 net.segment.delivered client/main~0> 2
//! ```
//! Sequence number, virtual time, the running task, the event that caused it, what happened, and
//! its two fields: names where they are known, numbers where not.

use std::collections::BTreeMap;
use std::panic::Location;

use super::{Detail, Event, EventKind};
use crate::choice::{ANY_TASK, ChoiceKind, Point};

/// What the hashes in events stand for.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<u64, String>);

impl Names {
    pub(crate) fn insert(&mut self, hash: u64, name: String) {
        self.0.insert(hash, name);
    }

    /// What `hash` stands for.
    fn name(&self, hash: u64) -> String {
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
        let site = site.map_or_else(String::new, |site| {
            format!(" at {}:{}", site.file(), site.line())
        });
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

    /// The events as lines.
    pub(crate) fn lines(&self, events: &[Event]) -> Vec<String> {
        let line = |(index, event): (usize, &Event)| {
            let name = |hash: u64| self.name(hash);
            let (micros, task) = (event.time_ns / 1_000, event.task);
            format!(
                "{} {}.{:06} s {} #{} {} {} {}",
                index + 1,
                micros / 1_000_000,
                micros % 1_000_000,
                if task == 0 {
                    "-".to_owned()
                } else {
                    name(task)
                },
                event.cause,
                event.kind.name(),
                name(event.one),
                name(event.two)
            )
        };
        events.iter().enumerate().map(line).collect()
    }
}

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
        }
    }
}
