//! Looking things up by name.

use std::net::{IpAddr, Ipv4Addr};

use simoom::backend::Resource;

use super::World;
use super::net::ConnectionId;
use super::resources::Origin;

impl World {
    /// The address behind a host's name.
    pub(crate) fn lookup(&self, host: &str) -> Option<IpAddr> {
        if host.eq_ignore_ascii_case("localhost") {
            return Some(Ipv4Addr::LOCALHOST.into());
        }
        if let Ok(ip) = host.parse() {
            return Some(ip);
        }
        self.nodes
            .iter()
            .find(|node| node.name == host)
            .map(|node| node.ip)
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
        self.tasks.current().is_some_and(|entry| entry.doomed)
    }
}

impl World {
    /// What people call a direction of a connection.
    pub(crate) fn link_label(&self, name: crate::choice::ResourceName) -> String {
        self.resources.label(name, &self.paths)
    }

    /// Everything that waits for its time, at the end.
    pub(crate) fn take_due(&mut self) -> Vec<super::Due> {
        let mut due = Vec::new();
        while let Some((_, one)) = self.timers.pop(simoom::time::Instant::from_nanos(i64::MAX)) {
            due.push(one);
        }
        due
    }
}
