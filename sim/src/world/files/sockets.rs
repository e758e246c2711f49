//! The files of Unix sockets.
//!
//! Owns that a socket's name is a file of its node's disk and goes when the file goes. Knows
//! nothing of what a socket does.

use std::io;
use std::path::Path;

use crate::world::World;
use crate::world::node::NodeId;

impl World {
    /// Makes the file that a socket is bound to.
    pub(crate) fn make_socket_file(&mut self, node: NodeId, path: &Path) -> io::Result<()> {
        let wall_ns = self.wall_of(node);
        let disk = &mut self.files.machine(node, wall_ns).disk;
        disk.make_socket(path, wall_ns)?;
        // The socket of an earlier file of this name.
        self.net.unix.names.remove_file(node, path);
        Ok(())
    }

    /// Forgets the names whose files are gone.
    pub(crate) fn forget_lost_sockets(&mut self, node: NodeId) {
        if let Some(machine) = self.files.machines.get(&node) {
            let disk = &machine.disk;
            let names = &mut self.net.unix.names;
            names.keep_files(node, |path| disk.is_socket(path));
        }
    }

    /// Gives a socket's name to its file's new one.
    pub(super) fn move_socket_file(&mut self, node: NodeId, from: &Path, to: &Path) {
        self.net.unix.names.move_file(node, from, to);
        self.forget_lost_sockets(node);
    }
}
