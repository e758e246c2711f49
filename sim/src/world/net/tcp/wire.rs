//! How segments travel: delay, order, loss, and what waits for a cut link or a test.
//!
//! A lost segment is a late one: it is sent again after a time-out that doubles each time, and what
//! was sent after it waits for it. What a cut link would have lost waits at its sender and travels
//! when the link heals. Acknowledgements travel with no segment of their own; only a window that
//! opens again does.

use simoom::backend::TimerKey;
use simoom::time::Instant;
use simoom_faults::Kind;

use super::nagle::Arrived;
use crate::choice::Operation;
use crate::record::EventKind;
use crate::world::faults::FaultPoint;
use crate::world::net::{ConnectionId, Held, Phase, Segment, Travelling};
use crate::world::node::NodeId;
use crate::world::{Due, World};

/// How long Linux waits for an acknowledgement before it sends bytes again (TCP_RTO_MIN). The first
/// time is a probe for a lost tail (RFC 8985), behind which the time-out starts anew.
const RTO_NS: i64 = 200_000_000;
/// How long it waits for an answer to a SYN, or to that (TCP_TIMEOUT_INIT).
const SYN_RTO_NS: i64 = 1_000_000_000;
/// The most it waits (TCP_RTO_MAX).
const RTO_MAX_NS: i64 = 120_000_000_000;
/// How often bytes are sent again (tcp_retries2), a SYN (tcp_syn_retries), and its answer
/// (tcp_synack_retries): see tcp(7).
const RETRIES: u32 = 1 + 15;
const SYN_RETRIES: u32 = 6;
/// So many more SYNs are sent before the time-out doubles (tcp_syn_linear_timeouts).
const SYN_LINEAR: u32 = 4;
const SYN_ACK_RETRIES: u32 = 5;

impl World {
    pub(in crate::world) fn due(&mut self, after_ns: i64, due: Due) -> TimerKey {
        let at = Instant::from_nanos(self.now_ns.saturating_add(after_ns));
        self.timers.insert(at, due)
    }

    pub(in crate::world) fn forget_due(&mut self, key: Option<TimerKey>) {
        if let Some(key) = key {
            self.timers.remove(key);
        }
    }

    /// Sends a segment from one end to the other.
    pub(in crate::world::net) fn send(&mut self, id: ConnectionId, from: usize, segment: Segment) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let number = connection.ends[from].sent;
        connection.ends[from].sent += 1;
        let direction = connection.name.direction(from == 0);
        let near = connection.ends[from].node;
        self.place(near);
        let event = self.note(EventKind::SegmentSent, direction.0, segment.digest());
        let held = Held {
            segment,
            travels: 0,
            losses: 0,
            since_ns: self.now_ns,
            event,
        };
        self.travel(id, from, number, held, 0);
    }

    /// Puts a segment on its way, at the earliest after `after_ns`, or holds it where nothing gets
    /// through.
    fn travel(
        &mut self,
        id: ConnectionId,
        from: usize,
        number: u32,
        mut held: Held,
        after_ns: i64,
    ) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let (near, far) = (connection.ends[from].node, connection.ends[1 - from].node);
        let direction = connection.name.direction(from == 0);
        if self.is_blocked(id, from) {
            self.hold(id, from, number, held);
            return;
        }
        let Some(after_ns) = self.lose(id, from, number, &mut held, after_ns) else {
            self.give_up(id, from, number, held);
            return;
        };
        let link = self.link(near, far);
        // On a host of its own, nothing overtakes the last part of a handshake.
        let most = match held.segment {
            Segment::Ack if near == far => 0,
            _ => link.most_ns.saturating_sub(link.least_ns),
        };
        let extra = self.choose_delay(Operation::SEGMENT, direction, number, held.travels, most);
        let arrival = self.now_ns + after_ns + (link.least_ns + extra) as i64;
        self.schedule_arrival(id, from, number, held, arrival);
    }

    /// Lets the segment arrive at `arrival`, or later if one before it arrives later.
    fn schedule_arrival(
        &mut self,
        id: ConnectionId,
        from: usize,
        number: u32,
        held: Held,
        arrival: i64,
    ) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let end = &mut connection.ends[from];
        let arrival = arrival.max(end.last_arrival_ns);
        end.last_arrival_ns = arrival;
        let due = Due::Segment {
            connection: id,
            to: 1 - from,
            number,
        };
        let key = self.timers.insert(Instant::from_nanos(arrival), due);
        let travelling = Travelling {
            held,
            key,
            arrival_ns: arrival,
        };
        let is_late = travelling.held.losses > 0;
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[from].travelling.insert(number, travelling);
        }
        if is_late {
            self.renew_patience(id, from);
        }
    }

    /// How much later than `after_ns` the segment is sent that gets through; `None` if none does.
    fn lose(
        &mut self,
        id: ConnectionId,
        from: usize,
        number: u32,
        held: &mut Held,
        mut after_ns: i64,
    ) -> Option<i64> {
        let connection = self.net.connection(id)?;
        let (near, far) = (connection.ends[from].node, connection.ends[1 - from].node);
        let direction = connection.name.direction(from == 0);
        // Nothing gets lost on the way from a node to itself.
        if near == far {
            return Some(after_ns);
        }
        loop {
            let at = FaultPoint::link(near, far).named(direction, number, held.travels);
            if self.choose_fault(Kind::NetSegmentLost, at, 1) == 0 {
                return Some(after_ns);
            }
            self.place(near);
            self.note(EventKind::SegmentLost, direction.0, u64::from(number));
            after_ns += next_try_after(held)?;
        }
    }

    /// Every try has failed: a reset is gone, for anything else the sender's time-out is left.
    fn give_up(&mut self, id: ConnectionId, from: usize, number: u32, held: Held) {
        if let Segment::Reset = held.segment {
            self.reset_was_lost(id, from);
            self.forget_if_over(id);
        } else {
            self.hold(id, from, number, held);
        }
    }

    /// The other end hears nothing of a reset: it finds out, or waits.
    fn reset_was_lost(&mut self, id: ConnectionId, from: usize) {
        let waits = self.net.connection(id).is_some_and(|connection| {
            from == 0 && connection.listener.is_some() && connection.ends[1].phase == Phase::Opening
        });
        if waits {
            // It is no answer to its SYN-ACK.
            self.handshake_was_lost(id);
        }
        self.probe_window(id, 1 - from);
    }

    /// Whether nothing that an end sends gets through: its link is cut, or a test holds it.
    fn is_blocked(&self, id: ConnectionId, from: usize) -> bool {
        self.net.connection(id).is_some_and(|connection| {
            let (this, other) = (&connection.ends[from], &connection.ends[1 - from]);
            self.is_held(this.node, other.node) || self.test_holds(id, from)
        })
    }

    /// Keeps a segment at its sender until it gets through. A reset is never sent again, but a test
    /// can hold it; nothing is by a machine that lost its power.
    pub(super) fn hold(&mut self, id: ConnectionId, from: usize, number: u32, held: Held) {
        let is_held = self.test_holds(id, from);
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let is_reset = matches!(held.segment, Segment::Reset);
        if connection.ends[from].vanished {
            if matches!(held.segment, Segment::Ack) {
                self.handshake_was_lost(id);
            }
            return;
        }
        if is_reset && !is_held {
            self.reset_was_lost(id, from);
            return;
        }
        connection.ends[from].held.insert(number, held);
        let direction = connection.name.direction(from == 0);
        let (near, far) = (connection.ends[from].node, connection.ends[1 - from].node);
        self.note(EventKind::SegmentHeld, direction.0, u64::from(number));
        self.held_up(near, far);
        self.renew_patience(id, from);
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
        for (number, travelling) in std::mem::take(&mut connection.ends[end].travelling) {
            self.timers.remove(travelling.key);
            let mut held = travelling.held;
            held.travels += 1;
            self.hold(id, end, number, held);
        }
        self.forget_if_over(id);
    }

    /// Sends what one end held on the link from `near` to `far`, if it gets through now.
    pub(crate) fn release_held(&mut self, id: ConnectionId, end: usize, near: NodeId, far: NodeId) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        if connection.ends[end].node != near || connection.ends[1 - end].node != far {
            return;
        }
        if self.is_blocked(id, end) {
            return;
        }
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        for (number, held) in std::mem::take(&mut connection.ends[end].held) {
            self.travel(id, end, number, held, 0);
        }
        // The acknowledgements of what the other end has sent get through again, too.
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let is_over = connection.ends[end].phase == Phase::Dead;
        let peer = &mut connection.ends[1 - end];
        // A listener's side waits for the acknowledgement of its SYN-ACK itself.
        if peer.phase == Phase::Open && peer.unacknowledged_ns.take().is_some() && is_over {
            // What is sent again meets nobody.
            self.send(id, end, Segment::Reset);
        }
        self.small_heard_again(id, 1 - end);
        self.renew_patience(id, end);
        self.renew_patience(id, 1 - end);
    }

    /// Loses one segment of a test's choice: it is sent again.
    pub(in crate::world::net) fn lose_segment(
        &mut self,
        id: ConnectionId,
        from: usize,
        number: u32,
    ) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let direction = connection.name.direction(from == 0);
        let end = &mut connection.ends[from];
        if let Some(held) = end.held.get_mut(&number) {
            // Sent again, it is held again.
            if matches!(held.segment, Segment::Reset) {
                end.held.remove(&number);
            }
            self.note(EventKind::SegmentLost, direction.0, u64::from(number));
            return;
        }
        let Some(lost) = end.travelling.remove(&number) else {
            return;
        };
        // What was sent later waits for it.
        let behind = end.travelling.split_off(&number);
        end.last_arrival_ns = self.now_ns;
        let before = end.travelling.values().map(|it| it.arrival_ns).max();
        end.last_arrival_ns = before.unwrap_or(self.now_ns);
        self.timers.remove(lost.key);
        self.note(EventKind::SegmentLost, direction.0, u64::from(number));
        let mut held = lost.held;
        match next_try_after(&mut held) {
            Some(after_ns) => self.travel(id, from, number, held, after_ns),
            None => self.give_up(id, from, number, held),
        }
        for (number, travelling) in behind {
            self.timers.remove(travelling.key);
            if self.is_waiting(id, from) {
                self.hold(id, from, number, travelling.held);
            } else {
                self.schedule_arrival(id, from, number, travelling.held, travelling.arrival_ns);
            }
        }
        self.forget_if_over(id);
    }

    /// Whether an end holds segments, so that later ones wait too.
    fn is_waiting(&self, id: ConnectionId, from: usize) -> bool {
        self.net
            .connection(id)
            .is_some_and(|connection| !connection.ends[from].held.is_empty())
    }

    /// Answers for a connection that a machine knows nothing of any more.
    fn answer_stranger(&mut self, id: ConnectionId, to: usize, segment: &Segment) {
        if let (Segment::Data(bytes), Some(connection)) = (segment, self.net.connection_mut(id)) {
            connection.ends[1 - to].in_flight -= bytes.len();
        }
        self.send(id, to, Segment::Reset);
    }

    /// A segment has reached the end `to`.
    pub(crate) fn arrive(&mut self, id: ConnectionId, to: usize, number: u32) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let Some(arrived) = connection.ends[1 - to].travelling.remove(&number) else {
            return;
        };
        let Held {
            segment,
            losses,
            event,
            since_ns,
            ..
        } = arrived.held;
        let direction = connection.name.direction(to == 1);
        let far = connection.ends[to].node;
        self.because_of(event);
        self.place(far);
        let event = self.note(EventKind::SegmentDelivered, direction.0, segment.digest());
        self.because_of(event);
        let stranger = self
            .net
            .connection(id)
            .is_some_and(|it| it.ends[to].vanished);
        if losses > 0 {
            self.fault_observed(Kind::NetSegmentLost);
        }
        self.acknowledge(id, to, &segment);
        let arrived = Arrived {
            number,
            sent_ns: since_ns,
            len: segment.bytes().len(),
        };
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
        self.small_arrived(id, to, arrived);
        self.forget_if_over(id);
    }
}

/// After what time a segment that was lost is sent again; `None` if it is given up. Counts.
fn next_try_after(held: &mut Held) -> Option<i64> {
    let losses = held.losses;
    let (after_ns, retries) = match held.segment {
        Segment::Reset => return None,
        Segment::Syn => (syn_again_after(losses), SYN_RETRIES + SYN_LINEAR),
        Segment::SynAck => (SYN_RTO_NS << losses, SYN_ACK_RETRIES),
        _ => (again_after(losses), RETRIES),
    };
    held.losses += 1;
    held.travels += 1;
    (losses < retries).then_some(after_ns.min(RTO_MAX_NS))
}

/// After what time bytes are sent again that were sent again so often before.
pub(super) fn again_after(times: u32) -> i64 {
    (RTO_NS << times.saturating_sub(1).min(RETRIES)).min(RTO_MAX_NS)
}

/// After what time a SYN is sent again that was sent again so often before.
pub(super) fn syn_again_after(times: u32) -> i64 {
    let doubled = times
        .min(SYN_LINEAR + SYN_RETRIES)
        .saturating_sub(SYN_LINEAR);
    (SYN_RTO_NS << doubled).min(RTO_MAX_NS)
}
