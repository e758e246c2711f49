//! Sockets for datagrams: their state, binding, connecting, closing.
//!
//! Owns what a socket is. How datagrams travel is in `flight.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use simoom::backend::{Direction, Interface, Signs, SocketOption};

use super::flight::Flow;
use crate::choice::PathId;
use crate::world::World;
use crate::world::net::address::this_host;
use crate::world::net::errors::os;
use crate::world::net::waiting::{Waiting, change_one};
use crate::world::net::{Options, gone, meant, shown, stands_for};
use crate::world::node::NodeId;

/// Names a socket of one world; the serial is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UdpId {
    pub(crate) slot: u32,
    pub(crate) serial: u64,
}

/// A socket for datagrams.
#[derive(Debug)]
pub(crate) struct Udp {
    pub(crate) serial: u64,
    pub(crate) node: NodeId,
    /// The task that bound it, and which of its sockets this is.
    pub(crate) opener: PathId,
    pub(crate) number: u32,
    pub(crate) local: SocketAddr,
    /// It is a socket of IPv6, which shows addresses of IPv4 as `::ffff:10.0.0.1`.
    pub(super) is_v6: bool,
    /// It was bound to one address of IPv6, which is to ask for `IPV6_V6ONLY`.
    pub(super) only_v6: bool,
    pub(crate) peer: Option<SocketAddr>,
    /// What waits to be received, who sent it, and the event in which it was delivered.
    pub(crate) received: VecDeque<(SocketAddr, Vec<u8>, u64)>,
    /// What the above takes of the receive buffer.
    pub(crate) charged: usize,
    /// The error the next operation returns.
    pub(crate) error: Option<i32>,
    pub(crate) readers: Waiting,
    pub(crate) writers: Waiting,
    pub(crate) options: Options,
    /// The groups it joined; true for those on the loopback interface.
    pub(crate) groups: BTreeSet<(IpAddr, bool)>,
    pub(crate) device: Option<Vec<u8>>,
    /// What it sent, by the node and the port it was sent to.
    pub(crate) flows: BTreeMap<(NodeId, u16), Flow>,
}

impl Udp {
    pub(crate) fn is_readable(&self) -> bool {
        !self.received.is_empty() || self.error.is_some()
    }

    pub(crate) fn waiting(&mut self, direction: Direction) -> &mut Waiting {
        match direction {
            Direction::Write => &mut self.writers,
            Direction::Read | Direction::Error | Direction::Priority => &mut self.readers,
        }
    }

    /// An address, as the socket shows it.
    pub(crate) fn shown(&self, address: SocketAddr) -> SocketAddr {
        shown(address, self.is_v6)
    }

    /// Whether it gets what is sent to `target`.
    pub(super) fn is_bound_to(&self, target: SocketAddr) -> bool {
        let (ip, to) = (self.local.ip(), target.ip());
        self.local.port() == target.port() && (ip == to || stands_for(ip, to))
    }

    /// What is known of it.
    pub(crate) fn signs(&self) -> Signs {
        Signs {
            error: self.error.is_some(),
            ..Signs::default()
        }
    }

    /// Whether it has a peer other than `from`.
    pub(super) fn refuses(&self, from: SocketAddr) -> bool {
        self.peer.is_some_and(|peer| peer != from)
    }
}

impl World {
    /// Binds a socket of the running task's node.
    pub(crate) fn udp_bind(&mut self, address: SocketAddr) -> io::Result<UdpId> {
        let node = self.current_node();
        self.take_descriptor(node)?;
        let local = self.claim_datagram(node, meant(address))?;
        let (opener, number) = self.next_connection();
        let serial = self.net.next_serial();
        let socket = Udp {
            serial,
            node,
            opener,
            number,
            local,
            is_v6: address.is_ipv6(),
            only_v6: local.is_ipv6() && !local.ip().is_unspecified(),
            peer: None,
            received: VecDeque::new(),
            charged: 0,
            error: None,
            readers: Waiting::default(),
            writers: Waiting::default(),
            options: Options::datagram(address.is_ipv6()),
            groups: BTreeSet::new(),
            device: None,
            flows: BTreeMap::new(),
        };
        Ok(UdpId {
            slot: self.net.datagrams.insert(socket) as u32,
            serial,
        })
    }

    /// Checks an address to bind to, and gives it a port. Ports of UDP are none of TCP's.
    fn claim_datagram(&mut self, node: NodeId, address: SocketAddr) -> io::Result<SocketAddr> {
        let ip = address.ip();
        let may_bind = self.is_own(node, ip) || ip.is_multicast() || is_broadcast(ip);
        if !may_bind {
            return Err(os(libc::EADDRNOTAVAIL));
        }
        if address.port() != 0 {
            if self.datagram_port_taken(node, address) {
                return Err(os(libc::EADDRINUSE));
            }
            return Ok(address);
        }
        let free = |world: &mut Self, port| {
            let address = SocketAddr::new(ip, port);
            !world.datagram_port_taken(node, address)
        };
        let port = self.ephemeral_port(node, free);
        port.map(|port| SocketAddr::new(ip, port))
            .ok_or_else(|| os(libc::EADDRINUSE))
    }

    fn datagram_port_taken(&self, node: NodeId, address: SocketAddr) -> bool {
        self.net.datagrams.iter().any(|(_, other)| {
            let (one, two) = (other.local.ip(), address.ip());
            other.node == node
                && other.local.port() == address.port()
                && (one == two || stands_for(one, two) || stands_for(two, one))
        })
    }

    /// Fixes the peer, and with it the source address.
    pub(crate) fn udp_connect(&mut self, id: UdpId, target: SocketAddr) -> io::Result<()> {
        let socket = self.net.udp(id)?;
        let is_foreign = match target {
            SocketAddr::V4(_) => socket.only_v6,
            SocketAddr::V6(_) => !socket.is_v6,
        };
        if is_foreign {
            return Err(os(libc::EAFNOSUPPORT));
        }
        let target = this_host(target, Some(socket.local));
        let may_broadcast = socket.options.is_on(SocketOption::Broadcast);
        if is_broadcast(target.ip()) && !may_broadcast {
            return Err(os(libc::EACCES));
        }
        let source = self.datagram_source(id, target.ip())?;
        let socket = self.net.udp_mut(id)?;
        socket.peer = Some(target);
        // One that was connected to an address of IPv6 keeps its own for those of IPv4.
        if source.is_ipv6() || socket.local.is_ipv4() || socket.local.ip().is_unspecified() {
            socket.local.set_ip(source);
        }
        Ok(())
    }

    /// Joins a group, or leaves it.
    pub(crate) fn udp_group(
        &mut self,
        id: UdpId,
        group: IpAddr,
        interface: Interface,
        joins: bool,
    ) -> io::Result<()> {
        if !group.is_multicast() {
            return Err(os(libc::EINVAL));
        }
        let node = self.net.udp(id)?.node;
        let on_loopback = match interface {
            Interface::Address(Ipv4Addr::UNSPECIFIED) | Interface::Index(0 | 2) => false,
            Interface::Address(address) if address.is_loopback() => true,
            Interface::Index(1) => true,
            Interface::Address(address) if self.is_own(node, address.into()) => false,
            _ => return Err(os(libc::ENODEV)),
        };
        let socket = self.net.udp_mut(id)?;
        let membership = (group, on_loopback);
        match (joins, socket.groups.contains(&membership)) {
            (true, true) => Err(os(libc::EADDRINUSE)),
            (false, false) => Err(os(libc::EADDRNOTAVAIL)),
            (true, false) => {
                socket.groups.insert(membership);
                Ok(())
            }
            (false, true) => {
                socket.groups.remove(&membership);
                Ok(())
            }
        }
    }

    /// Closes a socket, as dropping its last handle does. What is on its way goes on.
    pub(crate) fn close_udp(&mut self, id: UdpId) {
        if self.net.udp(id).is_ok() {
            let mut socket = self.net.datagrams.remove(id.slot as usize);
            socket.readers.forget(&mut self.effects);
            socket.writers.forget(&mut self.effects);
        }
    }

    /// Closes every socket of a node, as its operating system does for a dead process.
    pub(in crate::world::net) fn close_datagrams_of(&mut self, node: NodeId) {
        let of_node = |(slot, socket): (usize, &Udp)| {
            (socket.node == node).then_some(UdpId {
                slot: slot as u32,
                serial: socket.serial,
            })
        };
        let closed: Vec<_> = self.net.datagrams.iter().filter_map(of_node).collect();
        for id in closed {
            // A task of another node may hold the socket and wait.
            if let Ok(socket) = self.net.udp_mut(id) {
                change_one(&mut socket.readers, &mut socket.writers, &mut self.effects);
            }
            self.close_udp(id);
        }
    }
}

impl super::super::Network {
    pub(crate) fn udp(&self, id: UdpId) -> io::Result<&Udp> {
        self.datagrams
            .get(id.slot as usize)
            .filter(|socket| socket.serial == id.serial)
            .ok_or_else(gone)
    }

    pub(crate) fn udp_mut(&mut self, id: UdpId) -> io::Result<&mut Udp> {
        self.datagrams
            .get_mut(id.slot as usize)
            .filter(|socket| socket.serial == id.serial)
            .ok_or_else(gone)
    }
}

/// Whether `ip` stands for every node of the network 10.0.0.0/16.
pub(super) fn is_broadcast(ip: IpAddr) -> bool {
    ip == Ipv4Addr::BROADCAST || ip == Ipv4Addr::new(10, 0, 255, 255)
}
