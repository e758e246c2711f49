//! How connections move: handshake, bytes, window, FIN, RST, time-outs.
//!
//! Follows RFC 9293 as Linux carries it out where a program can tell: what is readable stays
//! readable after a reset, the pending error is returned once, closing with unread bytes resets.
//! Loss is not modelled as loss: what a cut link would have lost waits at its sender and travels
//! when the link heals, as retransmission would make it. Acknowledgements travel with no segment
//! of their own; only a window that opens again does.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};

use simoom::backend::TimerKey;
use simoom::time::Instant;

use super::connection::{RECEIVE_MAX, SEND_MAX};
use super::{Connection, ConnectionId, End, Held, Listener, ListenerId, Phase, Segment, gone};
use crate::choice::{Operation, ResourceName};
use crate::record::EventKind;
use crate::world::node::{FIRST_PORT, NodeId};
use crate::world::{Due, World};

/// Linux gives up connecting after six retransmissions (tcp_syn_retries, tcp(7)).
const CONNECT_TIMEOUT_NS: i64 = 127 * 1_000_000_000;
/// Linux gives up on unacknowledged bytes after fifteen (tcp_retries2, tcp(7)).
const HELD_TIMEOUT_NS: i64 = 924_600_000_000;
/// Linux finds that nobody has an address on its network after three ARP requests, 1 s apart.
const NO_HOST_NS: i64 = 3_000_000_000;
/// The first retransmission of a connection attempt.
const KNOCK_NS: i64 = 1_000_000_000;
/// The most bytes one segment carries: what segmentation offload hands over at once.
const SEGMENT_MAX: usize = 64 * 1024;

impl World {
    /// Checks an address to bind to, and gives it a port.
    fn claim(&mut self, node: NodeId, address: SocketAddr) -> io::Result<SocketAddr> {
        let ip = address.ip();
        let own = self.nodes[node.0 as usize].ip;
        if !(ip.is_unspecified() || ip.is_loopback() || ip == own) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if address.port() == 0 {
            return Ok(SocketAddr::new(ip, self.free_port(node)?));
        }
        if self.is_taken(node, address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        Ok(address)
    }

    /// Whether a listener has `address`: its port, on the same address or on all of them.
    fn is_taken(&self, node: NodeId, address: SocketAddr) -> bool {
        self.net.listeners.iter().any(|(_, other)| {
            let (one, two) = (other.local.ip(), address.ip());
            other.node == node
                && other.local.port() == address.port()
                && (one == two || one.is_unspecified() || two.is_unspecified())
        })
    }

    fn listens(&self, node: NodeId, port: u16) -> bool {
        self.net
            .listeners
            .iter()
            .any(|(_, other)| other.node == node && other.local.port() == port)
    }

    fn free_port(&mut self, node: NodeId) -> io::Result<u16> {
        for _ in 0..=u16::MAX - FIRST_PORT {
            let port = self.nodes[node.0 as usize].next_port;
            let next = if port == u16::MAX {
                FIRST_PORT
            } else {
                port + 1
            };
            self.nodes[node.0 as usize].next_port = next;
            let used = self.listens(node, port)
                || self.net.connections.iter().any(|(_, connection)| {
                    let opener = &connection.ends[0];
                    opener.node == node && opener.local.port() == port
                });
            if !used {
                return Ok(port);
            }
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }

    pub(crate) fn listen(&mut self, address: SocketAddr, backlog: usize) -> io::Result<ListenerId> {
        let node = self.current_node();
        let local = self.claim(node, address)?;
        let serial = self.net.next_serial();
        let listener = Listener {
            serial,
            node,
            local,
            backlog: backlog.max(1),
            pending: 0,
            accepted: std::collections::VecDeque::new(),
            wakers: Vec::new(),
            ttl: 64,
        };
        Ok(ListenerId {
            slot: self.net.listeners.insert(listener) as u32,
            serial,
        })
    }

    /// Starts to connect the running task's node to `target`.
    pub(crate) fn connect(&mut self, target: SocketAddr) -> io::Result<ConnectionId> {
        let node = self.current_node();
        let own = self.nodes[node.0 as usize].ip;
        let target = SocketAddr::new(this_host(target.ip()), target.port());
        let local_ip = source_of(target.ip(), own);
        let local = SocketAddr::new(local_ip, self.free_port(node)?);
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
            ends: [
                End::new(node, local, target),
                End::new(far.unwrap_or(node), target, local),
            ],
            attempt: None,
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
            connection.ends[1].held_open = false;
            connection.attempt = Some(attempt);
        }
        if far.is_some() {
            self.send(id, 0, Segment::Syn);
        }
        Ok(id)
    }

    fn due(&mut self, after_ns: i64, due: Due) -> TimerKey {
        let at = Instant::from_nanos(self.now_ns.saturating_add(after_ns));
        self.timers.insert(at, due)
    }

    fn forget_due(&mut self, key: Option<TimerKey>) {
        if let Some(key) = key {
            self.timers.remove(key);
        }
    }

    /// Sends a segment from one end to the other.
    fn send(&mut self, id: ConnectionId, from: usize, segment: Segment) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let number = connection.ends[from].sent;
        connection.ends[from].sent += 1;
        let direction = connection.name.direction(from == 0);
        let event = self.note(EventKind::SegmentSent, direction.0, segment.digest());
        let held = Held {
            segment,
            travels: 0,
        };
        self.travel(id, from, number, held, event);
    }

    /// Puts a segment on its way, or holds it where its link is cut.
    fn travel(&mut self, id: ConnectionId, from: usize, number: u32, held: Held, cause: u64) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let (near, far) = (connection.ends[from].node, connection.ends[1 - from].node);
        let direction = connection.name.direction(from == 0);
        if self.is_cut(near, far) {
            self.hold(id, from, number, held);
            return;
        }
        let Held { segment, travels } = held;
        let link = self.link(near, far);
        let extra = self.choose_delay(
            direction,
            number,
            travels,
            link.most_ns.saturating_sub(link.least_ns),
        );
        let arrival = self.now_ns + (link.least_ns + extra) as i64;
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let arrival = arrival.max(connection.ends[from].last_arrival_ns);
        connection.ends[from].last_arrival_ns = arrival;
        let due = Due::Segment {
            connection: id,
            to: 1 - from,
            number,
            segment,
            travels,
            cause,
        };
        let key = self.timers.insert(Instant::from_nanos(arrival), due);
        connection.ends[from].travelling.insert(number, key);
    }

    /// Keeps a segment at its sender until the link heals. A reset is never sent again.
    fn hold(&mut self, id: ConnectionId, from: usize, number: u32, held: Held) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        if matches!(held.segment, Segment::Reset) {
            return;
        }
        let first = connection.ends[from].held.is_empty();
        connection.ends[from].held.insert(number, held);
        let direction = connection.name.direction(from == 0);
        self.note(EventKind::SegmentHeld, direction.0, u64::from(number));
        if first {
            let due = Due::HeldTimeout {
                connection: id,
                end: from,
            };
            let patience = self.due(HELD_TIMEOUT_NS, due);
            if let Some(connection) = self.net.connection_mut(id) {
                connection.ends[from].patience = Some(patience);
            }
        }
    }

    /// Takes what one end has on its way on the link from `near` to `far` back to its sender, so
    /// that it cannot be overtaken by what travels on when the link heals.
    pub(crate) fn hold_travelling(
        &mut self,
        id: ConnectionId,
        end: usize,
        near: NodeId,
        far: NodeId,
    ) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        if connection.ends[end].node != near || connection.ends[1 - end].node != far {
            return;
        }
        for (number, key) in std::mem::take(&mut connection.ends[end].travelling) {
            if let Some(Due::Segment {
                segment, travels, ..
            }) = self.timers.remove(key)
            {
                let travels = travels + 1;
                self.hold(id, end, number, Held { segment, travels });
            }
        }
        self.forget_if_over(id);
    }

    /// Sends what one end held, if it was held on the link from `near` to `far`.
    pub(crate) fn release_held(&mut self, id: ConnectionId, end: usize, near: NodeId, far: NodeId) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        if connection.ends[end].node != near || connection.ends[1 - end].node != far {
            return;
        }
        let patience = connection.ends[end].patience.take();
        let held = std::mem::take(&mut connection.ends[end].held);
        self.forget_due(patience);
        for (number, held) in held {
            self.travel(id, end, number, held, 0);
        }
    }

    pub(crate) fn held_timed_out(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        if connection.ends[end].phase == Phase::Open {
            self.kill_end(id, end, io::ErrorKind::TimedOut);
        }
    }

    /// Forgets everything that one end has yet to send.
    fn forget_unsent(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[end];
        this.unsent.clear();
        this.held.clear();
        let patience = this.patience.take();
        self.forget_due(patience);
    }

    pub(crate) fn connect_timed_out(&mut self, id: ConnectionId, error: io::ErrorKind) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        if connection.ends[0].phase == Phase::Opening {
            self.kill_end(id, 0, error);
        }
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

    /// A segment has reached the end `to`.
    pub(crate) fn arrive(&mut self, id: ConnectionId, to: usize, number: u32, segment: Segment) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        connection.ends[1 - to].travelling.remove(&number);
        let direction = connection.name.direction(to == 1);
        let event = self.note(EventKind::SegmentDelivered, direction.0, segment.digest());
        self.because_of(event);
        match segment {
            Segment::Syn => self.syn_arrived(id),
            Segment::SynAck => self.syn_ack_arrived(id),
            Segment::Ack => self.ack_arrived(id),
            Segment::Data(bytes) => self.data_arrived(id, to, bytes),
            Segment::Fin => self.fin_arrived(id, to),
            Segment::Reset => self.reset_arrived(id, to),
            Segment::Window => self.pump(id, to),
        }
        self.forget_if_over(id);
    }

    fn syn_arrived(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let (node, target) = (connection.ends[1].node, connection.target);
        if connection.ends[0].phase != Phase::Opening || connection.listener.is_some() {
            return;
        }
        let found = self
            .net
            .listener_at(node, target)
            .filter(|_| self.nodes[node.0 as usize].alive);
        let Some(listener) = found else {
            self.send(id, 1, Segment::Reset);
            return;
        };
        let Some(queue) = self.net.listener_mut(listener) else {
            return;
        };
        if queue.pending + queue.accepted.len() >= queue.backlog {
            // Linux drops the attempt; the opener tries again.
            self.due(KNOCK_NS, Due::Knock { connection: id });
            return;
        }
        queue.pending += 1;
        let ttl = queue.ttl;
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        connection.listener = Some(listener);
        connection.ends[1].ttl = ttl;
        connection.ends[1].held_open = true;
        self.send(id, 1, Segment::SynAck);
    }

    fn syn_ack_arrived(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let opener = &mut connection.ends[0];
        if opener.phase != Phase::Opening || !opener.held_open {
            self.send(id, 0, Segment::Reset);
            return;
        }
        opener.phase = Phase::Open;
        self.effects.wake_all(&mut opener.writers);
        let attempt = connection.attempt.take();
        self.forget_due(attempt);
        self.send(id, 0, Segment::Ack);
        self.pump(id, 0);
    }

    fn ack_arrived(&mut self, id: ConnectionId) {
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
        let Some(queue) = self.net.listener_mut(listener) else {
            self.close_abruptly(id, 1);
            return;
        };
        queue.pending -= 1;
        queue.accepted.push_back(id);
        let mut wakers = std::mem::take(&mut queue.wakers);
        self.effects.wake_all(&mut wakers);
    }

    fn data_arrived(&mut self, id: ConnectionId, to: usize, bytes: Vec<u8>) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let [one, two] = &mut connection.ends;
        let (receiver, sender) = if to == 0 { (one, two) } else { (two, one) };
        sender.in_flight -= bytes.len();
        if receiver.phase == Phase::Dead || !receiver.held_open {
            self.send(id, to, Segment::Reset);
            return;
        }
        if receiver.read_shut {
            return;
        }
        receiver.received_bytes += bytes.len();
        receiver.received.push_back(bytes);
        self.effects.wake_all(&mut receiver.readers);
    }

    fn fin_arrived(&mut self, id: ConnectionId, to: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let end = &mut connection.ends[to];
        end.fin_received = true;
        self.effects.wake_all(&mut end.readers);
    }

    fn reset_arrived(&mut self, id: ConnectionId, to: usize) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let end = &connection.ends[to];
        let error = match end.phase {
            Phase::Opening if to == 0 => io::ErrorKind::ConnectionRefused,
            // Linux: a reset after the peer has finished is a broken pipe (tcp_reset).
            Phase::Open if end.fin_received => io::ErrorKind::BrokenPipe,
            _ => io::ErrorKind::ConnectionReset,
        };
        if end.phase != Phase::Dead {
            self.kill_end(id, to, error);
        }
    }

    /// Ends one end with an error. What it received stays readable.
    fn kill_end(&mut self, id: ConnectionId, end: usize, error: io::ErrorKind) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let (name, listener) = (connection.name, connection.listener);
        let this = &mut connection.ends[end];
        let was_opening = this.phase == Phase::Opening;
        this.phase = Phase::Dead;
        this.error = Some(error);
        self.effects.wake_all(&mut this.readers);
        self.effects.wake_all(&mut this.writers);
        let attempt = connection.attempt.take_if(|_| end == 0);
        self.forget_due(attempt);
        self.forget_unsent(id, end);
        self.note(EventKind::ConnectionFailed, name.0, error as u64);
        if end == 1
            && was_opening
            && let Some(queue) = listener.and_then(|listener| self.net.listener_mut(listener))
        {
            queue.pending -= 1;
            if let Some(connection) = self.net.connection_mut(id) {
                connection.ends[1].held_open = false;
            }
        }
        self.forget_if_over(id);
    }

    /// Sends what the peer has room for, then the FIN if one is wanted.
    fn pump(&mut self, id: ConnectionId, from: usize) {
        loop {
            let Some(connection) = self.net.connection_mut(id) else {
                return;
            };
            let [one, two] = &mut connection.ends;
            let (sender, receiver) = if from == 0 { (one, two) } else { (two, one) };
            receiver.window_told = false;
            if sender.phase != Phase::Open {
                return;
            }
            let taken = receiver.received_bytes + sender.in_flight;
            let count = RECEIVE_MAX
                .saturating_sub(taken)
                .min(sender.unsent.len())
                .min(SEGMENT_MAX);
            if count == 0 {
                if sender.unsent.is_empty() && sender.fin_wanted && !sender.fin_sent {
                    sender.fin_sent = true;
                    self.send(id, from, Segment::Fin);
                }
                return;
            }
            // Whole slices: taking bytes one by one was a twelfth of a request's cost.
            let (front, back) = sender.unsent.as_slices();
            let split = count.min(front.len());
            let bytes = [&front[..split], &back[..count - split]].concat();
            sender.unsent.drain(..count);
            sender.in_flight += count;
            self.effects.wake_all(&mut sender.writers);
            self.send(id, from, Segment::Data(bytes));
        }
    }

    pub(crate) fn read(
        &mut self,
        id: ConnectionId,
        end: usize,
        target: &mut [u8],
    ) -> io::Result<usize> {
        let Some(connection) = self.net.connection(id) else {
            return Err(gone());
        };
        let this = &connection.ends[end];
        if !this.held_open {
            return Err(gone());
        }
        let direction = connection.name.direction(end == 1);
        let number = this.reads;
        let available = this.received_bytes.min(target.len());
        if available == 0 {
            return self.read_nothing(id, end, target.is_empty());
        }
        let short =
            self.choose_short(Operation::READ, direction, number, available as u64 - 1) as usize;
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        this.reads += 1;
        let count = this.take(&mut target[..available - short]);
        let peer = &connection.ends[1 - end];
        // The sender learns of the room after a trip, and only if it waits for it.
        if !peer.unsent.is_empty() && !connection.ends[end].window_told {
            connection.ends[end].window_told = true;
            self.send(id, end, Segment::Window);
        }
        Ok(count)
    }

    /// What a read returns when no bytes wait.
    fn read_nothing(&mut self, id: ConnectionId, end: usize, empty: bool) -> io::Result<usize> {
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        if empty && this.received_bytes > 0 {
            return Ok(0);
        }
        if this.fin_received || this.read_shut {
            // Linux reports an error after the end of the stream to writers alone (SOCK_DONE).
            return Ok(0);
        }
        if let Some(error) = this.error.take() {
            return Err(error.into());
        }
        if this.phase == Phase::Dead {
            return Ok(0);
        }
        if this.phase == Phase::Opening {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    pub(crate) fn peek(
        &mut self,
        id: ConnectionId,
        end: usize,
        target: &mut [u8],
    ) -> io::Result<usize> {
        let Some(connection) = self.net.connection(id) else {
            return Err(gone());
        };
        if !connection.ends[end].held_open {
            return Err(gone());
        }
        match connection.ends[end].peek(target) {
            0 => self.read_nothing(id, end, target.is_empty()),
            count => Ok(count),
        }
    }

    /// Takes over some of the bytes of `parts`.
    pub(crate) fn write(
        &mut self,
        id: ConnectionId,
        end: usize,
        parts: &[io::IoSlice<'_>],
    ) -> io::Result<usize> {
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        if !this.held_open {
            return Err(gone());
        }
        if let Some(error) = this.error.take() {
            return Err(error.into());
        }
        match this.phase {
            Phase::Opening => return Err(io::ErrorKind::WouldBlock.into()),
            Phase::Dead => return Err(io::ErrorKind::BrokenPipe.into()),
            Phase::Open if this.fin_wanted => return Err(io::ErrorKind::BrokenPipe.into()),
            Phase::Open => {}
        }
        let wanted: usize = parts.iter().map(|part| part.len()).sum();
        if wanted == 0 {
            return Ok(0);
        }
        let most = this.room().min(wanted);
        if most == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let number = this.writes;
        this.writes += 1;
        let direction = connection.name.direction(end == 0);
        let short =
            self.choose_short(Operation::WRITE, direction, number, most as u64 - 1) as usize;
        let count = most - short;
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        let mut left = count;
        for part in parts {
            let some = part.len().min(left);
            this.unsent.extend(&part[..some]);
            left -= some;
        }
        debug_assert!(
            this.unsent.len() <= SEND_MAX,
            "a sender keeps what it has room for"
        );
        self.pump(id, end);
        Ok(count)
    }

    pub(crate) fn shut(&mut self, id: ConnectionId, end: usize, how: Shutdown) -> io::Result<()> {
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        this.peer()?;
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            this.read_shut = true;
            self.effects.wake_all(&mut this.readers);
        }
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            this.fin_wanted = true;
            self.effects.wake_all(&mut this.writers);
            self.pump(id, end);
        }
        Ok(())
    }

    /// Closes one end, as dropping its last handle does.
    pub(crate) fn close(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[end];
        if !this.held_open {
            return;
        }
        this.held_open = false;
        self.effects.drop_all(&mut this.readers);
        self.effects.drop_all(&mut this.writers);
        let abrupt = this.received_bytes > 0 || this.linger_s == Some(0);
        match this.phase {
            Phase::Open if abrupt => {
                this.phase = Phase::Dead;
                self.forget_unsent(id, end);
                self.send(id, end, Segment::Reset);
            }
            Phase::Open => {
                this.fin_wanted = true;
                self.pump(id, end);
            }
            Phase::Opening => {
                this.phase = Phase::Dead;
                let attempt = connection.attempt.take_if(|_| end == 0);
                self.forget_due(attempt);
                self.forget_unsent(id, end);
            }
            Phase::Dead => {}
        }
        self.forget_if_over(id);
    }

    fn wake_holders(&mut self, id: ConnectionId, end: usize) {
        if let Some(connection) = self.net.connection_mut(id) {
            let this = &mut connection.ends[end];
            self.effects.wake_all(&mut this.readers);
            self.effects.wake_all(&mut this.writers);
        }
    }

    /// Closes one end with a reset.
    fn close_abruptly(&mut self, id: ConnectionId, end: usize) {
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[end].linger_s = Some(0);
        }
        self.close(id, end);
    }

    pub(crate) fn close_listener(&mut self, id: ListenerId) {
        if self.net.listener(id).is_none() {
            return;
        }
        let mut listener = self.net.listeners.remove(id.slot as usize);
        self.effects.drop_all(&mut listener.wakers);
        for waiting in listener.accepted {
            // Nobody will ever accept them: the peers are reset.
            self.close_abruptly(waiting, 1);
        }
    }

    /// Closes every socket of a node, as its operating system does for a dead process.
    pub(crate) fn close_sockets_of(&mut self, node: NodeId) {
        let listeners: Vec<_> = (self.net.listeners.iter())
            .filter(|(_, listener)| listener.node == node)
            .map(|(slot, listener)| ListenerId {
                slot: slot as u32,
                serial: listener.serial,
            })
            .collect();
        for listener in listeners {
            if let Some(listener) = self.net.listener_mut(listener) {
                self.effects.wake_all(&mut listener.wakers);
            }
            self.close_listener(listener);
        }
        for (id, end) in self.net.ends() {
            let of = self.net.connection(id).map(|it| it.ends[end].node);
            if of == Some(node) {
                // A task of another node may hold the socket and wait.
                self.wake_holders(id, end);
                self.close(id, end);
            }
        }
    }

    /// Frees a connection that nobody holds and on which nothing travels.
    fn forget_if_over(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let over = |end: &End| {
            !end.held_open
                && end.held.is_empty()
                && end.travelling.is_empty()
                && (end.phase != Phase::Open || (end.unsent.is_empty() && end.fin_sent))
        };
        if connection.ends.iter().all(over) {
            self.net.connections.remove(id.slot as usize);
        }
    }
}

/// The address that a connection to `ip` comes from: the first loopback address for all of them.
fn source_of(ip: IpAddr, own: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_loopback() => ip.into(),
        _ => own,
    }
}

/// The address that a connection to `ip` reaches: "no address" is this host, as on Linux.
fn this_host(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}
