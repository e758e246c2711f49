//! What a machine that loses its power does to the network: nothing.
//!
//! Its sockets vanish without a word. While it is off, what is sent to it gets nowhere: datagrams are
//! lost, segments wait at their sender as behind a cut link, and time out there. When it is on again, its kernel knows none of
//! the old connections, and answers their segments with resets.

use crate::world::World;
use crate::world::net::waiting::change_one;
use crate::world::net::{ConnectionId, Phase};
use crate::world::node::NodeId;

impl World {
    /// Forgets every socket of a machine; nobody is told.
    pub(crate) fn vanish_sockets_of(&mut self, node: NodeId) {
        for near in 0..self.nodes.len() {
            self.lose_flights(NodeId(near as u16), node);
        }
        self.close_datagrams_of(node);
        self.close_unused_of(node);
        let listeners: Vec<_> = (self.net.listeners.iter())
            .filter(|(_, listener)| listener.node == node)
            .map(|(slot, _)| slot)
            .collect();
        for slot in listeners {
            let mut listener = self.net.listeners.remove(slot);
            // A task of another node may hold the socket and wait.
            listener.waiting.change(&mut self.effects);
        }
        for (id, end) in self.net.ends() {
            self.vanish_end(id, end, node);
        }
        for (id, end) in self.net.ends() {
            if let Some(connection) = self.net.connection(id) {
                let near = connection.ends[end].node;
                self.hold_travelling(id, end, near, node);
            }
        }
        self.net.time_waits.retain(|past| past.node != node);
        self.renew_timers();
    }

    fn vanish_end(&mut self, id: ConnectionId, end: usize, node: NodeId) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        // The listener's side knows nothing of a connection before its first segment.
        let is_known = end == 0 || connection.listener.is_some();
        if connection.ends[end].node != node || !is_known {
            return;
        }
        let attempt = connection.attempt.take_if(|_| end == 0);
        self.forget_due(attempt);
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[end];
        this.vanished = true;
        this.phase = Phase::Dead;
        this.held_open = false;
        this.received.clear();
        this.received_bytes = 0;
        this.read_offset = 0;
        change_one(&mut this.readers, &mut this.writers, &mut self.effects);
        change_one(&mut this.writers, &mut this.readers, &mut self.effects);
        self.forget_unsent(id, end);
        self.probe_window(id, 1 - end);
        self.forget_if_over(id);
    }

    /// Lets segments reach a machine that is on again.
    pub(crate) fn reach_again(&mut self, node: NodeId) {
        for (id, end) in self.net.ends() {
            if let Some(connection) = self.net.connection(id) {
                let near = connection.ends[end].node;
                self.release_held(id, end, near, node);
            }
        }
        self.renew_timers();
    }
}
