//! The kinds of faults, by names that never change.
//!
//! Owns the names: stored failures and plans hold them. Knows nothing of what carries a fault out.

use std::fmt;
use std::str::FromStr;

/// What a kind of fault belongs to: the first word of its name.
///
/// ```
/// use simoom_faults::{Family, Kind};
///
/// assert_eq!(Kind::DiskSyncFailed.family(), Family::Disk);
/// assert_eq!(Family::Disk.to_string(), "disk");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// The network between nodes.
    Net,
    /// The operating system's limits.
    Os,
    /// Files and the device below them.
    Disk,
    /// Processes and machines.
    Node,
    /// Clocks of nodes.
    Clock,
    /// Places that the program itself marked.
    User,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 6] = [
        Self::Net,
        Self::Os,
        Self::Disk,
        Self::Node,
        Self::Clock,
        Self::User,
    ];

    /// The first word of the names of its kinds.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Net => "net",
            Self::Os => "os",
            Self::Disk => "disk",
            Self::Node => "node",
            Self::Clock => "clock",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the magnitude of a fault counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Nothing: it happens or it does not, and the magnitude is 1.
    Once,
    /// A length of virtual time, in nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// Parts of a million.
    PartsPerMillion,
}

macro_rules! kinds {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal, $family:ident, $unit:ident, $how:ident, $least:literal ..= $most:literal; )+) => {
        /// What can go wrong. Each name is an event in the past tense: `family.thing.happened`.
        ///
        /// The text form is the name, and names never change: stored failures hold them.
        ///
        /// # Examples
        /// ```
        /// use simoom_faults::Kind;
        ///
        /// assert_eq!(Kind::NodeKilled.to_string(), "node.killed");
        /// assert_eq!("node.killed".parse(), Ok(Kind::NodeKilled));
        /// let error = "node.kiled".parse::<Kind>().unwrap_err().to_string();
        /// assert!(error.contains("node.killed"), "it says what was meant: {error}");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl Kind {
            /// Every kind that a simulation can carry out.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// Its stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What it belongs to.
            #[must_use]
            pub const fn family(self) -> Family {
                match self { $( Self::$variant => Family::$family, )+ }
            }

            /// What its magnitude counts.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $( Self::$variant => Unit::$unit, )+ }
            }

            /// The least and the most magnitude of a [`Fault`](crate::Fault) that says nothing else.
            #[must_use]
            pub const fn magnitudes(self) -> (u64, u64) {
                match self { $( Self::$variant => ($least, $most), )+ }
            }

            /// Whether it happens on its own, at moments of virtual time, and not to an operation
            /// of the program.
            #[must_use]
            pub const fn is_spontaneous(self) -> bool {
                match self { $( Self::$variant => kinds!(@ $how), )+ }
            }
        }
    };
    (@ spontaneous) => { true };
    (@ at_operation) => { false };
}

kinds! {
    /// A TCP segment does not arrive; its sender sends it again after the retransmission time-out.
    NetSegmentLost = "net.segment.lost", Net, Once, at_operation, 1..=1;
    /// A datagram does not arrive.
    NetDatagramLost = "net.datagram.lost", Net, Once, at_operation, 1..=1;
    /// A datagram arrives twice.
    NetDatagramDuplicated = "net.datagram.duplicated", Net, Once, at_operation, 1..=1;
    /// A datagram arrives so much later, behind others sent after it.
    NetDatagramReordered = "net.datagram.reordered", Net, Nanoseconds, at_operation, 1_000..=50_000_000;
    /// Nothing passes between a node and the others, either way, for so long. Nodes that are hit
    /// at one opportunity stay together on their side.
    NetLinkCut = "net.link.cut", Net, Nanoseconds, spontaneous, 1_000_000..=10_000_000_000;
    /// What a node sends to the others does not arrive, for so long; what they send does.
    NetLinkCutOneWay = "net.link.cut_one_way", Net, Nanoseconds, spontaneous, 1_000_000..=10_000_000_000;
    /// What a node sends and is sent waits for so long, then arrives.
    NetLinkClogged = "net.link.clogged", Net, Nanoseconds, spontaneous, 1_000_000..=10_000_000_000;
    /// A connection is reset at both ends at a write: `ECONNRESET`.
    NetConnectionReset = "net.connection.reset", Net, Once, at_operation, 1..=1;
    /// A connection attempt is refused although somebody listens: `ECONNREFUSED`.
    NetConnectionRefused = "net.connection.refused", Net, Once, at_operation, 1..=1;
    /// A connection is not accepted, or a file not opened, because the process has too many files
    /// open: `EMFILE`. The connection stays in the queue.
    OsDescriptorsExhausted = "os.descriptors.exhausted", Os, Once, at_operation, 1..=1;
    /// A read fails: `EIO`.
    DiskReadFailed = "disk.read.failed", Disk, Once, at_operation, 1..=1;
    /// A write fails: `EIO`.
    DiskWriteFailed = "disk.write.failed", Disk, Once, at_operation, 1..=1;
    /// A sync fails, `EIO`, and what it was to keep is lost: the pages count as clean, so that the
    /// next sync succeeds without it, as on Linux.
    DiskSyncFailed = "disk.sync.failed", Disk, Once, at_operation, 1..=1;
    /// A write finds no room: `ENOSPC`.
    DiskSpaceExhausted = "disk.space.exhausted", Disk, Once, at_operation, 1..=1;
    /// A read returns so many bytes less than it could.
    DiskReadShortened = "disk.read.shortened", Disk, Bytes, at_operation, 1..=4_294_967_296;
    /// A write takes so many bytes less than it was given.
    DiskWriteShortened = "disk.write.shortened", Disk, Bytes, at_operation, 1..=4_294_967_296;
    /// An operation takes so much longer.
    DiskAccessSlowed = "disk.access.slowed", Disk, Nanoseconds, at_operation, 1_000_000..=1_000_000_000;
    /// When a machine loses power, a write that was not synced is on the disk in part: so many
    /// bytes of a sector are old.
    DiskSectorTorn = "disk.sector.torn", Disk, Bytes, at_operation, 1..=511;
    /// When a machine loses power, a write that was not synced is not on the disk.
    DiskUnsyncedLost = "disk.unsynced.lost", Disk, Once, at_operation, 1..=1;
    /// A node's process is killed, as by `SIGKILL`, and booted again after so long.
    NodeKilled = "node.killed", Node, Nanoseconds, spontaneous, 1_000_000..=10_000_000_000;
    /// A node's machine loses power, and is booted again after so long.
    NodePowerLost = "node.power.lost", Node, Nanoseconds, spontaneous, 1_000_000..=10_000_000_000;
    /// A node's process is killed and booted again at once: nobody sees it gone.
    NodeRestarted = "node.restarted", Node, Once, spontaneous, 1..=1;
    /// A node's process stands still for so long, as under `SIGSTOP` or when its machine is moved.
    NodePaused = "node.paused", Node, Nanoseconds, spontaneous, 1_000_000..=10_000_000_000;
    /// A node is asked to stop by `SIGTERM`, killed if it has not stopped after so long, and booted
    /// again.
    NodeShutDown = "node.shut_down", Node, Nanoseconds, spontaneous, 1_000_000_000..=10_000_000_000;
    /// A node's wall clock is wrong by so much from the start. Odd: ahead; even: behind. Asked once
    /// for each node.
    ClockSkewed = "clock.skewed", Clock, Nanoseconds, at_operation, 1_000_000..=1_000_000_000;
    /// A node's clocks run so much too fast (odd) or too slow (even) from the start. Asked once for
    /// each node.
    ClockDrifted = "clock.drifted", Clock, PartsPerMillion, at_operation, 1..=500;
    /// A node's wall clock jumps by so much. Odd: ahead; even: back.
    ClockStepped = "clock.stepped", Clock, Nanoseconds, spontaneous, 1_000_000..=288_000_000_000;
    /// A place marked with `buggify!` does what it does rarely otherwise.
    UserBuggified = "user.buggified", User, Once, at_operation, 1..=1;
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text names no kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind(String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} names no kind of fault", self.0)?;
        match nearest(&self.0) {
            Some(kind) => write!(f, ": did you mean {kind}?"),
            None => {
                f.write_str(": use one of ")?;
                for (index, kind) in Kind::ALL.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{kind}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let known = Self::ALL.iter().find(|kind| kind.name() == text);
        known.copied().ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// The kind that was meant, if one is at most a third of its letters away.
fn nearest(text: &str) -> Option<Kind> {
    if text.len() > 64 {
        return None;
    }
    let distances = Kind::ALL
        .iter()
        .map(|kind| (distance(text, kind.name()), kind));
    let (distance, &kind) = distances.min_by_key(|&(distance, _)| distance)?;
    (distance * 3 <= kind.name().len()).then_some(kind)
}

/// How many letters are to be put in, left out or changed (Levenshtein).
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 0..two.len() {
            let changed = diagonal + usize::from(two[column] != letter);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[two.len()]
}

#[cfg(test)]
mod tests;
