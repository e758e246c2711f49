//! How Unix sockets go away: one by one, or with their node's process.

use super::SocketId;
use crate::world::World;
use crate::world::node::NodeId;

/// What sort of socket a handle names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Closing {
    Fresh,
    Listener,
    /// One end of a stream.
    Stream {
        end: usize,
    },
    Datagram,
}

impl World {
    /// Closes a socket, as dropping its last handle does.
    pub(crate) fn close_unix(&mut self, id: SocketId, sort: Closing) {
        match sort {
            Closing::Fresh => {
                if let Ok(fresh) = self.net.unix.fresh.remove(id) {
                    self.net.unix.names.release(fresh.binding);
                }
            }
            Closing::Listener => self.close_unix_listener(id),
            Closing::Stream { end } => self.close_unix_end(id, end, true),
            Closing::Datagram => self.close_unix_datagram(id),
        }
    }

    fn close_unix_listener(&mut self, id: SocketId) {
        let Ok(mut listener) = self.net.unix.listeners.remove(id) else {
            return;
        };
        listener.reading.forget(&mut self.effects);
        for stream in listener.waiting {
            self.close_unix_end(stream, 1, false);
        }
        self.net.unix.names.release(Some(listener.binding));
    }

    /// Closes every Unix socket of a node, as its operating system does for a dead process. Files
    /// stay.
    pub(crate) fn close_unix_sockets_of(&mut self, node: NodeId) {
        for id in self.net.unix.fresh.ids(|it| it.node == node) {
            self.close_unix(id, Closing::Fresh);
        }
        for id in self.net.unix.listeners.ids(|it| it.node == node) {
            if let Ok(listener) = self.net.unix.listeners.get_mut(id) {
                // A task of another node may hold the socket and wait.
                listener.reading.change(&mut self.effects);
            }
            self.close_unix(id, Closing::Listener);
        }
        for id in self.net.unix.streams.ids(|it| it.ends[0].node == node) {
            for end in 0..2 {
                if let Ok(connection) = self.net.unix.streams.get_mut(id) {
                    let this = &mut connection.ends[end];
                    this.reading.change(&mut self.effects);
                    this.writing.change(&mut self.effects);
                }
                self.close_unix(id, Closing::Stream { end });
            }
        }
        for id in self.net.unix.datagrams.ids(|it| it.node == node) {
            if let Ok(socket) = self.net.unix.datagrams.get_mut(id) {
                socket.reading.change(&mut self.effects);
                socket.writing.change(&mut self.effects);
            }
            self.close_unix(id, Closing::Datagram);
        }
    }
}
