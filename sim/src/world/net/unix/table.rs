//! All Unix sockets of a world, by number.

use std::io;
use std::task::Waker;

use slab::Slab;

use super::{Binding, Connection, Datagram, Listener, Names};
use crate::world::node::NodeId;

/// Names a Unix socket of one world; the serial is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketId {
    slot: u32,
    pub(crate) serial: u64,
}

/// All Unix sockets of a world.
#[derive(Debug, Default)]
pub(crate) struct UnixSockets {
    pub(crate) fresh: Table<Fresh>,
    pub(crate) listeners: Table<Listener>,
    pub(crate) streams: Table<Connection>,
    pub(crate) datagrams: Table<Datagram>,
    pub(crate) names: Names,
}

/// A socket for streams that is yet to be put to use.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) node: NodeId,
    pub(crate) binding: Option<Binding>,
}

impl UnixSockets {
    /// Moves everyone who waits to `wakers`, at the end of a world.
    pub(crate) fn take_wakers(&mut self, wakers: &mut Vec<Waker>) {
        for listener in self.listeners.all_mut() {
            listener.reading.take_wakers(wakers);
        }
        for connection in self.streams.all_mut() {
            for end in &mut connection.ends {
                end.reading.take_wakers(wakers);
                end.writing.take_wakers(wakers);
            }
        }
        for datagram in self.datagrams.all_mut() {
            datagram.reading.take_wakers(wakers);
            datagram.writing.take_wakers(wakers);
        }
    }
}

/// Sockets of one sort.
#[derive(Debug)]
pub(crate) struct Table<T>(Slab<(u64, T)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Slab::new())
    }
}

impl<T> Table<T> {
    pub(crate) fn insert(&mut self, serial: u64, socket: T) -> SocketId {
        let slot = self.0.insert((serial, socket)) as u32;
        SocketId { slot, serial }
    }

    pub(crate) fn get(&self, id: SocketId) -> io::Result<&T> {
        match self.0.get(id.slot as usize) {
            Some((serial, socket)) if *serial == id.serial => Ok(socket),
            _ => Err(gone()),
        }
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> io::Result<&mut T> {
        match self.0.get_mut(id.slot as usize) {
            Some((serial, socket)) if *serial == id.serial => Ok(socket),
            _ => Err(gone()),
        }
    }

    pub(crate) fn remove(&mut self, id: SocketId) -> io::Result<T> {
        self.get(id)?;
        Ok(self.0.remove(id.slot as usize).1)
    }

    /// The sockets for which `is_wanted` holds.
    pub(crate) fn ids(&self, is_wanted: impl Fn(&T) -> bool) -> Vec<SocketId> {
        let wanted = self.0.iter().filter(|(_, (_, socket))| is_wanted(socket));
        wanted
            .map(|(slot, (serial, _))| SocketId {
                slot: slot as u32,
                serial: *serial,
            })
            .collect()
    }

    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, (_, socket))| socket)
    }
}

/// The error of operations on a socket that was closed behind its holder's back.
fn gone() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "the socket's node was killed or its world ended",
    )
}
