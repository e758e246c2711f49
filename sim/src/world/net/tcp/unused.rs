//! Sockets of TCP that neither listen nor are connected.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::world::World;
use crate::world::net::{ConnectionId, ListenerId, Options, gone, meant, os, shown};
use crate::world::node::NodeId;

/// Names such a socket of one world; the serial is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnusedId {
    pub(crate) slot: u32,
    pub(crate) serial: u64,
}

/// A socket of TCP that neither listens nor is connected.
#[derive(Clone, Debug)]
pub(crate) struct Unused {
    pub(crate) serial: u64,
    pub(crate) node: NodeId,
    pub(crate) is_v6: bool,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) options: Options,
    pub(crate) linger_s: Option<u64>,
    pub(crate) device: Option<Vec<u8>>,
}

impl Unused {
    /// The address that it is bound to, as the socket shows it.
    pub(crate) fn shown_local(&self) -> SocketAddr {
        self.local
            .map_or_else(|| self.any(), |local| shown(local, self.is_v6))
    }

    /// The unspecified address of its family, with port 0.
    fn any(&self) -> SocketAddr {
        if self.is_v6 {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        }
    }
}

impl World {
    pub(crate) fn tcp_socket(&mut self, is_v6: bool) -> io::Result<UnusedId> {
        let node = self.current_node();
        self.take_descriptor(node)?;
        let serial = self.net.next_serial();
        let socket = Unused {
            serial,
            node,
            is_v6,
            local: None,
            options: Options::stream(is_v6),
            linger_s: None,
            device: None,
        };
        Ok(UnusedId {
            slot: self.net.unused.insert(socket) as u32,
            serial,
        })
    }

    pub(crate) fn unused(&mut self, id: UnusedId) -> io::Result<&mut Unused> {
        self.net
            .unused
            .get_mut(id.slot as usize)
            .filter(|socket| socket.serial == id.serial)
            .ok_or_else(gone)
    }

    pub(crate) fn close_unused(&mut self, id: UnusedId) {
        if self.unused(id).is_ok() {
            self.net.unused.remove(id.slot as usize);
        }
    }

    pub(in crate::world::net) fn close_unused_of(&mut self, node: NodeId) {
        self.net.unused.retain(|_, socket| socket.node != node);
    }

    pub(crate) fn bind_unused(&mut self, id: UnusedId, address: SocketAddr) -> io::Result<()> {
        let socket = self.unused(id)?.clone();
        if socket.local.is_some() {
            return Err(os(libc::EINVAL));
        }
        if address.is_ipv6() != socket.is_v6 {
            return Err(os(if socket.is_v6 {
                libc::EINVAL
            } else {
                libc::EAFNOSUPPORT
            }));
        }
        let local = self.claim(socket.node, meant(address), &socket.options, None)?;
        self.unused(id)?.local = Some(local);
        Ok(())
    }

    /// Has the socket listen; it is used up.
    pub(crate) fn listen_unused(&mut self, id: UnusedId, backlog: usize) -> io::Result<ListenerId> {
        let socket = self.unused(id)?.clone();
        let local = socket.local.unwrap_or_else(|| socket.any());
        // Others may share the port as long as nobody listens.
        let local = self.claim(socket.node, local, &socket.options, Some(id))?;
        self.close_unused(id);
        Ok(self.start_listening(socket.node, local, socket.is_v6, backlog, socket.options))
    }

    /// Starts to connect; the socket is used up.
    pub(crate) fn connect_unused(
        &mut self,
        id: UnusedId,
        target: SocketAddr,
    ) -> io::Result<ConnectionId> {
        let socket = self.unused(id)?.clone();
        self.close_unused(id);
        match (socket.is_v6, target.is_ipv6()) {
            (false, true) => return Err(os(libc::EAFNOSUPPORT)),
            // An address of IPv4 is too short.
            (true, false) => return Err(os(libc::EINVAL)),
            _ => {}
        }
        let connection =
            self.start_connecting(socket.node, target, socket.local, socket.options)?;
        if let Some(connection) = self.net.connection_mut(connection) {
            connection.ends[0].linger_s = socket.linger_s;
        }
        Ok(connection)
    }
}
