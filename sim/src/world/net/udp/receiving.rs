//! Arriving: which sockets a datagram is for, and what its sender hears if there is none.

use std::io;
use std::net::SocketAddr;

use simoom::backend::SocketOption;
use simoom::time::Instant;

use super::flight::Datagram;
use super::socket::{Udp, UdpId, is_broadcast};
use crate::choice::hash_bytes;
use crate::record::EventKind;
use crate::world::net::errors::os;
use crate::world::net::shown;
use crate::world::net::waiting::change_one;
use crate::world::node::NodeId;
use crate::world::{Due, World};

impl World {
    /// A datagram has reached its node.
    pub(crate) fn land(&mut self, id: u64) {
        let Some(datagram) = self.take_flight(id) else {
            return;
        };
        self.because_of(datagram.cause);
        if self.is_cut(datagram.near, datagram.far) {
            // The machine was turned off meanwhile.
            self.note(EventKind::DatagramLost, datagram.flow.0, 0);
            return;
        }
        self.place(datagram.far);
        let event = self.note(
            EventKind::DatagramDelivered,
            datagram.flow.0,
            hash_bytes(&datagram.bytes),
        );
        self.because_of(event);
        let (node, ip) = (datagram.far, datagram.target.ip());
        if ip.is_multicast() || is_broadcast(ip) {
            for socket in self.group_members(node, &datagram) {
                self.put(socket, &datagram, event);
            }
            return;
        }
        match self.addressee(node, datagram.source, datagram.target) {
            Some(socket) => self.put(socket, &datagram, event),
            None => self.answer_unreachable(&datagram),
        }
    }

    /// The socket of `node` that fits best: connected to the source before any, bound to the
    /// address before all addresses.
    pub(super) fn addressee(
        &self,
        node: NodeId,
        source: SocketAddr,
        target: SocketAddr,
    ) -> Option<UdpId> {
        let fits = |socket: &Udp| {
            socket.node == node && socket.is_bound_to(target) && !socket.refuses(source)
        };
        let score = |socket: &Udp| {
            (
                socket.peer.is_some(),
                socket.local.ip() == target.ip(),
                // The first one of equals.
                std::cmp::Reverse(socket.serial),
            )
        };
        let sockets = self.net.datagrams.iter();
        let best = sockets
            .filter(|(_, socket)| fits(socket))
            .max_by_key(|(_, socket)| score(socket));
        best.map(|(slot, socket)| UdpId {
            slot: slot as u32,
            serial: socket.serial,
        })
    }

    /// The sockets of `node` that get a datagram for many.
    fn group_members(&self, node: NodeId, datagram: &Datagram) -> Vec<UdpId> {
        let fits = |socket: &Udp| {
            socket.node == node
                && socket.is_bound_to(datagram.target)
                && !socket.refuses(datagram.source)
        };
        let sockets = self.net.datagrams.iter();
        sockets
            .filter(|(_, socket)| fits(socket))
            .map(|(slot, socket)| UdpId {
                slot: slot as u32,
                serial: socket.serial,
            })
            .collect()
    }

    /// Puts a datagram into a receive buffer, if there is room. It was delivered in `event`.
    fn put(&mut self, id: UdpId, datagram: &Datagram, event: u64) {
        let Ok(socket) = self.net.udp_mut(id) else {
            return;
        };
        // Linux looks whether the buffer is full already, not whether this one fits.
        if socket.charged > socket.options.value(SocketOption::ReceiveBuffer) as usize {
            self.note(EventKind::DatagramLost, datagram.flow.0, 1);
            return;
        }
        socket.charged += charge(datagram.bytes.len());
        socket
            .received
            .push_back((datagram.source, datagram.bytes.clone(), event));
        change_one(&mut socket.readers, &mut socket.writers, &mut self.effects);
        if let Some(fault) = datagram.fault {
            self.fault_observed(fault);
        }
    }

    /// Tells the sender that nobody is bound at the target: ICMP's "port unreachable".
    fn answer_unreachable(&mut self, datagram: &Datagram) {
        let (near, far) = (datagram.near, datagram.far);
        if self.is_cut(far, near) {
            return;
        }
        let link = self.link(far, near);
        let at = Instant::from_nanos(self.now_ns + link.least_ns as i64);
        let due = Due::Unreachable {
            socket: datagram.sender,
            target: datagram.target,
        };
        self.timers.insert(at, due);
    }

    /// The sender hears of it: only a connected socket takes notice (udp(7)).
    pub(crate) fn unreachable(&mut self, id: UdpId, target: SocketAddr) {
        let Ok(socket) = self.net.udp_mut(id) else {
            return;
        };
        if socket.peer == Some(target) {
            socket.error = Some(libc::ECONNREFUSED);
            change_one(&mut socket.readers, &mut socket.writers, &mut self.effects);
        }
    }

    /// Copies the next datagram into `target`, as much of it as there is room for.
    pub(crate) fn udp_receive(
        &mut self,
        id: UdpId,
        target: &mut [u8],
        peek: bool,
    ) -> io::Result<(usize, SocketAddr)> {
        let socket = self.net.udp_mut(id)?;
        if let Some(error) = socket.error.take() {
            return Err(os(error));
        }
        let Some((from, bytes, delivered)) = socket.received.front() else {
            return Err(os(libc::EAGAIN));
        };
        let (from, count) = (shown(*from, socket.is_v6), bytes.len().min(target.len()));
        let delivered = *delivered;
        target[..count].copy_from_slice(&bytes[..count]);
        if !peek {
            socket.charged -= charge(bytes.len());
            socket.received.pop_front();
        }
        self.sees(delivered);
        Ok((count, from))
    }
}

/// What a datagram takes of a receive buffer: its kernel memory, a power of two with room for
/// headers, and the structure that describes it.
fn charge(length: usize) -> usize {
    (length + 384).next_power_of_two() + 256
}
