//! How segments travel: delay, order, and what waits for a cut link.
//!
//! Loss is not modelled as loss: what a cut link would have lost waits at its sender and travels
//! when the link heals, as retransmission would make it. Acknowledgements travel with no segment
//! of their own; only a window that opens again does.

use std::io;

use simoom::backend::TimerKey;
use simoom::time::Instant;

use crate::choice::Operation;
use crate::record::EventKind;
use crate::world::net::{ConnectionId, Held, Phase, Segment};
use crate::world::node::NodeId;
use crate::world::{Due, World};

/// Linux gives up on unacknowledged bytes after fifteen (tcp_retries2, tcp(7)).
const HELD_TIMEOUT_NS: i64 = 924_600_000_000;

impl World {
    pub(super) fn due(&mut self, after_ns: i64, due: Due) -> TimerKey {
        let at = Instant::from_nanos(self.now_ns.saturating_add(after_ns));
        self.timers.insert(at, due)
    }

    pub(in crate::world) fn forget_due(&mut self, key: Option<TimerKey>) {
        if let Some(key) = key {
            self.timers.remove(key);
        }
    }

    /// Sends a segment from one end to the other.
    pub(super) fn send(&mut self, id: ConnectionId, from: usize, segment: Segment) {
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
    pub(super) fn travel(
        &mut self,
        id: ConnectionId,
        from: usize,
        number: u32,
        held: Held,
        cause: u64,
    ) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let (near, far) = (connection.ends[from].node, connection.ends[1 - from].node);
        let direction = connection.name.direction(from == 0);
        if self.is_held(near, far) {
            self.hold(id, from, number, held);
            return;
        }
        let Held { segment, travels } = held;
        let link = self.link(near, far);
        let extra = self.choose_delay(
            Operation::SEGMENT,
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

    /// Keeps a segment at its sender until the link heals. A reset is never sent again, and nothing
    /// by a machine that lost its power.
    pub(super) fn hold(&mut self, id: ConnectionId, from: usize, number: u32, held: Held) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        if matches!(held.segment, Segment::Reset) || connection.ends[from].vanished {
            return;
        }
        let first = connection.ends[from].held.is_empty();
        connection.ends[from].held.insert(number, held);
        let direction = connection.name.direction(from == 0);
        let (near, far) = (connection.ends[from].node, connection.ends[1 - from].node);
        self.note(EventKind::SegmentHeld, direction.0, u64::from(number));
        self.segment_waits(near, far);
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
    pub(in crate::world::net) fn forget_unsent(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[end];
        this.unsent.clear();
        this.held.clear();
        let patience = this.patience.take();
        self.forget_due(patience);
    }

    /// Answers for a connection that a machine knows nothing of any more.
    fn answer_stranger(&mut self, id: ConnectionId, to: usize, segment: &Segment) {
        if let (Segment::Data(bytes), Some(connection)) = (segment, self.net.connection_mut(id)) {
            connection.ends[1 - to].in_flight -= bytes.len();
        }
        self.send(id, to, Segment::Reset);
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
        let stranger = self
            .net
            .connection(id)
            .is_some_and(|it| it.ends[to].vanished);
        match segment {
            Segment::Reset if stranger => {}
            _ if stranger => self.answer_stranger(id, to, &segment),
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
}
