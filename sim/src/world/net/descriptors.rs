//! How many sockets and files a node may have open.

use std::io;

use super::errors::os;
use crate::world::World;
use crate::world::node::NodeId;

impl World {
    /// Fails if `node` has no descriptor left for one more socket or file.
    pub(crate) fn take_descriptor(&self, node: NodeId) -> io::Result<()> {
        let limit = self.net.descriptor_limits.get(&node);
        let open = || self.open_sockets(node) + self.files.open_by(node);
        if limit.is_some_and(|&limit| open() >= limit) {
            return Err(os(libc::EMFILE));
        }
        Ok(())
    }

    /// The sockets of TCP and UDP that the node's process holds; those that wait to be accepted are
    /// the kernel's.
    fn open_sockets(&self, node: NodeId) -> usize {
        let listeners = self.net.listeners.iter().filter(|(_, it)| it.node == node);
        let datagrams = self.net.datagrams.iter().filter(|(_, it)| it.node == node);
        let unused = self.net.unused.iter().filter(|(_, it)| it.node == node);
        let queued = listeners.clone().map(|(_, it)| it.accepted.len()).sum();
        let ends = self.net.connections.iter().flat_map(|(_, it)| &it.ends);
        let ends = ends.filter(|end| end.node == node && end.held_open);
        let opening = self.net.connections.iter().filter(|(_, it)| {
            let end = &it.ends[1];
            end.node == node && end.held_open && end.phase == super::Phase::Opening
        });
        (listeners.count() + datagrams.count() + unused.count() + ends.count())
            .saturating_sub(opening.count())
            .saturating_sub(queued)
    }
}
