//! Links: how long a segment travels between two nodes, and whether it gets through.

use crate::record::EventKind;
use crate::world::World;
use crate::world::node::NodeId;

/// How long segments travel in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) least_ns: u64,
    pub(crate) most_ns: u64,
}

impl Default for Link {
    /// A network within one data centre, with a long tail: 0.5 ms to 20 ms.
    fn default() -> Self {
        Self {
            least_ns: 500_000,
            most_ns: 20_000_000,
        }
    }
}

/// A node's connections to itself: 20 us to 200 us.
const LOOPBACK: Link = Link {
    least_ns: 20_000,
    most_ns: 200_000,
};

impl World {
    /// The link from `from` to `to`.
    pub(crate) fn link(&self, from: NodeId, to: NodeId) -> Link {
        match self.net.links.get(&(from, to)) {
            Some(&link) => link,
            None if from == to => LOOPBACK,
            None => self.net.link,
        }
    }

    /// Whether nothing gets from `from` to `to`: the link is cut, or nobody is there.
    pub(crate) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        (!self.net.cut.is_empty() && self.net.cut.contains(&(from, to)))
            || self.faults.under_way.is_cut(from, to)
            || !self.nodes[to.0 as usize].powered
    }

    /// Whether what is sent from `from` to `to` waits at its sender.
    pub(crate) fn is_held(&self, from: NodeId, to: NodeId) -> bool {
        self.is_cut(from, to) || self.faults.under_way.is_clogged(from, to)
    }

    /// Lets nothing through from `from` to `to` any more, not even what is on its way.
    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId) {
        let was_cut = self.is_cut(from, to);
        self.hear_before_silence(from, to);
        self.net.cut.insert((from, to));
        if !was_cut {
            self.link_was_cut(from, to);
        }
    }

    /// Takes back what is on its way on a link that was cut just now.
    pub(crate) fn link_was_cut(&mut self, from: NodeId, to: NodeId) {
        self.note(EventKind::Partitioned, u64::from(from.0), u64::from(to.0));
        for (id, end) in self.net.ends() {
            self.hold_travelling(id, end, from, to);
        }
        self.lose_flights(from, to);
        self.renew_timers();
    }

    /// Lets segments through again; those that were held travel on now.
    pub(crate) fn heal(&mut self, from: NodeId, to: NodeId) {
        if self.net.cut.remove(&(from, to)) {
            self.link_was_released(from, to);
        }
    }

    /// Sends what waited for a link, if nothing else holds it up.
    pub(crate) fn link_was_released(&mut self, from: NodeId, to: NodeId) {
        if self.is_held(from, to) {
            // The link may be clogged still, which ends no connection.
            self.renew_timers();
            return;
        }
        self.note(EventKind::Healed, u64::from(from.0), u64::from(to.0));
        for (id, end) in self.net.ends() {
            self.release_held(id, end, from, to);
        }
        self.release_flights();
        self.renew_timers();
    }

    pub(crate) fn heal_all(&mut self) {
        for (from, to) in self.net.cut.clone() {
            self.heal(from, to);
        }
    }
}
