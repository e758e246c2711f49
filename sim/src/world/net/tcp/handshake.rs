//! How connections come to be: SYN, SYN-ACK, ACK, and the queue of those to be accepted.

use std::io;
use std::net::SocketAddr;

use simoom::backend::SocketOption;
use simoom_faults::Kind;

use super::ports::this_host;

use crate::choice::ResourceName;
use crate::record::EventKind;
use crate::world::faults::FaultPoint;
use crate::world::net::waiting::change_one;
use crate::world::net::{
    Connection, ConnectionId, End, Listener, ListenerId, Options, Phase, Segment, no_listener,
    of_kind, os,
};
use crate::world::node::NodeId;
use crate::world::{Due, World};

/// Linux gives up connecting after six retransmissions (tcp_syn_retries, tcp(7)).
const CONNECT_TIMEOUT_NS: i64 = 127 * 1_000_000_000;
/// Linux finds that nobody has an address on its network after three ARP requests, 1 s apart.
const NO_HOST_NS: i64 = 3_000_000_000;
/// The most connections that wait to be accepted (net.core.somaxconn).
const BACKLOG_MAX: usize = 4_096;
/// How often a connection attempt is repeated (tcp_syn_retries).
const SYN_RETRIES: u32 = 6;
/// The first retransmission of a connection attempt.
const KNOCK_NS: i64 = 1_000_000_000;

impl World {
    pub(crate) fn listen(&mut self, address: SocketAddr, backlog: usize) -> io::Result<ListenerId> {
        let node = self.current_node();
        self.take_descriptor(node)?;
        let mut options = Options::stream(address.is_ipv6());
        // As the real world does for a listener without wishes.
        options.set(SocketOption::ReuseAddress, 1)?;
        let local = self.claim(node, address, &options, None)?;
        Ok(self.start_listening(node, local, backlog, options))
    }

    pub(super) fn start_listening(
        &mut self,
        node: NodeId,
        local: SocketAddr,
        backlog: usize,
        options: Options,
    ) -> ListenerId {
        let serial = self.net.next_serial();
        let listener = Listener {
            serial,
            node,
            local,
            backlog: backlog.min(BACKLOG_MAX),
            pending: 0,
            accepted: std::collections::VecDeque::new(),
            wakers: Vec::new(),
            options,
        };
        ListenerId {
            slot: self.net.listeners.insert(listener) as u32,
            serial,
        }
    }

    /// Starts to connect the running task's node to `target`.
    pub(crate) fn connect(&mut self, target: SocketAddr) -> io::Result<ConnectionId> {
        let node = self.current_node();
        self.take_descriptor(node)?;
        let options = Options::stream(target.is_ipv6());
        self.start_connecting(node, target, None, options)
    }

    /// Starts to connect a socket that may be bound.
    pub(super) fn start_connecting(
        &mut self,
        node: NodeId,
        target: SocketAddr,
        bound: Option<SocketAddr>,
        options: Options,
    ) -> io::Result<ConnectionId> {
        let target = SocketAddr::new(this_host(target.ip()), target.port());
        let source = self.connect_source(node, target.ip(), bound.map(|bound| bound.ip()))?;
        let port = match bound {
            Some(bound) if self.has_tuple(node, bound.port(), target) => {
                return Err(of_kind(io::ErrorKind::AddrNotAvailable));
            }
            Some(bound) => bound.port(),
            None => self.port_towards(node, target)?,
        };
        let local = SocketAddr::new(source, port);
        let opener = self.current_path();
        let number = match self.tasks.current_mut() {
            Some(entry) => {
                entry.connections += 1;
                entry.connections - 1
            }
            None => 0,
        };
        let name = ResourceName::connection(self.paths.hash(opener), number);
        let far = if target.ip().is_loopback() {
            Some(node)
        } else {
            self.net.addresses.get(&target.ip()).copied()
        };
        let serial = self.net.next_serial();
        let connection = Connection {
            serial,
            opener,
            number,
            name,
            target,
            listener: None,
            refused_by_fault: false,
            ends: [
                End::new(node, local, target),
                End::new(far.unwrap_or(node), target, local),
            ],
            attempt: None,
            knocks: 0,
        };
        let id = ConnectionId {
            slot: self.net.connections.insert(connection) as u32,
            serial,
        };
        self.note(
            EventKind::ConnectionOpened,
            name.0,
            u64::from(target.port()),
        );
        let (error, after_ns) = match far {
            Some(_) => (io::ErrorKind::TimedOut, CONNECT_TIMEOUT_NS),
            None => (io::ErrorKind::HostUnreachable, NO_HOST_NS),
        };
        let attempt = self.due(
            after_ns,
            Due::ConnectTimeout {
                connection: id,
                error,
            },
        );
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[0].options = options;
            connection.ends[1].held_open = false;
            connection.attempt = Some(attempt);
        }
        if far.is_some() {
            self.send(id, 0, Segment::Syn);
        }
        Ok(id)
    }

    pub(crate) fn connect_timed_out(&mut self, id: ConnectionId, error: io::ErrorKind) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        if connection.ends[0].phase == Phase::Opening {
            self.note_lost_for_good(id, 0);
            self.kill_end(id, 0, error);
        }
    }

    /// Takes the next connection that waits to be accepted.
    pub(crate) fn accept(&mut self, id: ListenerId) -> io::Result<ConnectionId> {
        let listener = self.net.listener(id).ok_or_else(no_listener)?;
        if listener.accepted.is_empty() {
            return Err(of_kind(io::ErrorKind::WouldBlock));
        }
        let node = listener.node;
        self.take_descriptor(node)?;
        if self.choose_fault(Kind::OsDescriptorsExhausted, FaultPoint::node(node), 1) > 0 {
            self.fault_observed(Kind::OsDescriptorsExhausted);
            return Err(os(libc::EMFILE));
        }
        let listener = self.net.listener_mut(id).ok_or_else(no_listener)?;
        let accepted = listener.accepted.pop_front();
        accepted.ok_or_else(|| of_kind(io::ErrorKind::WouldBlock))
    }

    /// Knocks at a listener that had no room.
    pub(crate) fn knock(&mut self, id: ConnectionId) {
        if self
            .net
            .connection(id)
            .is_some_and(|it| it.ends[0].phase == Phase::Opening)
        {
            self.send(id, 0, Segment::Syn);
        }
    }

    pub(super) fn syn_arrived(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let (node, target) = (connection.ends[1].node, connection.target);
        let source = connection.ends[0].local;
        if connection.ends[0].phase != Phase::Opening || connection.listener.is_some() {
            return;
        }
        let (opener, name) = (connection.ends[0].node, connection.name);
        let found = self
            .net
            .listener_at(node, target, source)
            .filter(|_| self.nodes[node.0 as usize].alive);
        let Some(listener) = found else {
            self.send(id, 1, Segment::Reset);
            return;
        };
        let at = FaultPoint::link(opener, node).named(name.direction(true), 0, 0);
        if self.choose_fault(Kind::NetConnectionRefused, at, 1) > 0 {
            if let Some(connection) = self.net.connection_mut(id) {
                connection.refused_by_fault = true;
            }
            self.send(id, 1, Segment::Reset);
            return;
        }
        let Some(queue) = self.net.listener_mut(listener) else {
            return;
        };
        if queue.pending + queue.accepted.len() > queue.backlog {
            // Linux drops the attempt; the opener tries again, after 1 s, 3 s, 7 s and so on.
            let Some(connection) = self.net.connection_mut(id) else {
                return;
            };
            let after_ns = KNOCK_NS << connection.knocks.min(SYN_RETRIES);
            connection.knocks += 1;
            self.due(after_ns, Due::Knock { connection: id });
            return;
        }
        queue.pending += 1;
        let options = queue.options.clone();
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        connection.listener = Some(listener);
        connection.ends[1].options = options;
        connection.ends[1].held_open = true;
        self.send(id, 1, Segment::SynAck);
    }

    pub(super) fn syn_ack_arrived(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let opener = &mut connection.ends[0];
        if opener.phase != Phase::Opening || !opener.held_open {
            self.send(id, 0, Segment::Reset);
            return;
        }
        opener.phase = Phase::Open;
        change_one(&mut opener.writers, &mut opener.readers, &mut self.effects);
        let attempt = connection.attempt.take();
        self.forget_due(attempt);
        self.send(id, 0, Segment::Ack);
        self.pump(id, 0);
    }

    pub(super) fn ack_arrived(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let Some(listener) = connection.listener else {
            return;
        };
        if connection.ends[1].phase != Phase::Opening {
            // Its node was killed meanwhile.
            self.send(id, 1, Segment::Reset);
            return;
        }
        connection.ends[1].phase = Phase::Open;
        connection.ends[1].unacknowledged_ns = None;
        self.renew_patience(id, 1);
        let Some(queue) = self.net.listener_mut(listener) else {
            self.close_abruptly(id, 1);
            return;
        };
        queue.pending -= 1;
        queue.accepted.push_back(id);
        let mut wakers = std::mem::take(&mut queue.wakers);
        self.effects.wake_all(&mut wakers);
    }
}
