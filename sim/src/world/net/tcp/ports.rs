//! Which addresses and ports of a node are taken.
//!
//! Two sockets share a port as Linux has it (socket(7)): both asked for `SO_REUSEADDR` and neither
//! listens, or both asked for `SO_REUSEPORT`. The side that closed a connection first keeps its
//! port for 60 s (TIME_WAIT).

use std::io;
use std::net::{IpAddr, SocketAddr};

use simoom::backend::SocketOption;

use crate::world::World;
use crate::world::net::{
    Connection, End, Options, Phase, TimeWait, UnusedId, of_kind, os, stands_for,
};
use crate::world::node::NodeId;

/// How long a port stays taken after its connection was closed from this side.
const TIME_WAIT_NS: i64 = 60_000_000_000;

/// Who may share a port.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::world::net) struct Reuse {
    address: bool,
    port: bool,
}

impl Reuse {
    pub(super) fn of(options: &Options) -> Self {
        Self {
            address: options.is_on(SocketOption::ReuseAddress),
            port: options.is_on(SocketOption::ReusePort),
        }
    }

    /// Whether two sockets can share a port; `listens` says that one of them listens.
    fn goes_with(self, other: Self, listens: bool) -> bool {
        (self.port && other.port) || (self.address && other.address && !listens)
    }
}

impl World {
    /// Checks an address to bind to, and gives it a port. `own` is the socket that asks, if it has
    /// the address already.
    pub(super) fn claim(
        &mut self,
        node: NodeId,
        address: SocketAddr,
        options: &Options,
        own: Option<UnusedId>,
    ) -> io::Result<SocketAddr> {
        let ip = address.ip();
        if !self.is_own(node, ip) {
            return Err(of_kind(io::ErrorKind::AddrNotAvailable));
        }
        let reuse = Reuse::of(options);
        if address.port() == 0 {
            let free = |world: &mut Self, port| {
                !world.is_taken(node, SocketAddr::new(ip, port), Reuse::default(), own)
            };
            let port = self.ephemeral_port(node, free);
            let port = port.ok_or_else(|| of_kind(io::ErrorKind::AddrInUse))?;
            return Ok(SocketAddr::new(ip, port));
        }
        if self.is_taken(node, address, reuse, own) {
            return Err(of_kind(io::ErrorKind::AddrInUse));
        }
        Ok(address)
    }

    /// Whether somebody has `address` who does not share it: its port, on the same address or on
    /// all of them.
    fn is_taken(
        &self,
        node: NodeId,
        address: SocketAddr,
        reuse: Reuse,
        own: Option<UnusedId>,
    ) -> bool {
        let overlaps = |local: SocketAddr| {
            let (one, two) = (local.ip(), address.ip());
            local.port() == address.port()
                && (one == two || stands_for(one, two) || stands_for(two, one))
        };
        let by_listener = self.net.listeners.iter().any(|(_, other)| {
            other.node == node
                && overlaps(other.local)
                && !reuse.goes_with(Reuse::of(&other.options), true)
        });
        let by_bound = self.net.unused.iter().any(|(slot, other)| {
            let is_own = own.is_some_and(|own| own.slot as usize == slot);
            !is_own
                && other.node == node
                && other.local.is_some_and(overlaps)
                && !reuse.goes_with(Reuse::of(&other.options), false)
        });
        let of_end = |end: &End| {
            end.node == node
                && end.phase != Phase::Dead
                && (end.held_open || end.phase == Phase::Open)
                && overlaps(end.local)
                && !reuse.goes_with(Reuse::of(&end.options), false)
        };
        let mut connections = self.net.connections.iter();
        let by_connection = connections.any(|(_, it)| it.ends.iter().any(of_end));
        let by_past = self.net.time_waits.iter().any(|past| {
            past.node == node
                && past.until_ns > self.now_ns
                && overlaps(past.local)
                && !reuse.goes_with(past.reuse, false)
        });
        by_listener || by_bound || by_connection || by_past
    }

    /// A port from which `node` can connect to `target`.
    pub(super) fn port_towards(&mut self, node: NodeId, target: SocketAddr) -> io::Result<u16> {
        let free = |world: &mut Self, port| {
            let listens = |(_, other): (usize, &crate::world::net::Listener)| {
                other.node == node && other.local.port() == port
            };
            let is_bound = world.net.unused.iter().any(|(_, other)| {
                other.node == node && other.local.is_some_and(|local| local.port() == port)
            });
            !is_bound
                && !world.net.listeners.iter().any(listens)
                && !world.has_tuple(node, port, target)
        };
        self.ephemeral_port(node, free)
            .ok_or_else(|| of_kind(io::ErrorKind::AddrNotAvailable))
    }

    /// Whether a connection of `node` from `port` to `target` is there, or was a short time ago.
    pub(super) fn has_tuple(&self, node: NodeId, port: u16, target: SocketAddr) -> bool {
        let is_it = |connection: &Connection| {
            let opener = &connection.ends[0];
            opener.node == node
                && opener.local.port() == port
                && connection.target == target
                && opener.phase != Phase::Dead
        };
        let past = self.net.time_waits.iter().any(|past| {
            past.node == node
                && past.until_ns > self.now_ns
                && past.local.port() == port
                && past.peer == target
        });
        past || self.net.connections.iter().any(|(_, it)| is_it(it))
    }

    /// Keeps the ports of a connection that has ended, at the side that closed it first.
    pub(super) fn keep_ports(&mut self, connection: &Connection) {
        let now_ns = self.now_ns;
        self.net.time_waits.retain(|past| past.until_ns > now_ns);
        for end in &connection.ends {
            if end.closed_first && end.phase == Phase::Open {
                self.net.time_waits.push(TimeWait {
                    node: end.node,
                    local: end.local,
                    peer: end.peer,
                    until_ns: now_ns + TIME_WAIT_NS,
                    reuse: Reuse::of(&end.options),
                });
            }
        }
    }

    /// The address that a connection to `target` comes from, if the socket is bound to `bound`.
    pub(super) fn connect_source(
        &self,
        node: NodeId,
        target: IpAddr,
        bound: Option<IpAddr>,
    ) -> io::Result<IpAddr> {
        match (bound, target) {
            (Some(IpAddr::V4(_)), IpAddr::V6(_)) => return Err(os(libc::EAFNOSUPPORT)),
            (Some(IpAddr::V6(ip)), IpAddr::V4(_)) if !ip.is_unspecified() => {
                // To be bound to such an address is to ask for `IPV6_V6ONLY`.
                return Err(os(libc::ENETUNREACH));
            }
            _ => {}
        }
        let bound = bound.filter(|ip| !ip.is_unspecified());
        if let Some(ip) = bound {
            // Linux routes nothing that comes from the loopback address away from this host.
            if ip.is_loopback() && !self.is_own(node, target) {
                return Err(os(libc::EINVAL));
            }
            return Ok(ip);
        }
        self.source_for(node, target)
            .ok_or_else(|| os(libc::ENETUNREACH))
    }
}
