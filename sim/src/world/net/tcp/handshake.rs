//! How connections come to be: SYN, SYN-ACK, ACK, and the queue of those to be accepted.

use std::io;
use std::net::SocketAddr;

use simoom::backend::SocketOption;
use simoom_faults::Kind;

use super::wire::{again_after, syn_again_after};

use crate::choice::ResourceName;
use crate::record::EventKind;
use crate::world::faults::FaultPoint;
use crate::world::net::address::this_host;
use crate::world::net::waiting::change_one;
use crate::world::net::{
    Connection, ConnectionId, End, Listener, ListenerId, Options, Phase, Segment, Waiting, meant,
    no_listener, of_kind, os,
};
use crate::world::node::NodeId;
use crate::world::{Due, World};

/// Linux gives up connecting when the last of its attempts has waited for twice as long as the one
/// before: `tcp_syn_retries` and `tcp_syn_linear_timeouts` of Linux 6.5 and later. Before, it took
/// 127 s.
const CONNECT_TIMEOUT_NS: i64 = 131 * 1_000_000_000;
/// Linux finds that nobody has an address on its network after three ARP requests, 1 s apart.
const NO_HOST_NS: i64 = 3_000_000_000;
/// The most connections that wait to be accepted (net.core.somaxconn).
const BACKLOG_MAX: usize = 4_096;
/// How long what a cookie stands for can be told from it (MAX_SYNCOOKIE_AGE).
const COOKIE_MAX_NS: i64 = 120_000_000_000;
/// When an answer to a SYN is sent again first, of which nothing was heard.
const ANSWER_NS: i64 = 1_000_000_000;

impl World {
    pub(crate) fn listen(&mut self, address: SocketAddr, backlog: usize) -> io::Result<ListenerId> {
        let node = self.current_node();
        self.take_descriptor(node)?;
        let mut options = Options::stream(address.is_ipv6());
        // As the real world does for a listener without wishes.
        options.set(SocketOption::ReuseAddress, 1)?;
        let local = self.claim(node, meant(address), &options, None)?;
        Ok(self.start_listening(node, local, address.is_ipv6(), backlog, options))
    }

    pub(super) fn start_listening(
        &mut self,
        node: NodeId,
        local: SocketAddr,
        is_v6: bool,
        backlog: usize,
        options: Options,
    ) -> ListenerId {
        let serial = self.net.next_serial();
        let listener = Listener {
            serial,
            node,
            local,
            is_v6,
            backlog: backlog.min(BACKLOG_MAX),
            pending: 0,
            accepted: std::collections::VecDeque::new(),
            waiting: Waiting::default(),
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
        let is_v6 = target.is_ipv6();
        let target = this_host(target, bound);
        let source = self.connect_source(node, target.ip(), bound.map(|bound| bound.ip()))?;
        let port = match bound {
            Some(bound) if self.has_tuple(node, bound.port(), target) => {
                return Err(of_kind(io::ErrorKind::AddrNotAvailable));
            }
            Some(bound) => bound.port(),
            None => self.port_towards(node, target)?,
        };
        let local = SocketAddr::new(source, port);
        let (opener, number) = self.next_connection();
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
            answers: 0,
            repeats: 0,
            repeat: None,
            is_cookie: false,
            answered_ns: 0,
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
        let limit_ns = i64::from(options.value(SocketOption::UserTimeout)) * 1_000_000;
        let (error, after_ns) = match limit_ns {
            1.. if limit_ns < after_ns => (io::ErrorKind::TimedOut, limit_ns),
            _ => (error, after_ns),
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
            connection.ends[0].is_v6 = is_v6;
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
        let at = FaultPoint::node(node).done_at(self.running_site());
        if self.choose_fault(Kind::OsDescriptorsExhausted, at, 1) > 0 {
            self.fault_observed(Kind::OsDescriptorsExhausted);
            return Err(os(libc::EMFILE));
        }
        let listener = self.net.listener_mut(id).ok_or_else(no_listener)?;
        let accepted = listener.accepted.pop_front();
        accepted.ok_or_else(|| of_kind(io::ErrorKind::WouldBlock))
    }

    /// An opener knocks again at a listener that had no room, or the listener answers again.
    pub(crate) fn knock(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let queue = connection.listener.and_then(|it| self.net.listener(it));
        let listens = queue.is_some();
        if end == 0 && connection.ends[0].phase == Phase::Opening {
            self.send(id, 0, Segment::Syn);
        } else if connection.ends[1].phase != Phase::Opening || connection.ends[1].vanished {
            // It is done.
        } else if !listens || connection.ends[0].phase == Phase::Dead {
            self.forget_handshake(id);
        } else if end == 0 {
            if let Some(connection) = self.net.connection_mut(id) {
                connection.repeat = None;
            }
            self.said_early(id);
        } else {
            self.send(id, 1, Segment::SynAck);
        }
    }

    /// Bytes or a FIN are at a listener's side that had no room: it may have some now. If not, the
    /// opener sends them again, as nobody has acknowledged them.
    pub(super) fn said_early(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        if connection.is_cookie && self.now_ns - connection.answered_ns > COOKIE_MAX_NS {
            self.forget_handshake(id);
            return;
        }
        let listener = connection.listener;
        let queue = listener.and_then(|listener| self.net.listener(listener));
        if queue.is_none_or(|queue| queue.accepted.len() <= queue.backlog) {
            self.ack_arrived(id);
            return;
        }
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        if connection.repeat.is_some() {
            // What came first is sent again first, and completes it for all of them.
            return;
        }
        let after_ns = again_after(connection.repeats);
        connection.repeats += 1;
        let repeat = self.due(
            after_ns,
            Due::Knock {
                connection: id,
                end: 0,
            },
        );
        if let Some(connection) = self.net.connection_mut(id) {
            connection.repeat = Some(repeat);
        }
    }

    /// The listener's side knows nothing of a handshake any more; what arrives is answered by a
    /// reset.
    pub(super) fn forget_handshake(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let counted = connection.listener.filter(|_| !connection.is_cookie);
        if let Some(queue) = counted.and_then(|listener| self.net.listener_mut(listener)) {
            queue.pending -= 1;
        }
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[1];
        this.phase = Phase::Dead;
        this.held_open = false;
        let is_missed = this.received_bytes > 0 || this.fin_received;
        this.received.clear();
        this.received_bytes = 0;
        self.forget_unsent(id, 1);
        if is_missed {
            // What was sent is sent again.
            self.send(id, 1, Segment::Reset);
        }
        self.forget_if_over(id);
    }

    /// There is no room for a connection whose handshake is done at its opener.
    ///
    /// Linux takes no notice of what completes it, and answers the SYN again after 1 s, 3 s, 7 s
    /// and so on, five times; what has arrived meanwhile was not acknowledged. Where it keeps no
    /// account of the handshake, only what the opener says completes it.
    fn overflow(&mut self, id: ConnectionId) {
        let now_ns = self.now_ns;
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let tries = connection.answers;
        connection.answers += 1;
        if connection.is_cookie {
            return;
        }
        connection.ends[1].unacknowledged_ns.get_or_insert(now_ns);
        self.renew_patience(id, 1);
        self.due(
            ANSWER_NS << tries.min(5),
            Due::Knock {
                connection: id,
                end: 1,
            },
        );
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
        // Handshakes under way take no room (sk_acceptq_is_full).
        if queue.accepted.len() > queue.backlog {
            // Linux drops the attempt, and the opener tries again.
            let Some(connection) = self.net.connection_mut(id) else {
                return;
            };
            let after_ns = syn_again_after(connection.knocks);
            connection.knocks += 1;
            self.due(
                after_ns,
                Due::Knock {
                    connection: id,
                    end: 0,
                },
            );
            return;
        }
        // More of them than the backlog and one leave no trace but a cookie in the answer
        // (tcp_syncookies).
        let is_cookie = queue.pending > queue.backlog;
        queue.pending += usize::from(!is_cookie);
        let (options, is_v6) = (queue.options.clone(), queue.is_v6);
        let now_ns = self.now_ns;
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        connection.listener = Some(listener);
        connection.is_cookie = is_cookie;
        connection.answered_ns = now_ns;
        connection.ends[1].options = options;
        connection.ends[1].is_v6 = is_v6;
        connection.ends[1].held_open = true;
        self.send(id, 1, Segment::SynAck);
    }

    pub(super) fn syn_ack_arrived(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let opener = &mut connection.ends[0];
        if opener.phase == Phase::Open {
            // It was answered again, because there was no room.
            self.send(id, 0, Segment::Ack);
            return;
        }
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
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let Some(listener) = connection.listener else {
            return;
        };
        match connection.ends[1].phase {
            Phase::Opening => {}
            // It was answered twice.
            Phase::Open => return,
            Phase::Dead => {
                // Its node was killed meanwhile.
                self.send(id, 1, Segment::Reset);
                return;
            }
        }
        let room = self.net.listener(listener);
        let room = room.map(|queue| queue.accepted.len() <= queue.backlog);
        if room == Some(false) {
            self.overflow(id);
            return;
        }
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let is_cookie = connection.is_cookie;
        connection.ends[1].phase = Phase::Open;
        connection.ends[1].unacknowledged_ns = None;
        if connection.answers > 0 {
            connection.ends[0].unacknowledged_ns = None;
            self.renew_patience(id, 0);
        }
        self.renew_patience(id, 1);
        let Some(queue) = self.net.listener_mut(listener) else {
            self.close_abruptly(id, 1);
            return;
        };
        queue.pending -= usize::from(!is_cookie);
        queue.accepted.push_back(id);
        queue.waiting.change(&mut self.effects);
        self.small_heard_again(id, 0);
    }
}
