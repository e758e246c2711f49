//! What happened, as one sequence of events that everything else reads.
//!
//! Owns the events, their hash and how many of them are kept. Knows nothing of what an event means
//! for a verdict.
//!
//! # Invariants
//! 1. The hash covers every event with all its fields, in order, and every choice.
//! 2. How much is kept never changes the hash.

mod labels;
mod text;
mod trail;

use std::collections::BTreeMap;
use std::panic::Location;

use crate::choice::{mix, value};

pub(crate) use self::text::Names;
use self::trail::Watcher;
pub(crate) use self::trail::{Detail, Kept, Parted, STRIDE, Trail, Watch};

/// The version of the events' meaning; part of every hash.
pub(crate) const FORMAT: u64 = 1;

/// What happened. The meaning of the two numbers of an [`Event`] stands behind each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum EventKind {
    /// `node.booted`: incarnation.
    NodeBooted = 1,
    /// `node.killed`: tasks dropped.
    NodeKilled,
    /// `task.spawned`: path hash, parent's path hash.
    TaskSpawned,
    /// `task.polled`: path hash.
    TaskPolled,
    /// `task.finished`: path hash, how it ended and above 8 bits what is joined, by number.
    TaskFinished,
    /// `time.advanced`: from, to; both in ns.
    TimeAdvanced,
    /// `choice.made`: anchor hash, value.
    ChoiceMade,
    /// `entropy.drawn`: stream hash, bytes.
    EntropyDrawn,
    /// `net.segment.sent`: direction's name, content hash.
    SegmentSent,
    /// `net.segment.delivered`: direction's name, content hash.
    SegmentDelivered,
    /// `net.segment.held`: direction's name, 0.
    SegmentHeld,
    /// `net.connection.opened`: connection's name, listener's port.
    ConnectionOpened,
    /// `net.connection.failed`: connection's name, the error's number.
    ConnectionFailed,
    /// `net.partitioned`: node, node.
    Partitioned,
    /// `net.healed`: node, node.
    Healed,
    /// `op.completed`: operation's kind and above 8 bits what it acted on by number, its name.
    OpCompleted,
    /// `signal.sent`: node.
    SignalSent,
    /// `user.noted`: hash of the text.
    UserNoted,
    /// `fault.fired`: hash of the kind's name and what was hit, how big.
    FaultFired,
    /// `fault.observed`: hash of the kind's name.
    FaultObserved,
    /// `disk.file.operated`: hash of the operation and its file, how it ended.
    FileOperated,
    /// `disk.file.written`: hash of the operation and its file, content hash.
    FileWritten,
    /// `disk.power.lost`: node, how often before.
    DiskPowerLost,
    /// `net.datagram.sent`: flow's name, content hash.
    DatagramSent,
    /// `net.datagram.delivered`: flow's name, content hash.
    DatagramDelivered,
    /// `net.segment.lost`: direction's name, number.
    SegmentLost,
    /// `net.hold.began`: its number.
    HoldBegan,
    /// `net.hold.ended`: its number.
    HoldEnded,
    /// `net.datagram.lost`: flow's name, 0 on the way or 1 for want of room.
    DatagramLost,
    /// `node.paused`: node.
    NodePaused,
    /// `node.resumed`: node.
    NodeResumed,
    /// `node.exited`: node, 0 where its main returned nothing wrong, 1 an error, 2 it panicked.
    NodeExited,
    /// `node.power_lost`: node.
    NodePowerLost,
    /// `clock.drifted`: node, parts in a million.
    ClockDrifted,
    /// `clock.stepped`: node, by how many ns.
    ClockStepped,
    /// `unix.socket.bound`: node, hash of the name.
    UnixBound,
    /// `unix.stream.connected`: connection's name, serial.
    UnixConnected,
    /// `unix.bytes.sent`: direction's name or socket's serial, content hash.
    UnixSent,
    /// `unix.socket.closed`: connection's name or socket's serial, what was unread.
    UnixClosed,
    /// `pipe.opened`: its name, serial.
    PipeOpened,
    /// `pipe.bytes.sent`: its name, content hash.
    PipeSent,
    /// `pipe.end.closed`: its name, what was unread.
    PipeClosed,
    /// `resource.touched`: its number, its name if it has one yet.
    ResourceTouched,
    /// `history.written`: hash of its name, hash of the line.
    HistoryWritten,
    /// `assertion.seen`: hash of its module and message, 1 where it held for the first time.
    AssertionSeen,
    /// `process.started`: its main's path hash, its number.
    ProcessStarted,
    /// `process.signalled`: its main's path hash, the signal.
    ProcessSignalled,
    /// `process.ended`: its main's path hash, the status as wait(2) tells it.
    ProcessEnded,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) time_ns: i64,
    pub(crate) kind: EventKind,
    pub(crate) node: u16,
    /// The running task's path hash, or 0.
    pub(crate) task: u64,
    pub(crate) one: u64,
    pub(crate) two: u64,
    /// The sequence number of the event that caused this one.
    pub(crate) cause: u64,
}

/// An event, and what is behind it, for people.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) event: Event,
    pub(crate) detail: Option<Detail>,
    /// What its numbers stand for, where that was said.
    pub(crate) words: Option<String>,
    /// Who had it done, if the world did it later.
    pub(crate) by: Option<By>,
    /// The sequence numbers of the events whose effect it is, or its task had seen before it.
    pub(crate) after: Vec<u64>,
    /// It is an operation on a file or on a path.
    pub(crate) is_of_file: bool,
    /// The number of the node where it happened, if no task of it did it.
    pub(crate) at: Option<u16>,
}

/// Who has something done that the world does later.
#[derive(Clone, Debug)]
pub(crate) struct By {
    /// A task's path hash.
    pub(crate) task: u64,
    pub(crate) site: Option<&'static Location<'static>>,
    /// What it is, after the task's name.
    pub(crate) did: String,
}

/// What is behind the next event, where every event is kept.
#[derive(Debug, Default)]
struct Coming {
    detail: Option<Detail>,
    words: Option<String>,
    by: Option<By>,
    after: Vec<u64>,
    is_of_file: bool,
    at: Option<u16>,
}

/// How much of the record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The hash alone.
    Hash,
    /// The user's notes too: what a sweep keeps.
    History,
    /// Every event.
    Full,
}

/// Takes events in.
#[derive(Debug)]
pub(crate) struct Recorder {
    hash: [u64; 2],
    count: u64,
    level: Level,
    events: Vec<Told>,
    coming: Coming,
    /// What tasks have seen since their last events, by the tasks' path hashes.
    seen: BTreeMap<u64, Vec<u64>>,
    watcher: Watcher,
}

/// What a record came to.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) events: Vec<Told>,
    /// What was kept for another run, if it was asked for.
    pub(crate) kept: Option<Kept>,
    /// Where it was not the run it followed, if it followed one.
    pub(crate) parted: Option<Parted>,
}

impl Recorder {
    pub(crate) fn new(level: Level, watch: &Watch) -> Self {
        Self {
            hash: [value(FORMAT, 0x7265_636f, 0), value(FORMAT, 0x7265_636f, 1)],
            count: 0,
            level,
            events: Vec::new(),
            coming: Coming::default(),
            seen: BTreeMap::new(),
            watcher: Watcher::of(watch),
        }
    }

    /// Says what is behind the next event.
    pub(crate) fn explain(&mut self, detail: Detail) {
        if self.keeps_everything() {
            self.coming.detail = Some(detail);
        }
        self.watcher.explain(detail);
    }

    /// Says what the next event's numbers stand for, where every event is kept.
    pub(crate) fn say(&mut self, words: String) {
        self.coming.words = Some(words);
    }

    /// Says for whom the next event happens, which is the effect of the events `after` too. Where
    /// every event is kept.
    pub(crate) fn attribute(&mut self, by: By, after: Vec<u64>) {
        self.coming.by = Some(by);
        self.coming.after = after;
    }

    /// Says that the next event is an operation on a file, where every event is kept.
    pub(crate) fn of_file(&mut self) {
        self.coming.is_of_file = true;
    }

    /// The task has seen what happened in `event`: what it does next comes after that. Where every
    /// event is kept.
    pub(crate) fn sees(&mut self, task: u64, event: u64) {
        self.seen.entry(task).or_default().push(event);
    }

    /// Says on which node the next event happens, where every event is kept.
    pub(crate) fn place(&mut self, node: u16) {
        if self.keeps_everything() {
            self.coming.at = Some(node);
        }
    }

    /// Whether the run is to end because it is not the one it follows.
    pub(crate) fn wants_end(&self) -> bool {
        matches!(&self.watcher, Watcher::Follower(follower) if follower.wants_end())
    }

    /// Takes an event and returns its sequence number, counted from 1.
    pub(crate) fn push(&mut self, event: Event) -> u64 {
        let header = u64::from(event.kind as u8) << 16 | u64::from(event.node);
        // One round for each field: fields that share a round can hide each other.
        let first = mix(mix(self.hash[0], event.time_ns as u64), header);
        let second = mix(mix(self.hash[1], event.one), event.cause);
        self.hash[0] = mix(first ^ second.rotate_left(17), event.task);
        self.hash[1] = mix(second ^ first, event.two);
        self.count += 1;
        // Each half lacks one field of the last event.
        let mark = self.hash[0] ^ self.hash[1].rotate_left(32);
        self.watcher.see(self.count, &event, mark);
        if self.level == Level::Full {
            let coming = std::mem::take(&mut self.coming);
            let mut after = coming.after;
            // What is chosen on the way to an event says nothing of what was seen.
            if event.kind != EventKind::ChoiceMade {
                after.extend(self.seen.remove(&event.task).into_iter().flatten());
            }
            self.events.push(Told {
                event,
                detail: coming.detail,
                words: coming.words,
                by: coming.by,
                after,
                is_of_file: coming.is_of_file,
                at: coming.at,
            });
        }
        self.count
    }

    /// The hash of everything taken in so far.
    pub(crate) fn hash(&self) -> u128 {
        (u128::from(self.hash[0]) << 64) | u128::from(mix(self.hash[1], self.count))
    }

    /// Whether the user's notes are kept.
    pub(crate) fn keeps_notes(&self) -> bool {
        self.level != Level::Hash
    }

    /// Whether every event is kept.
    pub(crate) fn keeps_everything(&self) -> bool {
        self.level == Level::Full
    }

    /// How many events were taken in.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// What was kept.
    pub(crate) fn into_recorded(self) -> Recorded {
        let (count, hash) = (self.count, self.hash());
        let (kept, parted) = match self.watcher {
            Watcher::Nothing => (None, None),
            Watcher::Keeper(keeper) => (Some(keeper.into_kept(count, hash)), None),
            Watcher::Follower(follower) => (None, follower.into_parted(count, hash)),
        };
        Recorded {
            events: self.events,
            kept,
            parted,
        }
    }
}

#[cfg(test)]
mod tests;
