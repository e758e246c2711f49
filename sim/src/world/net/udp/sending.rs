//! Sending: what is refused at once, and whom a datagram is for.

use std::io;
use std::net::{IpAddr, SocketAddr};

use simoom::backend::SocketOption;

use super::socket::{UdpId, is_broadcast};
use crate::world::World;
use crate::world::net::address::this_host;
use crate::world::net::errors::os;
use crate::world::node::NodeId;

/// The most bytes that fit into a datagram of IPv4, and of IPv6: 64 KiB without the headers.
const MOST_V4: usize = 65_507;
const MOST_V6: usize = 65_527;

impl World {
    /// Sends `bytes` to `target`, or to the connected peer.
    pub(crate) fn udp_send(
        &mut self,
        id: UdpId,
        bytes: &[u8],
        target: Option<SocketAddr>,
    ) -> io::Result<usize> {
        let socket = self.net.udp(id)?;
        if bytes.len() > usize::from(u16::MAX) {
            return Err(os(libc::EMSGSIZE));
        }
        let Some(target) = target.or(socket.peer) else {
            return Err(os(libc::EDESTADDRREQ));
        };
        if target.port() == 0 {
            return Err(os(libc::EINVAL));
        }
        if target.is_ipv6() && !socket.is_v6 {
            return Err(os(libc::EAFNOSUPPORT));
        }
        let target = this_host(target, Some(socket.local));
        let may_broadcast = socket.options.is_on(SocketOption::Broadcast);
        if is_broadcast(target.ip()) && !may_broadcast {
            return Err(os(libc::EACCES));
        }
        let source = self.datagram_source(id, target.ip())?;
        let most = if target.is_ipv6() { MOST_V6 } else { MOST_V4 };
        if bytes.len() > most {
            return Err(os(libc::EMSGSIZE));
        }
        let socket = self.net.udp_mut(id)?;
        if let Some(error) = socket.error.take() {
            return Err(os(error));
        }
        let source = SocketAddr::new(source, socket.local.port());
        for node in self.receivers(id, target)? {
            self.launch(id, node, source, target, bytes.to_vec());
        }
        Ok(bytes.len())
    }

    /// The address that datagrams of the socket to `target` come from.
    pub(super) fn datagram_source(&self, id: UdpId, target: IpAddr) -> io::Result<IpAddr> {
        let socket = self.net.udp(id)?;
        let bound = socket.local.ip();
        match (bound, target) {
            (IpAddr::V4(_), IpAddr::V6(_)) => return Err(os(libc::EAFNOSUPPORT)),
            (IpAddr::V6(_), IpAddr::V4(_)) if socket.only_v6 => {
                return Err(os(libc::ENETUNREACH));
            }
            (IpAddr::V6(_), IpAddr::V4(_)) => {
                let source = self.source_for(socket.node, target);
                return source.ok_or_else(|| os(libc::ENETUNREACH));
            }
            _ => {}
        }
        if bound.is_loopback() {
            // Linux routes nothing that comes from the loopback address away from this host.
            let here = self.is_own(socket.node, target) || target.is_multicast();
            return if here {
                Ok(bound)
            } else {
                Err(os(libc::EINVAL))
            };
        }
        if !bound.is_unspecified() && !bound.is_multicast() && !is_broadcast(bound) {
            return Ok(bound);
        }
        self.source_for(socket.node, target)
            .ok_or_else(|| os(libc::ENETUNREACH))
    }

    /// The nodes that get what the socket sends to `target`.
    fn receivers(&self, id: UdpId, target: SocketAddr) -> io::Result<Vec<NodeId>> {
        let socket = self.net.udp(id)?;
        let own = socket.node;
        let all = || (0..self.nodes.len() as u16).map(NodeId);
        if is_broadcast(target.ip()) {
            return Ok(all().collect());
        }
        if !target.ip().is_multicast() {
            let one = if self.is_own(own, target.ip()) {
                Some(own)
            } else {
                self.net.addresses.get(&target.ip()).copied()
            };
            return Ok(one.into_iter().collect());
        }
        let on_loopback = socket.local.ip().is_loopback();
        let loops = socket.options.is_on(if target.is_ipv6() {
            SocketOption::MulticastLoopV6
        } else {
            SocketOption::MulticastLoopV4
        });
        let is_member = |node| {
            let mut sockets = self.net.datagrams.iter();
            sockets
                .any(|(_, it)| it.node == node && it.groups.contains(&(target.ip(), on_loopback)))
        };
        let gets = |&node: &NodeId| {
            let reached = if node == own { loops } else { !on_loopback };
            reached && is_member(node)
        };
        Ok(all().filter(gets).collect())
    }
}
