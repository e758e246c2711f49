//! Which addresses and ports of a node are taken.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::world::World;
use crate::world::node::{FIRST_PORT, NodeId};

impl World {
    /// Checks an address to bind to, and gives it a port.
    pub(super) fn claim(&mut self, node: NodeId, address: SocketAddr) -> io::Result<SocketAddr> {
        let ip = address.ip();
        let own = self.nodes[node.0 as usize].ip;
        if !(ip.is_unspecified() || ip.is_loopback() || ip == own) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if address.port() == 0 {
            return Ok(SocketAddr::new(ip, self.free_port(node)?));
        }
        if self.is_taken(node, address) {
            return Err(io::ErrorKind::AddrInUse.into());
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
        for _ in 0..=u16::MAX - FIRST_PORT {
            let port = self.nodes[node.0 as usize].next_port;
            let next = if port == u16::MAX {
                FIRST_PORT
            } else {
                port + 1
            };
            self.nodes[node.0 as usize].next_port = next;
            let used = self.listens(node, port)
                || self.net.connections.iter().any(|(_, connection)| {
                    let opener = &connection.ends[0];
                    opener.node == node && opener.local.port() == port
                });
            if !used {
                return Ok(port);
            }
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
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
