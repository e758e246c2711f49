//! Sockets that are yet to be put to use, and those that listen.

use std::collections::VecDeque;
use std::io;
use std::os::unix::net::SocketAddr;

use simoom::backend::UnixKind;

use super::names::{os, rebind, unnamed};
use super::table::Fresh;
use super::{Binding, End, Holder, SocketId, Waiting};
use crate::world::World;
use crate::world::node::NodeId;

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(super) node: NodeId,
    pub(super) binding: Binding,
    backlog: usize,
    /// Streams that were not accepted yet.
    pub(super) waiting: VecDeque<SocketId>,
    pub(crate) reading: Waiting,
}

/// The most that a backlog can be (`net.core.somaxconn`).
const BACKLOG_MAX: u32 = 4096;

impl Listener {
    pub(crate) fn local(&self) -> &SocketAddr {
        self.binding.address()
    }

    /// Whether there is a stream to accept.
    pub(crate) fn is_readable(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl World {
    /// A socket for streams of the running task's node.
    pub(crate) fn unix_socket(&mut self) -> SocketId {
        let serial = self.net.next_serial();
        let fresh = Fresh {
            node: self.current_node(),
            binding: None,
        };
        self.net.unix.fresh.insert(serial, fresh)
    }

    pub(crate) fn unix_bind(&mut self, id: SocketId, address: &SocketAddr) -> io::Result<()> {
        let fresh = self.net.unix.fresh.get(id)?;
        let node = fresh.node;
        if fresh.binding.is_some() {
            return rebind(address);
        }
        let binding = self.bind_name(node, address, Holder::Stream)?;
        self.net.unix.fresh.get_mut(id)?.binding = Some(binding);
        Ok(())
    }

    pub(crate) fn unix_listen(&mut self, id: SocketId, backlog: u32) -> io::Result<SocketId> {
        if self.net.unix.fresh.get(id)?.binding.is_none() {
            return Err(os(libc::EINVAL));
        }
        let fresh = self.net.unix.fresh.remove(id)?;
        let Some(binding) = fresh.binding else {
            return Err(os(libc::EINVAL));
        };
        let (key, serial) = (binding.key(), self.net.next_serial());
        let listener = Listener {
            node: fresh.node,
            binding,
            backlog: backlog.min(BACKLOG_MAX) as usize,
            waiting: VecDeque::new(),
            reading: Waiting::default(),
        };
        let listener = self.net.unix.listeners.insert(serial, listener);
        self.net.unix.names.hand(key, Holder::Listener(listener));
        Ok(listener)
    }

    /// Connects a socket; its stream waits to be accepted.
    pub(crate) fn unix_connect(
        &mut self,
        id: SocketId,
        address: &SocketAddr,
    ) -> io::Result<SocketId> {
        let node = self.net.unix.fresh.get(id)?.node;
        let target = match self.find_name(node, address, UnixKind::Stream)? {
            Holder::Listener(target) => target,
            Holder::Stream => return Err(os(libc::ECONNREFUSED)),
            Holder::Datagram(_) => return Err(os(libc::EPROTOTYPE)),
        };
        let listener = self.net.unix.listeners.get(target)?;
        if listener.waiting.len() > listener.backlog {
            return Err(os(libc::EAGAIN));
        }
        let far = listener.local().clone();
        let fresh = self.net.unix.fresh.remove(id)?;
        let near = match &fresh.binding {
            Some(binding) => binding.address().clone(),
            None => unnamed(),
        };
        let mut opener = End::new(node, near.clone(), far.clone());
        opener.binding = fresh.binding;
        let stream = self.unix_connection([opener, End::new(node, far, near)]);
        let listener = self.net.unix.listeners.get_mut(target)?;
        listener.waiting.push_back(stream);
        listener.reading.change(&mut self.effects);
        Ok(stream)
    }

    /// Takes a waiting stream, of which the second end is the caller's.
    pub(crate) fn unix_accept(&mut self, id: SocketId) -> io::Result<(SocketId, SocketAddr)> {
        let listener = self.net.unix.listeners.get_mut(id)?;
        let Some(stream) = listener.waiting.pop_front() else {
            listener.reading.blocked = true;
            return Err(os(libc::EAGAIN));
        };
        let peer = self.unix_end(stream, 1)?.peer.clone();
        Ok((stream, peer))
    }
}
