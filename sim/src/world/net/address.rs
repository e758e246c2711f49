//! Which addresses are whose, and which ports are free.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::world::World;
use crate::world::node::{FIRST_PORT, LAST_PORT, NodeId};

/// What `address` stands for: one of IPv4 if it is `::ffff:10.0.0.1`, as sockets of IPv6 write it.
pub(crate) fn meant(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// How a socket shows `address`: one of IPv6 shows those of IPv4 as `::ffff:10.0.0.1`.
pub(crate) fn shown(address: SocketAddr, is_v6: bool) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if is_v6 => (ip.to_ipv6_mapped(), address.port()).into(),
        _ => address,
    }
}

/// The address that is reached at `target` by a socket bound to `bound`: "no address" is this host,
/// as on Linux.
pub(crate) fn this_host(target: SocketAddr, bound: Option<SocketAddr>) -> SocketAddr {
    let target = meant(target);
    let ip = match target.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        // Whichever the socket can reach.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) if bound.is_some_and(|it| it.is_ipv4()) => {
            Ipv4Addr::LOCALHOST.into()
        }
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(ip, target.port())
}

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
