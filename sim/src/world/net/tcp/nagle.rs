//! Small writes: held back while an earlier one is not acknowledged, unless `TCP_NODELAY` is set.
//!
//! Owns when a segment that is not full may leave (RFC 896, as Minshall amended it and Linux has
//! it: `tcp_nagle_check`), and when its sender hears that it has arrived. A receiver may put its
//! acknowledgement off by 40 ms (`TCP_DELACK_MIN`); what it sends meanwhile carries it.
//!
//! Acknowledgements travel with no segment of their own, and one is thought of only where bytes
//! wait for it.

use simoom::backend::SocketOption;
use simoom::time::Instant;

use super::super::{ConnectionId, Small};
use crate::choice::Operation;
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
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[from].is_nagling = true;
        }
        count - rest
    }

    /// Notes that the segment of this number and length is about to be sent.
    pub(super) fn note_small(&mut self, id: ConnectionId, from: usize, len: usize) {
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
            arrived_ns: None,
            acknowledged_ns: None,
            due: None,
        };
        let former = this.small.replace(small);
        self.forget_due(former.and_then(|former| former.due));
    }

    /// The system takes less than a write offers where its buffer is full, and full buffers leave in
    /// full segments: what a choice has shortened keeps nothing back.
    pub(super) fn count_as_full(&mut self, id: ConnectionId, from: usize, first: u32) {
        if let Some(connection) = self.net.connection_mut(id) {
            let small = &mut connection.ends[from].small;
            small.take_if(|small| small.number >= first);
        }
    }

    /// Whether the last small segment is not acknowledged yet; if so, its end will hear when it is.
    fn awaits_acknowledgement(&mut self, id: ConnectionId, from: usize) -> bool {
        let Some(connection) = self.net.connection(id) else {
            return false;
        };
        let (this, peer) = (&connection.ends[from], &connection.ends[1 - from]);
        let Some(mut small) = this.small else {
            return false;
        };
        let Some(arrived_ns) = small.arrived_ns else {
            return true;
        };
        let back = self.link(peer.node, this.node);
        let direction = connection.name.direction(from == 0);
        let heard_ns = match small.acknowledged_ns {
            Some(heard_ns) => heard_ns,
            None => {
                let (operation, most) = (Operation::ACKNOWLEDGEMENT, DELAY_MAX_NS);
                let delay = self.choose_delay(operation, direction, small.number, 0, most);
                arrived_ns + (back.least_ns + delay) as i64
            }
        };
        small.acknowledged_ns = Some(heard_ns);
        let awaits = heard_ns > self.now_ns || self.is_silent(id, from);
        if awaits && small.due.is_none() && heard_ns > self.now_ns {
            let due = Due::Acknowledged {
                connection: id,
                end: from,
            };
            small.due = Some(self.timers.insert(Instant::from_nanos(heard_ns), due));
        }
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[from].small = awaits.then_some(small);
        }
        awaits
    }

    /// Whether no acknowledgement of what `from` has sent comes back.
    fn is_silent(&self, id: ConnectionId, from: usize) -> bool {
        self.net.connection(id).is_some_and(|connection| {
            let (here, there) = (connection.ends[from].node, connection.ends[1 - from].node);
            self.is_held(there, here) || self.test_holds(id, 1 - from)
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
        if !is_silent {
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
        if waits {
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

    /// A segment that `to` gets carries an acknowledgement, and may be a small one itself.
    pub(super) fn small_arrived(&mut self, id: ConnectionId, to: usize, number: u32, sent_ns: i64) {
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
        if waits {
            self.awaits_acknowledgement(id, 1 - to);
        }
        if own.is_some_and(|own| own <= sent_ns) {
            self.forget_small(id, to);
        }
    }
}

/// How many bytes a full segment carries.
fn full(on_loopback: bool) -> usize {
    if on_loopback { FULL_ON_LOOPBACK } else { FULL }
}
