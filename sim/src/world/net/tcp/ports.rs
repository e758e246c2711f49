//! Which addresses and ports of a node are taken.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::world::World;
use crate::world::net::of_kind;
use crate::world::node::NodeId;

impl World {
    /// Checks an address to bind to, and gives it a port.
    pub(super) fn claim(&mut self, node: NodeId, address: SocketAddr) -> io::Result<SocketAddr> {
        let ip = address.ip();
        if !self.is_own(node, ip) {
            return Err(of_kind(io::ErrorKind::AddrNotAvailable));
        }
        if address.port() == 0 {
            return Ok(SocketAddr::new(ip, self.free_port(node)?));
        }
        if self.is_taken(node, address) {
            return Err(of_kind(io::ErrorKind::AddrInUse));
        }
        Ok(address)
    }

    /// Whether a listener has `address`: its port, on the same address or on all of them.
    pub(super) fn is_taken(&self, node: NodeId, address: SocketAddr) -> bool {
        self.net.listeners.iter().any(|(_, other)| {
            let (one, two) = (other.local.ip(), address.ip());
            other.node == node
                && other.local.port() == address.port()
                && (one == two || one.is_unspecified() || two.is_unspecified())
        })
    }

    pub(super) fn listens(&self, node: NodeId, port: u16) -> bool {
        self.net
            .listeners
            .iter()
            .any(|(_, other)| other.node == node && other.local.port() == port)
    }

    pub(super) fn free_port(&mut self, node: NodeId) -> io::Result<u16> {
        let free = |world: &mut Self, port| {
            !world.listens(node, port)
                && !world.net.connections.iter().any(|(_, connection)| {
                    let opener = &connection.ends[0];
                    opener.node == node && opener.local.port() == port
                })
        };
        self.ephemeral_port(node, free)
            .ok_or_else(|| of_kind(io::ErrorKind::AddrNotAvailable))
    }
}

/// The address that a connection to `ip` comes from: the first loopback address for all of them.
pub(super) fn source_of(ip: IpAddr, own: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_loopback() => ip.into(),
        _ => own,
    }
}

/// The address that a connection to `ip` reaches: "no address" is this host, as on Linux.
pub(super) fn this_host(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}
