//! What would end a wait that no task ends.
//!
//! Owns the class of each such wait, and the words for it. Changes nothing, and knows nothing of
//! tasks that wait for each other.

use simoom::backend::OpKind;

use super::{Seen, Traced};
use crate::world::World;
use crate::world::node::NodeId;

/// What would end a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// Something that is not simoom's.
    Foreign,
    /// A moment that does not come.
    Timer,
    Message,
    Receiver,
    Notification,
    Permits,
    Company,
    Signal,
    Process,
    Thread,
    Disk,
    Lookup,
    Caller,
    Answer,
    Datagram,
    /// The other end of a connection writes nothing.
    Peer,
    /// The other end of a connection reads nothing.
    Reader,
    Partition,
    Paused,
    NodeDown,
    /// A guard that nobody's task has any more.
    Guard,
}

impl Ending {
    /// The class, as it is shown.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Foreign => "foreign wait",
            Self::Timer => "timer",
            Self::Message => "no message",
            Self::Receiver => "no receiver",
            Self::Notification => "no notification",
            Self::Permits => "no permits",
            Self::Company => "too few",
            Self::Signal => "no signal",
            Self::Process => "process",
            Self::Thread => "blocking thread",
            Self::Disk => "disk",
            Self::Lookup => "lookup",
            Self::Caller => "no caller",
            Self::Answer => "no answer",
            Self::Datagram => "no datagram",
            Self::Peer => "silent peer",
            Self::Reader => "full peer",
            Self::Partition => "partition",
            Self::Paused => "paused node",
            Self::NodeDown => "node down",
            Self::Guard => "kept guard",
        }
    }
}

/// A wait for outside.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    pub(super) ending: Ending,
    pub(super) words: String,
    /// Which connection it is for, and at which of its ends.
    pub(super) link: Option<(u64, usize)>,
}

/// Who waits for what, as long as the world knows.
#[derive(Debug)]
pub(super) struct Registered {
    /// Where the waker lies of one who waits for the end of a node's process, and its name.
    ends: Vec<(usize, String)>,
    /// Where the waker lies of one who waits for the end of a child process, and its name.
    children: Vec<(usize, String)>,
    /// The signals that processes wait for.
    signals: Vec<(NodeId, i32)>,
    /// There are blocking closures that have not returned.
    has_closures: bool,
}

impl Registered {
    pub(super) fn of(world: &World) -> Self {
        let nodes = || (0..).map(NodeId).zip(&world.nodes);
        let ends = nodes().flat_map(|(_, node)| {
            let wakers = node.end_wakers.iter();
            wakers.map(|waker| (waker.data().addr(), node.name.clone()))
        });
        let signals = nodes().flat_map(|(id, node)| {
            let signals = node.signals.waited_for();
            signals.map(move |signal| (id, signal))
        });
        let signals = signals.chain(world.processes.listened_for());
        let children = world.processes.waited_for();
        Self {
            ends: ends.collect(),
            children: children.collect(),
            signals: signals.collect(),
            has_closures: world
                .tasks
                .any(|entry| entry.on_thread || entry.at.kind == Some(OpKind::Blocking)),
        }
    }
}

/// What would end the wait of `seen` at `operation`.
pub(super) fn outside(
    world: &World,
    registered: &Registered,
    seen: &Seen,
    operation: &Traced,
) -> Outside {
    if let Some(found) = of_connection(world, operation) {
        return found;
    }
    let (ending, words) = match operation.kind {
        _ if operation.is_of_file => (Ending::Disk, "the disk does not answer".to_owned()),
        OpKind::Recv if operation.is_contained => (
            Ending::Message,
            "nobody sends, and not all senders are gone".to_owned(),
        ),
        OpKind::Send if operation.is_contained => (
            Ending::Receiver,
            "the channel is full, and nobody receives from it".to_owned(),
        ),
        OpKind::Notified => (Ending::Notification, "nobody notifies".to_owned()),
        OpKind::Acquire => (
            Ending::Permits,
            "nobody has permits, and nobody adds any".to_owned(),
        ),
        OpKind::Meet => (
            Ending::Company,
            "not as many come to the barrier as it waits for".to_owned(),
        ),
        OpKind::Recv => (Ending::Datagram, "nobody sends to its socket".to_owned()),
        OpKind::Send => (
            Ending::Reader,
            "its socket is full, and nothing leaves it".to_owned(),
        ),
        OpKind::Sleep => (
            Ending::Timer,
            "its moment does not come while virtual time stands still".to_owned(),
        ),
        OpKind::Signal => {
            let of_node = registered.signals.iter();
            let of_node = of_node.filter(|(node, _)| *node == seen.node);
            let numbers: Vec<_> = of_node.map(|(_, signal)| signal.to_string()).collect();
            let node = &world.nodes[seen.node.0 as usize].name;
            let signals = numbers.join(" or ");
            (
                Ending::Signal,
                format!("nobody sends signal {signals} to {node}"),
            )
        }
        OpKind::Join => {
            let is_it = |(waker, _): &&(usize, String)| *waker == operation.waker;
            let child = registered.children.iter().find(is_it);
            match registered.ends.iter().find(is_it) {
                Some((_, node)) => (
                    Ending::Process,
                    format!("for the end of the process of {node}"),
                ),
                None if let Some((_, child)) = child => (
                    Ending::Process,
                    format!("for the end of the child process {child}"),
                ),
                None if registered.has_closures => (
                    Ending::Thread,
                    "for a blocking closure that has not returned".to_owned(),
                ),
                None => (Ending::Foreign, "for what is no task any more".to_owned()),
            }
        }
        OpKind::Blocking => (Ending::Thread, busy(world, seen.node)),
        OpKind::Accept => {
            let listeners = world.net.listeners.iter();
            let mut of_node = listeners.filter(|(_, it)| it.node == seen.node);
            let words = match (of_node.next(), of_node.next()) {
                (Some((_, listener)), None) => {
                    format!("nobody connects to {}", listener.local)
                }
                _ => "nobody connects".to_owned(),
            };
            (Ending::Caller, words)
        }
        OpKind::Connect => (Ending::Answer, "nobody answers".to_owned()),
        OpKind::Resolve => (Ending::Lookup, "the name is not found out".to_owned()),
        OpKind::Read => (
            Ending::Peer,
            "its other end is open, and nobody writes into it".to_owned(),
        ),
        OpKind::Write => (
            Ending::Reader,
            "it is full, and nobody reads at its other end".to_owned(),
        ),
        kind => (
            Ending::Foreign,
            format!("nothing that is due ends its {}", kind.name()),
        ),
    };
    Outside {
        ending,
        words,
        link: None,
    }
}

/// What would end a wait that comes to no operation of simoom's.
pub(super) fn unknown(world: &World, seen: &Seen) -> Outside {
    let (ending, words) = match seen.waits_for_thread {
        true => (Ending::Thread, busy(world, seen.node)),
        false => (
            Ending::Foreign,
            "for something that is not simoom's: a channel, a lock or a thread of another library"
                .to_owned(),
        ),
    };
    Outside {
        ending,
        words,
        link: None,
    }
}

fn busy(world: &World, node: NodeId) -> String {
    let node = &world.nodes[node.0 as usize];
    format!(
        "all {} of {} for blocking work run closures that do not end",
        node.pool.threads_max(),
        node.name
    )
}

/// The same for a wait at a connection of TCP.
fn of_connection(world: &World, operation: &Traced) -> Option<Outside> {
    let name = operation.name?;
    let is_reading = match operation.kind {
        OpKind::Read => true,
        OpKind::Write => false,
        _ => return None,
    };
    let mut connections = world.net.connections.iter();
    let (connection, away) = connections.find_map(|(_, connection)| {
        let away = [true, false]
            .into_iter()
            .find(|&away| connection.name.direction(away) == name)?;
        Some((connection, away))
    })?;
    let (writer, reader) = if away { (0, 1) } else { (1, 0) };
    let (near, far) = match is_reading {
        true => (reader, writer),
        false => (writer, reader),
    };
    let (here, there) = (&connection.ends[near], &connection.ends[far]);
    let node = &world.nodes[there.node.0 as usize];
    let (name, peer) = (&node.name, here.peer);
    let is_cut = world.is_cut(there.node, here.node) || world.is_cut(here.node, there.node);
    let (ending, words) = if there.vanished || !node.powered {
        (
            Ending::NodeDown,
            format!("the machine of {name} lost its power, and says nothing of {peer}"),
        )
    } else if node.pause.is_some() {
        (
            Ending::Paused,
            format!("{name}, at {peer}, is paused until somebody resumes it"),
        )
    } else if is_cut {
        (
            Ending::Partition,
            format!("nothing gets through between it and {name}, at {peer}"),
        )
    } else if is_reading {
        (
            Ending::Peer,
            format!("{name}, at {peer}, writes nothing and does not close"),
        )
    } else {
        let (room, unsent) = (there.received_bytes, here.unsent.len());
        (
            Ending::Reader,
            format!(
                "{name}, at {peer}, does not read: {room} B wait there, {unsent} B before that"
            ),
        )
    };
    Some(Outside {
        ending,
        words,
        link: Some((connection.serial, near)),
    })
}
