//! Looking things up by name.

use std::net::{IpAddr, Ipv4Addr};
use std::task::Waker;

use simoom::backend::Resource;

use super::World;
use super::net::ConnectionId;
use super::node::{Boot, NodeId};
use super::processes::Foreign;
use super::resources::Origin;
use super::tasks::TaskEntry;

impl World {
    /// The addresses behind a host's name; none if it is unknown.
    pub(crate) fn lookup(&self, host: &str) -> Vec<IpAddr> {
        if host.eq_ignore_ascii_case("localhost") {
            return vec![Ipv4Addr::LOCALHOST.into()];
        }
        if let Ok(ip) = host.parse() {
            return vec![ip];
        }
        let found = self.nodes.iter().position(|node| node.name == host);
        found.map_or_else(Vec::new, |index| {
            self.addresses_of(NodeId(index as u16)).collect()
        })
    }

    /// Names the resource of one direction of a connection.
    pub(crate) fn name_direction(&mut self, id: ConnectionId, away: bool, resource: &Resource) {
        let Some(connection) = self.net.connection(id) else {
            return;
        };
        let (opener, number) = (connection.opener, connection.number);
        let name = connection.name.direction(away);
        self.resources.name(
            self.id,
            resource,
            name,
            Origin::Direction {
                opener,
                number,
                away,
            },
        );
    }

    /// Whether the running task's node was killed under it.
    pub(crate) fn is_running_dead(&self) -> bool {
        self.tasks
            .current()
            .is_some_and(|entry| self.is_dead(entry))
    }

    /// Whether the node of `entry` was killed since the task was born, or its process has ended.
    pub(crate) fn is_dead(&self, entry: &TaskEntry) -> bool {
        !self.is_incarnation_of(entry) || entry.process.is_some_and(|id| self.processes.is_over(id))
    }

    /// Whether the node of `entry` was not killed since the task was born.
    pub(crate) fn is_incarnation_of(&self, entry: &TaskEntry) -> bool {
        entry.deaths == self.nodes[entry.node.0 as usize].deaths
    }
}

impl World {
    /// What people call a direction of a connection.
    pub(crate) fn link_label(&self, name: crate::choice::ResourceName) -> String {
        self.resources.label(name, &self.paths)
    }

    /// Everything foreign that is left at the end: who waits, what nodes would boot, and the programs.
    pub(crate) fn take_leftovers(&mut self) -> (Vec<Waker>, Vec<Boot>, Foreign) {
        let mut wakers = self.take_registered();
        while let Some((_, due)) = self.timers.pop(simoom::time::Instant::from_nanos(i64::MAX)) {
            if let super::Due::Wake(waker) | super::Due::Alarm { waker, .. } = due {
                wakers.push(waker);
            }
        }
        let boots = self.nodes.iter_mut().filter_map(|node| node.boot.take());
        (wakers, boots.collect(), self.processes.take_foreign())
    }

    /// Everyone who waits for something of this world, at its end: nobody is woken any more by what
    /// happens in it.
    pub(crate) fn take_registered(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for due in self.timers.values_mut() {
            if let super::Due::Wake(waker) | super::Due::Alarm { waker, .. } = due {
                wakers.push(std::mem::replace(waker, Waker::noop().clone()));
            }
        }
        for (_, connection) in &mut self.net.connections {
            for end in &mut connection.ends {
                end.readers.take_wakers(&mut wakers);
                end.writers.take_wakers(&mut wakers);
            }
        }
        for (_, listener) in &mut self.net.listeners {
            listener.waiting.take_wakers(&mut wakers);
        }
        for (_, socket) in &mut self.net.datagrams {
            socket.readers.take_wakers(&mut wakers);
            socket.writers.take_wakers(&mut wakers);
        }
        self.files.take_wakers(&mut wakers);
        self.net.unix.take_wakers(&mut wakers);
        self.net.pipes.take_wakers(&mut wakers);
        self.processes.take_wakers(&mut wakers);
        for node in &mut self.nodes {
            wakers.append(&mut node.signals.take_wakers());
            wakers.append(&mut node.end_wakers);
        }
        wakers
    }
}
