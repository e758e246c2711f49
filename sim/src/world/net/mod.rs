//! The simulated network: addresses, links, and one kernel of TCP connections and datagrams.
//!
//! Owns what a socket is, apart from the handle a task holds. Handles are plain numbers.

mod address;
mod buffers;
mod connection;
mod descriptors;
mod errors;
mod link;
mod options;
mod pipe;
mod power;
mod steering;
mod tcp;
mod udp;
pub(crate) mod unix;
pub(crate) mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};

use slab::Slab;

pub(crate) use self::address::{meant, shown};
pub(crate) use self::connection::{Connection, End, Held, Phase, Segment, Small, Travelling};
pub(crate) use self::errors::{of_kind, os};
pub(crate) use self::link::Link;
pub(crate) use self::options::Options;
pub(crate) use self::pipe::{Pipes, Side};
pub(crate) use self::steering::{Filter, UnderWay};
pub use self::steering::{MessageKind, Protocol};
pub(crate) use self::tcp::{Unused, UnusedId};
pub(crate) use self::udp::{Flight, Udp, UdpId};
pub(crate) use self::waiting::Waiting;
use super::World;
use super::node::NodeId;
use crate::choice::PathId;

/// Names a connection of one world; the serial is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionId {
    pub(crate) slot: u32,
    pub(crate) serial: u64,
}

/// Names a listener of one world; the serial is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListenerId {
    pub(crate) slot: u32,
    pub(crate) serial: u64,
}

/// All sockets and links of a world.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) connections: Slab<Connection>,
    pub(crate) listeners: Slab<Listener>,
    pub(crate) datagrams: Slab<Udp>,
    /// Datagrams on their way, by the order of their sending.
    pub(crate) flights: BTreeMap<u64, Flight>,
    pub(crate) addresses: BTreeMap<IpAddr, NodeId>,
    /// The addresses that nodes have beside their first.
    pub(crate) more_addresses: BTreeMap<NodeId, Vec<IpAddr>>,
    /// The delay of links that have none of their own.
    pub(crate) link: Link,
    pub(crate) links: BTreeMap<(NodeId, NodeId), Link>,
    /// Directions in which nothing gets through.
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    /// Sockets of TCP that neither listen nor are connected.
    pub(crate) unused: Slab<Unused>,
    /// Connections that have ended and still keep a port.
    pub(crate) time_waits: Vec<TimeWait>,
    /// The ports given to sockets that ask for none, where a test has set them.
    pub(crate) port_ranges: BTreeMap<NodeId, (u16, u16)>,
    /// How many sockets a node may have open.
    pub(crate) descriptor_limits: BTreeMap<NodeId, usize>,
    /// What tests hold.
    pub(crate) rules: BTreeMap<u64, Filter>,
    pub(crate) serial: u64,
    pub(crate) unix: unix::UnixSockets,
    pub(crate) pipes: Pipes,
}

/// A connection that has ended, at the side that closed it first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeWait {
    node: NodeId,
    local: SocketAddr,
    peer: SocketAddr,
    until_ns: i64,
    reuse: tcp::Reuse,
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) serial: u64,
    pub(crate) node: NodeId,
    pub(crate) local: SocketAddr,
    /// It is a socket of IPv6, which shows addresses of IPv4 as `::ffff:10.0.0.1`.
    pub(crate) is_v6: bool,
    /// One more than this many connections wait to be accepted; handshakes do not count.
    pub(crate) backlog: usize,
    /// Handshakes that it keeps account of.
    pub(crate) pending: usize,
    pub(crate) accepted: VecDeque<ConnectionId>,
    pub(crate) waiting: Waiting,
    pub(crate) options: Options,
}

impl Network {
    pub(crate) fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections
            .get(id.slot as usize)
            .filter(|connection| connection.serial == id.serial)
    }

    pub(crate) fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections
            .get_mut(id.slot as usize)
            .filter(|connection| connection.serial == id.serial)
    }

    /// One end of a connection, unless it was closed.
    pub(crate) fn end_mut(&mut self, id: ConnectionId, end: usize) -> io::Result<&mut End> {
        let connection = self.connection_mut(id).ok_or_else(gone)?;
        let end = &mut connection.ends[end];
        if end.held_open { Ok(end) } else { Err(gone()) }
    }

    pub(crate) fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.listeners
            .get(id.slot as usize)
            .filter(|listener| listener.serial == id.serial)
    }

    pub(crate) fn listener_mut(&mut self, id: ListenerId) -> Option<&mut Listener> {
        self.listeners
            .get_mut(id.slot as usize)
            .filter(|listener| listener.serial == id.serial)
    }

    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn next_flight(&mut self) -> u64 {
        self.next_serial()
    }

    /// Both ends of every connection.
    pub(crate) fn ends(&self) -> Vec<(ConnectionId, usize)> {
        let ends = |(slot, connection): (usize, &Connection)| {
            let id = ConnectionId {
                slot: slot as u32,
                serial: connection.serial,
            };
            [(id, 0), (id, 1)]
        };
        self.connections.iter().flat_map(ends).collect()
    }

    /// The listener that a connection from `source` to `target` of `node` reaches.
    pub(crate) fn listener_at(
        &self,
        node: NodeId,
        target: SocketAddr,
        source: SocketAddr,
    ) -> Option<ListenerId> {
        let matches = |listener: &Listener| {
            listener.node == node
                && listener.local.port() == target.port()
                && (listener.local.ip() == target.ip()
                    || stands_for(listener.local.ip(), target.ip()))
        };
        // The more specific address first; several that share it take turns by the source port.
        let exact = |listener: &Listener| listener.local.ip() == target.ip();
        let all = self.listeners.iter().filter(|(_, it)| matches(it));
        let best = all.clone().any(|(_, listener)| exact(listener));
        let found: Vec<_> = all.filter(|(_, it)| exact(it) == best).collect();
        let index = usize::from(source.port()) % found.len().max(1);
        found.get(index).map(|(slot, listener)| ListenerId {
            slot: *slot as u32,
            serial: listener.serial,
        })
    }
}

impl World {
    /// The running task, and the number of the next connection, pipe or datagram socket that it
    /// makes.
    fn next_connection(&mut self) -> (PathId, u32) {
        let opener = self.current_path();
        let number = match self.tasks.current_mut() {
            Some(entry) => {
                entry.connections += 1;
                entry.connections - 1
            }
            None => 0,
        };
        (opener, number)
    }
}

/// Whether `all` is all addresses, and `ip` one of them: those of IPv6 include those of IPv4, unless
/// a socket asks for `IPV6_V6ONLY`, which none here can.
pub(crate) fn stands_for(all: IpAddr, ip: IpAddr) -> bool {
    all.is_unspecified() && (all.is_ipv6() || ip.is_ipv4())
}

/// The error of operations on a socket that was closed behind its holder's back.
fn gone() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "the socket's node was killed or its world ended",
    )
}

/// What using a listener of a killed node gives.
pub(crate) fn no_listener() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "the listener's node was killed",
    )
}
