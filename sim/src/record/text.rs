//! The record as text, for people and for comparing two runs line by line.
//!
//! ```text
//! 17 0.000500 s server/main #16 net.segment.delivered client/main~0> 2
//! ```
//! Sequence number, virtual time, the running task, the event that caused it, what happened, and
//! its two fields: names where they are known, numbers where not.

use std::collections::BTreeMap;

use super::{Event, EventKind};

/// What the hashes in events stand for.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<u64, String>);

impl Names {
    pub(crate) fn insert(&mut self, hash: u64, name: String) {
        self.0.insert(hash, name);
    }

    /// The events as lines.
    pub(crate) fn lines(&self, events: &[Event]) -> Vec<String> {
        let line = |(index, event): (usize, &Event)| {
            let name = |hash: u64| {
                self.0
                    .get(&hash)
                    .cloned()
                    .unwrap_or_else(|| hash.to_string())
            };
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
            Self::DatagramSent => "net.datagram.sent",
            Self::DatagramDelivered => "net.datagram.delivered",
            Self::DatagramLost => "net.datagram.lost",
        }
    }
}
