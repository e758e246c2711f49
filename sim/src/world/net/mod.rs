//! The simulated network: addresses, links, and one kernel of TCP connections.
//!
//! Owns what a socket is, apart from the handle a task holds. Handles are plain numbers.

mod connection;
mod link;
mod tcp;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::task::Waker;

use slab::Slab;

pub(crate) use self::connection::{Connection, End, Phase, Segment};
pub(crate) use self::link::Link;
use super::node::NodeId;

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
    pub(crate) addresses: BTreeMap<IpAddr, NodeId>,
    /// The delay of links that have none of their own.
    pub(crate) link: Link,
    pub(crate) links: BTreeMap<(NodeId, NodeId), Link>,
    /// Directions in which nothing gets through.
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    pub(crate) serial: u64,
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) serial: u64,
    pub(crate) node: NodeId,
    pub(crate) local: SocketAddr,
    pub(crate) backlog: usize,
    /// Connections in their handshake.
    pub(crate) pending: usize,
    pub(crate) accepted: VecDeque<ConnectionId>,
    pub(crate) wakers: Vec<Waker>,
    pub(crate) ttl: u32,
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

    /// The listener that `target` of `node` reaches.
    pub(crate) fn listener_at(&self, node: NodeId, target: SocketAddr) -> Option<ListenerId> {
        let matches = |listener: &Listener| {
            listener.node == node
                && listener.local.port() == target.port()
                && (listener.local.ip() == target.ip() || listener.local.ip().is_unspecified())
        };
        self.listeners
            .iter()
            .find(|(_, listener)| matches(listener))
            .map(|(slot, listener)| ListenerId {
                slot: slot as u32,
                serial: listener.serial,
            })
    }
}
