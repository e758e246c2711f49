//! Small writes: held back while an earlier one is not acknowledged, unless `TCP_NODELAY` is set.
//!
//! Owns when a segment that is not full may leave (RFC 896, as Minshall amended it and Linux has
//! it: `tcp_nagle_check`), and when its sender hears that it has arrived. A receiver may put its
//! acknowledgement off by 40 ms (`TCP_DELACK_MIN`); what it sends meanwhile carries it.
//!
//! Acknowledgements travel with no segment of their own, and one is thought of only where bytes
//! wait for it, or where the way back is about to be cut: what was heard before that stays heard.
//!
//! # Invariants
//! 1. Where bytes wait (`is_nagling`), they wait for a small segment.
//! 2. That segment is on its way, or held, or its acknowledgement is due, or the end's patience
//!    runs: bytes never wait for nothing.

use simoom::backend::SocketOption;
use simoom::time::Instant;

use super::super::{ConnectionId, Phase, Small};
use crate::choice::Operation;
use crate::world::node::NodeId;
use crate::world::{Due, World};

/// How long a receiver may put an acknowledgement off.
const DELAY_MAX_NS: u64 = 40_000_000;
/// What a full segment carries on Ethernet, and on the loopback interface.
const FULL: usize = 1_448;
const FULL_ON_LOOPBACK: usize = 65_483;

impl World {
    /// How many of the last `count` bytes that an end has to send may leave now.
    pub(super) fn leaves_now(&mut self, id: ConnectionId, from: usize, count: usize) -> usize {
        let Some(connection) = self.net.connection(id) else {
            return 0;
        };
        let this = &connection.ends[from];
        let full = full(this.node == connection.ends[1 - from].node);
        let rest = count % full;
        let is_free = this.small.is_none() || this.fin_wanted || rest == 0;
        if is_free || this.options.is_on(SocketOption::NoDelay) {
            return count;
        }
        if !self.awaits_acknowledgement(id, from) {
            return count;
        }
        count - rest
    }

    /// Notes that the segment of this number and length is about to be sent.
    pub(super) fn note_small(&mut self, id: ConnectionId, from: usize, len: usize) {
        let now_ns = self.now_ns;
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let on_loopback = connection.ends[0].node == connection.ends[1].node;
        let this = &mut connection.ends[from];
        if len.is_multiple_of(full(on_loopback)) {
            return;
        }
        let small = Small {
            number: this.sent,
            sent_ns: now_ns,
            arrived_bytes: 0,
            arrived_ns: None,
            prompt_ns: None,
            acknowledged_ns: None,
            due: None,
        };
        let former = this.small.replace(small);
        self.forget_due(former.and_then(|former| former.due));
    }

    /// The system takes less than a write offers where its buffer is full, and full buffers leave in
    /// full segments: nothing waits for what a write has sent of which it took a part.
    pub(super) fn count_as_full(&mut self, id: ConnectionId, from: usize, first: u32) {
        let small = self.net.connection(id).and_then(|it| it.ends[from].small);
        if small.is_some_and(|small| small.number >= first) {
            self.forget_small(id, from);
        }
    }

    /// Whether the last small segment is not acknowledged yet; if so, bytes wait for that.
    fn awaits_acknowledgement(&mut self, id: ConnectionId, from: usize) -> bool {
        let small = self.net.connection(id).and_then(|it| it.ends[from].small);
        let Some(small) = small else {
            return false;
        };
        let heard_ns = self.heard_at(id, from);
        let is_silent = self.is_silent(id, from);
        let is_past = heard_ns.is_some_and(|heard_ns| heard_ns <= self.now_ns);
        if is_past && !is_silent {
            self.forget_due(small.due);
            if let Some(connection) = self.net.connection_mut(id) {
                connection.ends[from].small = None;
            }
            return false;
        }
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[from].is_nagling = true;
        }
        if is_past {
            self.small_unheard(id, from);
        } else if let Some(heard_ns) = heard_ns
            && small.due.is_none()
        {
            self.arm_small(id, from, heard_ns);
        }
        true
    }

    /// When the acknowledgement of the last small segment reaches its sender, if the way back is
    /// open then; `None` if the segment has not arrived.
    fn heard_at(&mut self, id: ConnectionId, from: usize) -> Option<i64> {
        let connection = self.net.connection(id)?;
        let (this, peer) = (&connection.ends[from], &connection.ends[1 - from]);
        let small = this.small?;
        let arrived_ns = small.arrived_ns?;
        if small.acknowledged_ns.is_some() {
            return small.acknowledged_ns;
        }
        let back = self.link(peer.node, this.node);
        let direction = connection.name.direction(from == 0);
        let most = small.prompt_ns.map_or(DELAY_MAX_NS, |prompt_ns| {
            (prompt_ns - arrived_ns).unsigned_abs().min(DELAY_MAX_NS)
        });
        let operation = Operation::ACKNOWLEDGEMENT;
        let delay = self.choose_delay(operation, direction, small.number, 0, most);
        let heard_ns = arrived_ns + (back.least_ns + delay) as i64;
        let small = self.net.connection_mut(id)?.ends[from].small.as_mut()?;
        small.acknowledged_ns = Some(heard_ns);
        Some(heard_ns)
    }

    /// Lets an end hear at `heard_ns` that its small segment was acknowledged.
    fn arm_small(&mut self, id: ConnectionId, from: usize, heard_ns: i64) {
        let due = Due::Acknowledged {
            connection: id,
            end: from,
        };
        let key = self.timers.insert(Instant::from_nanos(heard_ns), due);
        let connection = self.net.connection_mut(id);
        let small = connection.and_then(|it| it.ends[from].small.as_mut());
        let former = small.and_then(|small| small.due.replace(key));
        self.forget_due(former);
    }

    /// The acknowledgement of a small segment was lost. Sent again, the segment is acknowledged when
    /// the way back is open; until then, its sender's patience runs.
    fn small_unheard(&mut self, id: ConnectionId, from: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[from];
        if let Some(small) = &this.small {
            this.unacknowledged_ns.get_or_insert(small.sent_ns);
        }
        self.renew_patience(id, from);
    }

    /// The way from `there` to `here` is about to be silent: what has been acknowledged by now
    /// counts, for every connection.
    pub(crate) fn hear_before_silence(&mut self, there: NodeId, here: NodeId) {
        for (id, end) in self.net.ends() {
            let is_between = self.net.connection(id).is_some_and(|connection| {
                connection.ends[end].node == here && connection.ends[1 - end].node == there
            });
            if is_between {
                self.hear_small(id, end);
            }
        }
    }

    /// Settles whether the small segment of an end is acknowledged, before the way back is silent.
    pub(in crate::world::net) fn hear_small(&mut self, id: ConnectionId, end: usize) {
        if self.is_silent(id, end) {
            return;
        }
        let heard_ns = self.heard_at(id, end);
        if heard_ns.is_some_and(|heard_ns| heard_ns <= self.now_ns) {
            self.forget_small(id, end);
        }
    }

    /// Whether no acknowledgement of what `from` has sent comes back.
    fn is_silent(&self, id: ConnectionId, from: usize) -> bool {
        self.net.connection(id).is_some_and(|connection| {
            let (here, there) = (connection.ends[from].node, connection.ends[1 - from].node);
            // A listener without room takes no notice of anything.
            let overflows =
                connection.answers > 0 && from == 0 && connection.ends[1].phase == Phase::Opening;
            overflows || self.is_held(there, here) || self.test_holds(id, 1 - from)
        })
    }

    /// The acknowledgement of a small segment has reached its sender, if the way back is open.
    pub(crate) fn small_acknowledged(&mut self, id: ConnectionId, end: usize) {
        let is_silent = self.is_silent(id, end);
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[end];
        if let Some(small) = &mut this.small {
            small.due = None;
        }
        if is_silent {
            self.small_unheard(id, end);
        } else {
            self.forget_small(id, end);
        }
    }

    /// The way back is open again: an acknowledgement that was kept from its sender comes now.
    pub(super) fn small_heard_again(&mut self, id: ConnectionId, end: usize) {
        let waits = self.net.connection(id).is_some_and(|connection| {
            let this = &connection.ends[end];
            let small = this.small.filter(|small| small.due.is_none());
            this.is_nagling && small.is_some_and(|small| small.arrived_ns.is_some())
        });
        if waits && !self.is_silent(id, end) {
            self.forget_small(id, end);
        }
    }

    /// The small segment counts as acknowledged: what waited for it is sent.
    pub(super) fn forget_small(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[end];
        let small = this.small.take();
        let waits = this.is_nagling;
        self.forget_due(small.and_then(|small| small.due));
        if waits {
            self.pump(id, end);
        }
    }

    /// A segment that `to` gets carries an acknowledgement, and may be a small one itself, or be
    /// behind one.
    pub(super) fn small_arrived(&mut self, id: ConnectionId, to: usize, arrived: Arrived) {
        let Arrived {
            number,
            sent_ns,
            len,
        } = arrived;
        let now_ns = self.now_ns;
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let own = connection.ends[to].small.and_then(|small| small.arrived_ns);
        let sender = &mut connection.ends[1 - to];
        let waits = match &mut sender.small {
            Some(small) if small.number == number => {
                small.arrived_ns = Some(now_ns);
                sender.is_nagling
            }
            _ => false,
        };
        self.count_behind_small(id, 1 - to, number, len);
        if waits && !self.awaits_acknowledgement(id, 1 - to) {
            self.pump(id, 1 - to);
        }
        if own.is_some_and(|own| own <= sent_ns) {
            self.forget_small(id, to);
        }
        debug_assert!(
            self.net.connection(id).is_none_or(|connection| {
                let mut ends = connection.ends.iter();
                ends.all(|end| !end.is_nagling || end.small.is_some())
            }),
            "bytes wait for no segment (invariant 1)"
        );
    }

    /// Of more than one full segment, a receiver puts no acknowledgement off.
    fn count_behind_small(&mut self, id: ConnectionId, from: usize, number: u32, len: usize) {
        let now_ns = self.now_ns;
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let (this, peer) = (&connection.ends[from], &connection.ends[1 - from]);
        let full = full(this.node == peer.node);
        let least_ns = self.link(peer.node, this.node).least_ns as i64;
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let Some(small) = &mut connection.ends[from].small else {
            return;
        };
        if small.arrived_ns.is_none() || number < small.number || small.prompt_ns.is_some() {
            return;
        }
        small.arrived_bytes += len;
        if small.arrived_bytes <= full {
            return;
        }
        small.prompt_ns = Some(now_ns);
        let prompt_ns = now_ns + least_ns;
        let is_sooner = small.acknowledged_ns.is_some_and(|it| prompt_ns < it);
        if is_sooner {
            small.acknowledged_ns = Some(prompt_ns);
        }
        if is_sooner && small.due.is_some() {
            self.arm_small(id, from, prompt_ns);
        }
    }
}

/// What is known of a segment that has arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    pub(super) number: u32,
    /// When it was sent first.
    pub(super) sent_ns: i64,
    /// How many bytes of the program it carries.
    pub(super) len: usize,
}

/// How many bytes a full segment carries.
fn full(on_loopback: bool) -> usize {
    if on_loopback { FULL_ON_LOOPBACK } else { FULL }
}
