//! Keep-alive: how an idle end finds out that the other one is gone.
//!
//! A probe that gets its answer changes nothing, so none is simulated: as long as a peer can be
//! reached, no timer runs. When it cannot, one timer is armed for the moment at which the last of
//! the probes would have gone unanswered; when a machine that lost its power is back, for the next
//! probe, which it answers with a reset.

use std::io;

use simoom::backend::SocketOption;

use super::super::ConnectionId;
use crate::world::net::Phase;
use crate::world::{Due, World};

const SECOND_NS: i64 = 1_000_000_000;

impl World {
    /// Arms and disarms the timers of all ends, after the network has changed.
    pub(crate) fn renew_timers(&mut self) {
        for (id, end) in self.net.ends() {
            self.renew_keepalive(id, end);
            self.renew_patience(id, end);
        }
    }

    pub(crate) fn renew_keepalive(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let former = connection.ends[end].probing.take();
        if !connection.ends[end].options.is_on(SocketOption::KeepAlive) {
            self.forget_due(former);
            return;
        }
        let Some(after_ns) = self.probes_end_after(id, end) else {
            self.forget_due(former);
            return;
        };
        // A probe that is under way is not delayed by what happens elsewhere.
        let probing = match former {
            Some(kept) if self.timers.get_mut(kept).is_some() && self.is_lost(id, end) => kept,
            other => {
                self.forget_due(other);
                let due = Due::KeepAlive {
                    connection: id,
                    end,
                };
                self.due(after_ns, due)
            }
        };
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[end].probing = Some(probing);
        }
    }

    /// In what time probing ends the connection; `None` if it does not.
    fn probes_end_after(&self, id: ConnectionId, end: usize) -> Option<i64> {
        let connection = self.net.connection(id)?;
        let this = &connection.ends[end];
        if this.phase != Phase::Open || this.is_finished() {
            return None;
        }
        let seconds = |option| i64::from(this.options.value(option)) * SECOND_NS;
        let time = seconds(SocketOption::KeepAliveTime);
        let interval = seconds(SocketOption::KeepAliveInterval);
        let retries = i64::from(this.options.value(SocketOption::KeepAliveRetries));
        let idle = self.now_ns - this.last_heard_ns;
        // Probes that were answered have started the time anew.
        let first = self.now_ns + time - idle % time;
        if self.is_peer_gone(id, end) && !self.is_lost(id, end) {
            return Some((interval.min(first - self.now_ns)).max(1));
        }
        if !self.is_lost(id, end) {
            return None;
        }
        let limit = i64::from(this.options.value(SocketOption::UserTimeout)) * 1_000_000;
        let probes = match limit {
            0 => retries,
            _ => ((limit - time) + interval - 1).div_euclid(interval).max(1),
        };
        Some(first + probes * interval - self.now_ns)
    }

    /// Whether the other end's machine answers with resets: it has forgotten the connection, or
    /// has ended it.
    fn is_peer_gone(&self, id: ConnectionId, end: usize) -> bool {
        self.net.connection(id).is_some_and(|connection| {
            let peer = &connection.ends[1 - end];
            peer.vanished || peer.phase == Phase::Dead
        })
    }

    /// Whether a probe of this end gets no answer.
    pub(super) fn is_lost(&self, id: ConnectionId, end: usize) -> bool {
        self.net.connection(id).is_some_and(|connection| {
            let (here, there) = (connection.ends[end].node, connection.ends[1 - end].node);
            here != there && (self.is_cut(here, there) || self.is_cut(there, here))
        })
    }

    /// The last probe was not answered, or by a reset.
    pub(crate) fn probed(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        connection.ends[end].probing = None;
        let mut held = connection.ends[end].held.values();
        let waits = held.any(|held| held.segment.is_acknowledged());
        if connection.ends[end].phase != Phase::Open || waits {
            // Bytes that wait are sent again and again: that has a limit of its own.
            return;
        }
        let error = if self.is_lost(id, end) {
            io::ErrorKind::TimedOut
        } else if self.is_peer_gone(id, end) {
            io::ErrorKind::ConnectionReset
        } else {
            return;
        };
        self.kill_end(id, end, error);
    }
}
