//! Which addresses are whose, and which ports are free.

use std::net::IpAddr;

use crate::world::World;
use crate::world::node::{FIRST_PORT, LAST_PORT, NodeId};

impl World {
    /// Whether a socket of `node` can be bound to `ip`.
    pub(super) fn is_own(&self, node: NodeId, ip: IpAddr) -> bool {
        ip.is_unspecified() || ip.is_loopback() || self.net.addresses.get(&ip) == Some(&node)
    }

    /// The address that what `node` sends to `target` comes from, unless it is bound to one.
    pub(super) fn source_for(&self, node: NodeId, target: IpAddr) -> Option<IpAddr> {
        match target {
            IpAddr::V4(ip) if ip.is_loopback() => Some(std::net::Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_loopback() => Some(target),
            _ if self.net.addresses.get(&target) == Some(&node) => Some(target),
            _ => self
                .addresses_of(node)
                .find(|ip| ip.is_ipv4() == target.is_ipv4()),
        }
    }

    /// The addresses of `node`, in the order in which they were given.
    pub(crate) fn addresses_of(&self, node: NodeId) -> impl Iterator<Item = IpAddr> {
        let first = self.nodes[node.0 as usize].ip;
        let more = self.net.more_addresses.get(&node).into_iter().flatten();
        std::iter::once(first).chain(more.copied())
    }

    /// The next port of `node` for which `is_free`.
    pub(super) fn ephemeral_port(
        &mut self,
        node: NodeId,
        mut is_free: impl FnMut(&mut Self, u16) -> bool,
    ) -> Option<u16> {
        let range = self.net.port_ranges.get(&node);
        let (first, last) = range.copied().unwrap_or((FIRST_PORT, LAST_PORT));
        for _ in first..=last {
            let next_port = &mut self.nodes[node.0 as usize].next_port;
            let port = *next_port;
            *next_port = if port == last { first } else { port + 1 };
            if is_free(self, port) {
                return Some(port);
            }
        }
        None
    }
}
