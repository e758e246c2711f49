//! How connections end: by a FIN, a reset, an error, or with their node.

use std::io;
use std::net::Shutdown;

use simoom_faults::Kind;

use crate::record::EventKind;
use crate::world::World;
use crate::world::net::waiting::change_one;
use crate::world::net::{ConnectionId, End, ListenerId, Phase, Segment, gone};
use crate::world::node::NodeId;

impl World {
    pub(super) fn reset_arrived(&mut self, id: ConnectionId, to: usize) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let end = &connection.ends[to];
        let error = match end.phase {
            Phase::Opening if to == 0 => io::ErrorKind::ConnectionRefused,
            // Linux: a socket that has sent its FIN and received the other end's is closed or in
            // TIME_WAIT, and no error reaches its holder any more.
            Phase::Open if end.is_finished() => return,
            // Linux: a reset after the peer has finished is a broken pipe (tcp_reset).
            Phase::Open if end.fin_received => io::ErrorKind::BrokenPipe,
            _ => io::ErrorKind::ConnectionReset,
        };
        let is_observed = to == 0 && connection.refused_by_fault && end.held_open;
        if end.phase != Phase::Dead {
            if is_observed {
                self.fault_observed(Kind::NetConnectionRefused);
            }
            self.kill_end(id, to, error);
        }
    }

    /// Ends both ends, as a middlebox does that has forgotten a connection; the one at `end` is
    /// told by the operation under way.
    pub(super) fn reset_by_fault(&mut self, id: ConnectionId, end: usize) {
        self.fault_observed(Kind::NetConnectionReset);
        for it in [end, 1 - end] {
            let phase = self.net.connection(id).map(|found| found.ends[it].phase);
            if phase.is_some_and(|phase| phase != Phase::Dead) {
                self.kill_end(id, it, io::ErrorKind::ConnectionReset);
            }
        }
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[end].error = None;
        }
    }

    /// Ends one end with an error. What it received stays readable.
    pub(super) fn kill_end(&mut self, id: ConnectionId, end: usize, error: io::ErrorKind) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let (name, opener, number) = (connection.name, connection.opener, connection.number);
        let this = &mut connection.ends[end];
        let was_opening = this.phase == Phase::Opening;
        this.phase = Phase::Dead;
        this.error = Some(error);
        change_one(&mut this.readers, &mut this.writers, &mut self.effects);
        change_one(&mut this.writers, &mut this.readers, &mut self.effects);
        let attempt = connection.attempt.take_if(|_| end == 0);
        self.forget_due(attempt);
        self.forget_unsent(id, end);
        self.say(|world| format!("{}~{number}, {error}", world.paths.text(opener)));
        self.note(EventKind::ConnectionFailed, name.0, error as u64);
        if end == 1 && was_opening {
            self.forget_handshake(id);
        }
        if error == io::ErrorKind::TimedOut {
            self.probe_window(id, 1 - end);
        }
        self.renew_keepalive(id, 1 - end);
        self.forget_if_over(id);
    }

    pub(crate) fn shut(&mut self, id: ConnectionId, end: usize, how: Shutdown) -> io::Result<()> {
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        this.peer()?;
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            this.read_shut = true;
            change_one(&mut this.readers, &mut this.writers, &mut self.effects);
        }
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            this.fin_wanted = true;
            change_one(&mut this.writers, &mut this.readers, &mut self.effects);
            self.pump(id, end);
        }
        Ok(())
    }

    /// Closes one end, as dropping its last handle does.
    pub(crate) fn close(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let this = &mut connection.ends[end];
        if !this.held_open {
            return;
        }
        this.held_open = false;
        this.readers.forget(&mut self.effects);
        this.writers.forget(&mut self.effects);
        let abrupt = this.received_bytes > 0 || this.linger_s == Some(0);
        match this.phase {
            Phase::Open if abrupt => {
                this.phase = Phase::Dead;
                self.forget_unsent(id, end);
                self.send(id, end, Segment::Reset);
                self.renew_keepalive(id, 1 - end);
            }
            Phase::Open => {
                this.fin_wanted = true;
                self.pump(id, end);
            }
            Phase::Opening => {
                this.phase = Phase::Dead;
                let attempt = connection.attempt.take_if(|_| end == 0);
                self.forget_due(attempt);
                self.forget_unsent(id, end);
            }
            Phase::Dead => {}
        }
        self.forget_if_over(id);
    }

    pub(super) fn wake_holders(&mut self, id: ConnectionId, end: usize) {
        if let Some(connection) = self.net.connection_mut(id) {
            let this = &mut connection.ends[end];
            change_one(&mut this.readers, &mut this.writers, &mut self.effects);
            change_one(&mut this.writers, &mut this.readers, &mut self.effects);
        }
    }

    /// Closes one end with a reset.
    pub(super) fn close_abruptly(&mut self, id: ConnectionId, end: usize) {
        if let Some(connection) = self.net.connection_mut(id) {
            connection.ends[end].linger_s = Some(0);
        }
        self.close(id, end);
    }

    pub(crate) fn close_listener(&mut self, id: ListenerId) {
        if self.net.listener(id).is_none() {
            return;
        }
        let mut listener = self.net.listeners.remove(id.slot as usize);
        listener.waiting.forget(&mut self.effects);
        for waiting in listener.accepted {
            // Nobody will ever accept them: the peers are reset.
            self.close_abruptly(waiting, 1);
        }
    }

    /// Closes every socket of a node, as its operating system does for a dead process.
    pub(crate) fn close_sockets_of(&mut self, node: NodeId) {
        self.close_datagrams_of(node);
        self.close_unused_of(node);
        let listeners: Vec<_> = (self.net.listeners.iter())
            .filter(|(_, listener)| listener.node == node)
            .map(|(slot, listener)| ListenerId {
                slot: slot as u32,
                serial: listener.serial,
            })
            .collect();
        for listener in listeners {
            if let Some(listener) = self.net.listener_mut(listener) {
                listener.waiting.change(&mut self.effects);
            }
            self.close_listener(listener);
        }
        for (id, end) in self.net.ends() {
            let of = self.net.connection(id).map(|it| it.ends[end].node);
            if of == Some(node) {
                // A task of another node may hold the socket and wait.
                self.wake_holders(id, end);
                self.close(id, end);
            }
        }
    }

    /// Frees a connection that nobody holds and on which nothing travels.
    pub(in crate::world::net) fn forget_if_over(&mut self, id: ConnectionId) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let over = |end: &End| {
            !end.held_open
                && end.held.is_empty()
                && end.travelling.is_empty()
                && (end.phase != Phase::Open || (end.unsent.is_empty() && end.fin_sent))
        };
        if connection.ends.iter().all(over) {
            let connection = self.net.connections.remove(id.slot as usize);
            for end in &connection.ends {
                self.forget_due(end.probing);
                self.forget_due(end.patience);
                self.forget_due(end.small.and_then(|small| small.due));
            }
            self.keep_ports(&connection);
        }
    }
}
