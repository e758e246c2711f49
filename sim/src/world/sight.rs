//! What a node looks like at one moment, for people.
//!
//! Owns the words for nodes and their sockets. Changes nothing.

use serde::Serialize;

use super::World;
use super::net::Phase;
use super::node::{Node, NodeId};

/// A node, as it is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NodeSight {
    pub(crate) name: String,
    pub(crate) address: String,
    /// `alive`, `paused`, `ended` (its process) or `off` (its machine).
    pub(crate) state: &'static str,
    pub(crate) incarnation: u32,
    /// What its monotonic clock shows.
    pub(crate) monotonic_ns: i64,
    /// How far its wall clock is ahead of one that is right.
    pub(crate) wall_ahead_ns: i64,
    /// Its sockets of TCP and UDP, one in a line.
    pub(crate) sockets: Vec<String>,
}

impl World {
    /// Every node, the one that the test runs on first.
    pub(crate) fn node_sights(&self) -> Vec<NodeSight> {
        let nodes = self.nodes.iter().zip(0..);
        nodes
            .map(|(node, number)| self.node_sight(node, NodeId(number)))
            .collect()
    }

    fn node_sight(&self, node: &Node, id: NodeId) -> NodeSight {
        let wall = self.wall_clock(id);
        let right = self.true_wall_clock();
        let nanoseconds =
            |it: std::time::Duration| i64::try_from(it.as_nanos()).unwrap_or(i64::MAX);
        NodeSight {
            name: node.name.clone(),
            address: node.ip.to_string(),
            state: match (node.powered, node.alive, &node.pause) {
                (false, ..) => "off",
                (true, false, _) => "ended",
                (true, true, Some(_)) => "paused",
                (true, true, None) => "alive",
            },
            incarnation: node.incarnation,
            monotonic_ns: node.clock.monotonic_ns(self.now_ns),
            wall_ahead_ns: match wall.duration_since(right) {
                Ok(ahead) => nanoseconds(ahead),
                Err(behind) => -nanoseconds(behind.duration()),
            },
            sockets: self.sockets_of(id),
        }
    }

    fn sockets_of(&self, node: NodeId) -> Vec<String> {
        let name = |id: NodeId| &self.nodes[id.0 as usize].name;
        let mut lines = Vec::new();
        for (_, listener) in &self.net.listeners {
            if listener.node == node {
                let waiting = listener.accepted.len();
                lines.push(format!(
                    "tcp {} listens, {waiting} wait to be accepted",
                    listener.local
                ));
            }
        }
        for (_, connection) in &self.net.connections {
            for (end, far) in [(0, 1), (1, 0)] {
                let (this, far) = (&connection.ends[end], &connection.ends[far]);
                if this.node != node || !this.held_open {
                    continue;
                }
                let phase = match this.phase {
                    Phase::Opening => "opening",
                    Phase::Open if this.fin_sent && this.fin_received => "closed",
                    Phase::Open if this.fin_sent => "closed by this end",
                    Phase::Open if this.fin_received => "closed by the other end",
                    Phase::Open => "open",
                    Phase::Dead => "dead",
                };
                lines.push(format!(
                    "tcp {} to {} on {}: {phase}, {} B to read, {} B unsent, {} B under way",
                    this.local,
                    this.peer,
                    name(far.node),
                    this.received_bytes,
                    this.unsent.len(),
                    this.in_flight
                ));
            }
        }
        for (_, socket) in &self.net.datagrams {
            if socket.node == node {
                let to = socket.peer.map(|peer| format!(" to {peer}"));
                lines.push(format!(
                    "udp {}{}: {} datagrams to read",
                    socket.local,
                    to.unwrap_or_default(),
                    socket.received.len()
                ));
            }
        }
        lines
    }
}
