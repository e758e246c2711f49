//! How long an end waits for acknowledgements before it gives the connection up.
//!
//! Owns the one timer of each end that ends in `ETIMEDOUT`. It runs from when the oldest segment
//! was first sent that got no acknowledgement because it was lost, or held, or because the way
//! back is cut; where bytes wait for a full window, from when no probe of it gets an answer.

use std::io;

use simoom::backend::SocketOption;
use simoom_faults::Kind;

use super::super::ConnectionId;
use crate::world::net::{Phase, Segment};
use crate::world::{Due, World};

/// Linux gives up on unacknowledged bytes after fifteen retransmissions (tcp_retries2, tcp(7)).
const PATIENCE_NS: i64 = 924_600_000_000;
/// Linux counts `TCP_USER_TIMEOUT` from the first retransmission after a time-out, behind the probe
/// for a lost tail (retrans_stamp); where it probes a window, from when that began.
const FIRST_RETRANSMISSION_NS: i64 = 400_000_000;
/// A connection in its handshake, after five retransmissions of the SYN-ACK (tcp_synack_retries).
const HANDSHAKE_NS: i64 = 63_000_000_000;

impl World {
    /// Arms the timer of one end anew, or disarms it if nothing waits.
    pub(in crate::world::net) fn renew_patience(&mut self, id: ConnectionId, end: usize) {
        let (now_ns, is_lost) = (self.now_ns, self.is_lost(id, end));
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[end];
        let waits_for_window = !this.unsent.is_empty() && !this.is_nagling;
        if is_lost && this.in_flight == 0 && waits_for_window {
            this.stalled_ns.get_or_insert(now_ns);
        } else {
            this.stalled_ns = None;
        }
        let late = this.travelling.values().map(|it| &it.held);
        let oldest = (late.filter(|held| held.losses > 0))
            .chain(this.held.values())
            .filter(|held| held.segment.is_acknowledged())
            .map(|held| held.since_ns)
            .chain(this.unacknowledged_ns)
            .min();
        let (limit, stalled_limit) =
            match (this.phase, this.options.value(SocketOption::UserTimeout)) {
                (Phase::Opening, _) => (HANDSHAKE_NS, HANDSHAKE_NS),
                (_, 0) => (PATIENCE_NS, PATIENCE_NS),
                (_, millis) => {
                    let limit_ns = i64::from(millis) * 1_000_000;
                    (limit_ns + FIRST_RETRANSMISSION_NS, limit_ns)
                }
            };
        let unheard = oldest.map(|since_ns| since_ns + limit);
        let stalled = this.stalled_ns.map(|since_ns| since_ns + stalled_limit);
        let ends_ns = unheard.into_iter().chain(stalled).min();
        let former = this.patience.take();
        let applies = this.phase == Phase::Open || (this.phase == Phase::Opening && end == 1);
        self.forget_due(former);
        if let Some(ends_ns) = ends_ns
            && applies
        {
            let after_ns = (ends_ns - self.now_ns).max(0);
            let patience = self.due(
                after_ns,
                Due::HeldTimeout {
                    connection: id,
                    end,
                },
            );
            if let Some(connection) = self.net.connection_mut(id) {
                connection.ends[end].patience = Some(patience);
            }
        }
    }

    /// A setting of one end has changed.
    pub(crate) fn option_was_set(&mut self, id: ConnectionId, end: usize, option: SocketOption) {
        self.renew_keepalive(id, end);
        if option == SocketOption::UserTimeout {
            self.renew_patience(id, end);
        }
        if option == SocketOption::NoDelay {
            // What waits for an acknowledgement waits no longer.
            self.pump(id, end);
        }
    }

    pub(crate) fn held_timed_out(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        connection.ends[end].patience = None;
        self.note_lost_for_good(id, end);
        self.kill_end(id, end, io::ErrorKind::TimedOut);
    }

    /// Counts that the program sees that segments were lost: by a time-out.
    pub(super) fn note_lost_for_good(&mut self, id: ConnectionId, end: usize) {
        let lost = self.net.connection(id).is_some_and(|connection| {
            let mut held = connection.ends[end].held.values();
            held.any(|held| held.losses > 0)
        });
        if lost {
            self.fault_observed(Kind::NetSegmentLost);
        }
    }

    /// The acknowledgement that a handshake waits for will not come.
    pub(super) fn handshake_was_lost(&mut self, id: ConnectionId) {
        let now_ns = self.now_ns;
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[1].unacknowledged_ns.get_or_insert(now_ns);
        }
        self.renew_patience(id, 1);
    }

    /// Forgets everything that one end has yet to send, and its timers.
    pub(in crate::world::net) fn forget_unsent(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[end];
        this.unsent.clear();
        this.held.clear();
        this.unacknowledged_ns = None;
        this.is_nagling = false;
        let acknowledged = this.small.take().and_then(|small| small.due);
        let (patience, probing) = (this.patience.take(), this.probing.take());
        self.forget_due(acknowledged);
        self.forget_due(patience);
        self.forget_due(probing);
    }

    /// A segment of the other end has arrived at `to`: its sender hears of that, unless the way
    /// back is cut.
    pub(super) fn acknowledge(&mut self, id: ConnectionId, to: usize, segment: &Segment) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let (here, there) = (connection.ends[to].node, connection.ends[1 - to].node);
        let waits = segment.is_acknowledged();
        // A listener without room takes no notice of anything.
        let overflows = connection.answers > 0 && connection.ends[to].phase == Phase::Opening;
        let is_silent =
            waits && (overflows || self.is_held(here, there) || self.test_holds(id, to));
        let now_ns = self.now_ns;
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        connection.ends[to].last_heard_ns = now_ns;
        let sender = &mut connection.ends[1 - to];
        if !is_silent {
            sender.last_heard_ns = now_ns;
        } else {
            sender.unacknowledged_ns.get_or_insert(now_ns);
        }
        if is_silent || sender.patience.is_some() {
            self.renew_patience(id, 1 - to);
        }
    }
}
