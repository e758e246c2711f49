//! Sockets for messages: reliable, in order, and full after a few of them.
//!
//! Follows `unix_dgram_sendmsg` in the order in which it finds errors, since a program can tell.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;

use simoom::backend::{Direction, Signs, UnixKind};

use super::charge::{self, MESSAGE_MAX, SEND_MAX};
use super::names::{os, rebind, unnamed};
use super::stream::directions;
use super::{Binding, Holder, SocketId, Waiting};
use crate::choice::hash_bytes;
use crate::record::EventKind;
use crate::world::World;
use crate::world::node::NodeId;

/// A socket for messages.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(super) node: NodeId,
    pub(super) binding: Option<Binding>,
    peer: Option<Peer>,
    received: VecDeque<Message>,
    /// What it has sent and nobody has received.
    charged: usize,
    read_shut: bool,
    write_shut: bool,
    /// What the next operation returns.
    error: Option<i32>,
    pub(crate) reading: Waiting,
    pub(crate) writing: Waiting,
}

/// To whom a socket is connected, who may be gone.
#[derive(Clone, Debug)]
struct Peer {
    id: SocketId,
    address: SocketAddr,
}

#[derive(Debug)]
struct Message {
    bytes: Vec<u8>,
    from: SocketAddr,
    sender: SocketId,
    charge: usize,
    /// The event in which it was sent.
    sent: u64,
}

/// How many messages beyond this one a socket takes (`net.unix.max_dgram_qlen`).
const QUEUE_MAX: usize = 10;

impl Datagram {
    fn new(node: NodeId) -> Self {
        Self {
            node,
            binding: None,
            peer: None,
            received: VecDeque::new(),
            charged: 0,
            read_shut: false,
            write_shut: false,
            error: None,
            reading: Waiting::default(),
            writing: Waiting::default(),
        }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        match &self.binding {
            Some(binding) => binding.address().clone(),
            None => unnamed(),
        }
    }

    pub(crate) fn peer(&self) -> io::Result<SocketAddr> {
        match &self.peer {
            Some(peer) => Ok(peer.address.clone()),
            None => Err(os(libc::ENOTCONN)),
        }
    }

    fn is_connected_to(&self, id: SocketId) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.id == id)
    }

    pub(crate) fn waiting(&mut self, direction: Direction) -> &mut Waiting {
        match direction {
            Direction::Write => &mut self.writing,
            Direction::Read | Direction::Error | Direction::Priority => &mut self.reading,
        }
    }

    /// What is known of it. Linux tells of the end of writing when reading has ended too.
    pub(crate) fn signs(&self) -> Signs {
        Signs {
            read_closed: self.read_shut,
            write_closed: self.read_shut && self.write_shut,
            error: self.error.is_some(),
            priority: false,
        }
    }

    /// Whether there is something to read, be it an error or the end.
    pub(crate) fn is_readable(&self) -> bool {
        !self.received.is_empty() || self.error.is_some() || self.read_shut
    }

    pub(crate) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take().map(os)
    }
}

impl World {
    /// A socket for messages of the running task's node.
    pub(crate) fn unix_datagram(&mut self) -> SocketId {
        let serial = self.net.next_serial();
        let datagram = Datagram::new(self.current_node());
        self.net.unix.datagrams.insert(serial, datagram)
    }

    pub(crate) fn unix_datagram_bind(
        &mut self,
        id: SocketId,
        address: &SocketAddr,
    ) -> io::Result<()> {
        let this = self.net.unix.datagrams.get(id)?;
        let (node, is_bound) = (this.node, this.binding.is_some());
        if is_bound {
            return rebind(address);
        }
        let binding = self.bind_name(node, address, Holder::Datagram(id))?;
        self.net.unix.datagrams.get_mut(id)?.binding = Some(binding);
        Ok(())
    }

    /// Two sockets of the running task's node that are connected to each other.
    pub(crate) fn unix_datagram_pair(&mut self) -> io::Result<[SocketId; 2]> {
        let mut ids = [self.unix_datagram(), self.unix_datagram()];
        for _ in 0..2 {
            let [one, other] = ids;
            self.net.unix.datagrams.get_mut(one)?.peer = Some(Peer {
                id: other,
                address: unnamed(),
            });
            ids.reverse();
        }
        Ok(ids)
    }

    /// The socket for messages at `address`.
    fn unix_receiver(&mut self, node: NodeId, address: &SocketAddr) -> io::Result<SocketId> {
        match self.find_name(node, address, UnixKind::Datagram)? {
            Holder::Datagram(id) => Ok(id),
            Holder::Stream | Holder::Listener(_) => Err(os(libc::EPROTOTYPE)),
        }
    }

    /// Whether `to` takes messages from `from`.
    fn may_send(&self, from: SocketId, to: SocketId) -> io::Result<()> {
        let receiver = self.net.unix.datagrams.get(to)?;
        if receiver.peer.is_none() || receiver.is_connected_to(from) {
            return Ok(());
        }
        Err(os(libc::EPERM))
    }

    pub(crate) fn unix_datagram_connect(
        &mut self,
        id: SocketId,
        address: &SocketAddr,
    ) -> io::Result<()> {
        let node = self.net.unix.datagrams.get(id)?.node;
        let target = self.unix_receiver(node, address)?;
        self.may_send(id, target)?;
        let address = self.net.unix.datagrams.get(target)?.local();
        let this = self.net.unix.datagrams.get_mut(id)?;
        let peer = Peer {
            id: target,
            address,
        };
        let former = this.peer.replace(peer);
        if let Some(former) = former.filter(|former| former.id != target) {
            self.unix_disconnected(id, former.id);
        }
        self.net
            .unix
            .datagrams
            .get_mut(id)?
            .writing
            .change(&mut self.effects);
        Ok(())
    }

    /// What `id` received from the socket it was connected to is lost, and that one is told.
    fn unix_disconnected(&mut self, id: SocketId, former: SocketId) {
        let Ok(this) = self.net.unix.datagrams.get_mut(id) else {
            return;
        };
        let lost = std::mem::take(&mut this.received);
        if lost.is_empty() {
            return;
        }
        for message in &lost {
            self.unix_discharge(message.sender, message.charge);
        }
        self.wake_senders_to(id);
        if let Ok(former) = self.net.unix.datagrams.get_mut(former)
            && former.is_connected_to(id)
        {
            former.error = Some(libc::ECONNRESET);
            former.reading.change(&mut self.effects);
            former.writing.change(&mut self.effects);
        }
    }

    /// A message is gone: its sender is told of the room.
    fn unix_discharge(&mut self, sender: SocketId, charge: usize) {
        if let Ok(sender) = self.net.unix.datagrams.get_mut(sender) {
            sender.charged -= charge;
            if charge::has_room(sender.charged) {
                sender.writing.change(&mut self.effects);
            }
        }
    }

    /// Wakes those that are connected to `receiver`. Others are not told on Linux either.
    fn wake_senders_to(&mut self, receiver: SocketId) {
        let connected = |socket: &Datagram| socket.is_connected_to(receiver);
        for id in self.net.unix.datagrams.ids(connected) {
            if let Ok(socket) = self.net.unix.datagrams.get_mut(id)
                && charge::has_room(socket.charged)
            {
                socket.writing.change(&mut self.effects);
            }
        }
    }

    pub(crate) fn unix_send(
        &mut self,
        id: SocketId,
        bytes: &[u8],
        target: Option<&SocketAddr>,
    ) -> io::Result<usize> {
        let sent = self.unix_try_send(id, bytes, target);
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.net.unix.datagrams.get_mut(id)?.writing.blocked = true;
        }
        sent
    }

    fn unix_try_send(
        &mut self,
        id: SocketId,
        bytes: &[u8],
        target: Option<&SocketAddr>,
    ) -> io::Result<usize> {
        let this = self.net.unix.datagrams.get_mut(id)?;
        if target.is_some_and(SocketAddr::is_unnamed) {
            return Err(os(libc::EINVAL));
        }
        if bytes.len() > MESSAGE_MAX {
            return Err(os(libc::EMSGSIZE));
        }
        if let Some(error) = this.error.take() {
            return Err(os(error));
        }
        if this.write_shut {
            return Err(os(libc::EPIPE));
        }
        if this.charged >= SEND_MAX {
            return Err(os(libc::EAGAIN));
        }
        let (node, from, peer) = (this.node, this.local(), this.peer.clone());
        let receiver = match (target, peer) {
            (Some(address), _) => self.unix_receiver(node, address)?,
            (None, Some(peer)) if self.net.unix.datagrams.get(peer.id).is_ok() => peer.id,
            (None, Some(peer)) => {
                self.net.unix.datagrams.get_mut(id)?.peer = None;
                self.unix_disconnected(id, peer.id);
                return Err(os(libc::ECONNREFUSED));
            }
            (None, None) => return Err(os(libc::ENOTCONN)),
        };
        self.may_send(id, receiver)?;
        let sent = self.record.count() + 1;
        let other = self.net.unix.datagrams.get_mut(receiver)?;
        if other.read_shut {
            return Err(os(libc::EPIPE));
        }
        let is_bounded = receiver != id && !other.is_connected_to(id);
        if is_bounded && other.received.len() > QUEUE_MAX {
            return Err(os(libc::EAGAIN));
        }
        let charge = charge::of_message(bytes.len());
        other.received.push_back(Message {
            bytes: bytes.to_vec(),
            from,
            sender: id,
            charge,
            sent,
        });
        other.reading.change(&mut self.effects);
        self.net.unix.datagrams.get_mut(id)?.charged += charge;
        self.note(EventKind::UnixSent, id.serial, hash_bytes(bytes));
        Ok(bytes.len())
    }

    pub(crate) fn unix_recv(
        &mut self,
        id: SocketId,
        target: &mut [u8],
    ) -> io::Result<(usize, SocketAddr)> {
        let this = self.net.unix.datagrams.get_mut(id)?;
        if let Some(error) = this.error.take() {
            return Err(os(error));
        }
        let Some(message) = this.received.pop_front() else {
            // Also when nothing can come any more: only a call that blocks would see the end.
            this.reading.blocked = true;
            return Err(os(libc::EAGAIN));
        };
        let count = message.bytes.len().min(target.len());
        target[..count].copy_from_slice(&message.bytes[..count]);
        let was_full = this.received.len() == QUEUE_MAX;
        self.unix_discharge(message.sender, message.charge);
        if was_full {
            self.wake_senders_to(id);
        }
        self.sees(message.sent);
        Ok((count, message.from))
    }

    pub(crate) fn unix_datagram_shut(&mut self, id: SocketId, how: Shutdown) -> io::Result<()> {
        let (reading, writing) = directions(how);
        let this = self.net.unix.datagrams.get_mut(id)?;
        this.read_shut |= reading;
        this.write_shut |= writing;
        this.reading.change(&mut self.effects);
        this.writing.change(&mut self.effects);
        Ok(())
    }

    pub(super) fn close_unix_datagram(&mut self, id: SocketId) {
        let Ok(mut datagram) = self.net.unix.datagrams.remove(id) else {
            return;
        };
        datagram.reading.forget(&mut self.effects);
        datagram.writing.forget(&mut self.effects);
        let unread = datagram.received.len() as u64;
        for message in &datagram.received {
            self.unix_discharge(message.sender, message.charge);
        }
        self.wake_senders_to(id);
        self.note(EventKind::UnixClosed, id.serial, unread);
        self.net.unix.names.release(datagram.binding);
    }
}
