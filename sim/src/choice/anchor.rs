//! Where a choice is made.
//!
//! Owns the names of choice points: how they are hashed, written and read back. An anchor is
//! local: it names the task or connection and counts what that one did, so an edit elsewhere
//! leaves it as it was.

use std::fmt::Write;

use simoom::backend::OpKind;

use super::path::{PathHash, parse_path, unescape};
use super::value::{hash_text, mix};

/// What sort of thing is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ChoiceKind {
    /// Which task runs next. Calm: the current one, else the next in path order.
    Sched,
    /// Where a `select!` starts to look. Calm: at its first branch.
    Pick,
    /// How long a segment travels, in nanoseconds above the link's least. Calm: 0.
    Delay,
    /// How many bytes too few a read or write moves. Calm: 0.
    Short,
    /// How long a task is held up before an operation, in nanoseconds. Calm: 0.
    Stall,
    /// Whether a fault happens, and how big it is in its kind's unit. Calm: 0, it does not.
    Fault,
    /// Whether an operation of a workload is left out. Calm: 0, it is done.
    Work,
    /// Whether a task or a future is cancelled where it waits: 1 as it waits, 2 once it was woken and
    /// before it is polled. Calm: 0, it is not.
    Cancel,
    /// From which of its draws on a task, or everybody, draws simple numbers in place of the seed's,
    /// counted from 1. Calm: 0, never.
    Entropy,
}

impl ChoiceKind {
    /// The order in which a shrinker tries to do without them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Fault,
        Self::Cancel,
        Self::Delay,
        Self::Short,
        Self::Pick,
        Self::Sched,
        Self::Stall,
        Self::Work,
        Self::Entropy,
    ];

    /// Whether something happens by such a choice that would not happen otherwise, and not only
    /// something less or something simpler.
    pub(crate) fn is_event(self) -> bool {
        !matches!(self, Self::Work | Self::Entropy)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sched => "sched",
            Self::Pick => "pick",
            Self::Delay => "delay",
            Self::Short => "short",
            Self::Stall => "stall",
            Self::Fault => "fault",
            Self::Work => "work",
            Self::Cancel => "cancel",
            Self::Entropy => "entropy",
        }
    }

    fn hash(self) -> u64 {
        match self {
            Self::Sched => const { hash_text("sched") },
            Self::Pick => const { hash_text("pick") },
            Self::Delay => const { hash_text("delay") },
            Self::Short => const { hash_text("short") },
            Self::Stall => const { hash_text("stall") },
            Self::Fault => const { hash_text("fault") },
            Self::Work => const { hash_text("work") },
            Self::Cancel => const { hash_text("cancel") },
            Self::Entropy => const { hash_text("entropy") },
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The thing an operation acts on, by a name that survives edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ResourceName(pub(crate) u64);

impl ResourceName {
    /// No resource.
    pub(crate) const NONE: Self = Self(0);

    /// The `number`-th thing that the task `creator` was first to use.
    pub(crate) fn created(creator: PathHash, number: u32) -> Self {
        Self(mix(mix(creator.0, u64::from(b'!')), u64::from(number)))
    }

    /// The `number`-th connection that the task `opener` opened.
    pub(crate) fn connection(opener: PathHash, number: u32) -> Self {
        Self(mix(mix(opener.0, u64::from(b'~')), u64::from(number)))
    }

    /// One direction of a connection: away from its opener or towards it.
    pub(crate) fn direction(self, away: bool) -> Self {
        Self(mix(self.0, u64::from(if away { b'>' } else { b'<' })))
    }

    /// What a fault hits, by the names of its node and file; or a workload, by its own.
    pub(crate) fn thing(text: &str) -> Self {
        Self(mix(hash_text(text), u64::from(b'=')))
    }

    /// What the `number`-th socket of the task `opener` sends to a port of the node called `far`.
    pub(crate) fn flow(opener: PathHash, number: u32, far: &str, port: u16) -> Self {
        let socket = mix(mix(opener.0, u64::from(b'@')), u64::from(number));
        Self(mix(mix(socket, hash_text(far)), u64::from(port)))
    }

    /// Reads a resource's stored text back.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "-" {
            return Some(Self::NONE);
        }
        if let Some(thing) = text.strip_prefix('=') {
            return Some(Self::thing(&unescape(thing)?));
        }
        if let Some((path, number)) = text.rsplit_once('!') {
            return Some(Self::created(parse_path(path)?, number.parse().ok()?));
        }
        if let Some((socket, target)) = text.split_once('>')
            && !target.is_empty()
        {
            let (path, number) = socket.rsplit_once('@')?;
            let (far, port) = target.rsplit_once(':')?;
            let (far, port) = (unescape(far)?, port.parse().ok()?);
            return Some(Self::flow(
                parse_path(path)?,
                number.parse().ok()?,
                &far,
                port,
            ));
        }
        let (text, away) = match (text.strip_suffix('>'), text.strip_suffix('<')) {
            (Some(text), _) => (text, Some(true)),
            (_, Some(text)) => (text, Some(false)),
            _ => (text, None),
        };
        let (path, number) = text.rsplit_once('~')?;
        let name = Self::connection(parse_path(path)?, number.parse().ok()?);
        Some(away.map_or(name, |away| name.direction(away)))
    }
}

/// What is done at a choice point, by its stored name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    hash: u64,
}

impl Operation {
    pub(crate) const START: Self = Self::called("start");
    pub(crate) const END: Self = Self::called("end");
    pub(crate) const SCOPE: Self = Self::called("scope");
    pub(crate) const SELECT: Self = Self::called("select");
    pub(crate) const SEGMENT: Self = Self::called("segment");
    pub(crate) const ACKNOWLEDGEMENT: Self = Self::called("acknowledgement");
    pub(crate) const DATAGRAM: Self = Self::called("datagram");
    pub(crate) const READ: Self = Self::called("read");
    pub(crate) const WRITE: Self = Self::called("write");
    pub(crate) const WORK: Self = Self::called("do");
    pub(crate) const DRAW: Self = Self::called("draw");

    pub(crate) const fn called(name: &'static str) -> Self {
        Self {
            name,
            hash: hash_text(name),
        }
    }

    /// The point before or at a task's operation.
    pub(crate) fn of(kind: OpKind) -> Self {
        match kind {
            OpKind::Yield => const { Self::called("yield") },
            OpKind::Sleep => const { Self::called("sleep") },
            OpKind::Join => const { Self::called("join") },
            OpKind::Lock => const { Self::called("lock") },
            OpKind::Notified => const { Self::called("notified") },
            OpKind::Send => const { Self::called("send") },
            OpKind::Recv => const { Self::called("recv") },
            OpKind::Accept => const { Self::called("accept") },
            OpKind::Connect => const { Self::called("connect") },
            OpKind::Read => Self::READ,
            OpKind::Write => Self::WRITE,
            OpKind::Resolve => const { Self::called("resolve") },
            OpKind::Signal => const { Self::called("signal") },
            OpKind::Point => const { Self::called("point") },
            OpKind::Acquire => const { Self::called("acquire") },
            OpKind::Meet => const { Self::called("meet") },
            other => Self::called(other.name()),
        }
    }
}

/// A point in a task's life: before or at the `step`-th operation of one kind on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    /// Who: a task's path, or the resource itself for choices of the network.
    pub(crate) subject: u64,
    pub(crate) operation: Operation,
    /// On what.
    pub(crate) resource: ResourceName,
    /// The hash of the above for a choice of the tasks' order, if it is known.
    pub(crate) place: Option<Place>,
    /// How many such operations the subject completed before.
    pub(crate) step: u32,
    /// How often a choice was made at this very point before.
    pub(crate) visit: u32,
}

/// What identifies a choice in any run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AnchorHash(pub(crate) u64);

/// What the anchors of one subject's operations on one resource have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

impl Place {
    /// Where the tasks' order is chosen.
    pub(crate) fn of(subject: u64, operation: Operation, resource: ResourceName) -> Self {
        Self::hash(ChoiceKind::Sched, operation.hash, subject, resource)
    }

    fn hash(kind: ChoiceKind, operation: u64, subject: u64, resource: ResourceName) -> Self {
        let operation = mix(kind.hash(), operation);
        Self(mix(mix(operation, subject), resource.0))
    }

    fn anchor(self, step: u32, visit: u32) -> AnchorHash {
        AnchorHash(mix(self.0, (u64::from(step) << 32) | u64::from(visit)))
    }
}

impl Point {
    pub(crate) fn hash(&self, kind: ChoiceKind) -> AnchorHash {
        let place = match self.place {
            Some(place) if kind == ChoiceKind::Sched => place,
            _ => Place::hash(kind, self.operation.hash, self.subject, self.resource),
        };
        place.anchor(self.step, self.visit)
    }
}

/// A choice point as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) kind: ChoiceKind,
    /// A task's path, or `-` for the network.
    pub(crate) subject: String,
    pub(crate) operation: String,
    pub(crate) resource: String,
    pub(crate) step: u32,
    pub(crate) visit: u32,
}

impl Anchor {
    /// What identifies the choice in a run; `None` if a name is malformed.
    pub(crate) fn hash(&self) -> Option<AnchorHash> {
        let subject = if self.subject == "-" {
            0
        } else {
            parse_path(&self.subject)?.0
        };
        let resource = ResourceName::parse(&self.resource)?;
        let operation = hash_text(&self.operation);
        Some(Place::hash(self.kind, operation, subject, resource).anchor(self.step, self.visit))
    }

    pub(crate) fn write(&self, text: &mut String) {
        let Self {
            kind,
            subject,
            operation,
            resource,
            step,
            visit,
        } = self;
        let _ = write!(
            text,
            "{} {subject} {operation} {resource} {step} {visit}",
            kind.name()
        );
    }

    pub(crate) fn parse<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Some(Self {
            kind: ChoiceKind::parse(words.next()?)?,
            subject: words.next()?.to_owned(),
            operation: words.next()?.to_owned(),
            resource: words.next()?.to_owned(),
            step: words.next()?.parse().ok()?,
            visit: words.next()?.parse().ok()?,
        })
    }
}
