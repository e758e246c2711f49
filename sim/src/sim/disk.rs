//! Disks of nodes, as a test holds them.

use std::io;
use std::panic::Location;
use std::path::Path;
use std::time::Duration;

use super::node::Node;
use super::simulation::with;
use crate::world::World;
use crate::world::files::Machine;
use crate::world::node::NodeId;

/// The disk of a node, as a test looks at it from outside: without taking time, and without faults.
///
/// A disk is there from the start, with empty directories `/run` and `/tmp`, and outlives kills and restarts
/// of its node. Only [`Node::power_loss`] takes what was not synced, and [`wipe`](Self::wipe)
/// everything.
///
/// # Examples
/// ```
/// use simoom_sim::{Config, check};
///
/// check(Config::default().seeds(3), |sim| async move {
///     let server = sim.node("server");
///     server.disk().write("/etc/greeting", b"hello").unwrap();
///     let task = server.spawn(async {
///         let text = simoom::fs::read_to_string("/etc/greeting").await.unwrap();
///         simoom::fs::write("/tmp/answer", text).await.unwrap();
///     });
///     task.await.unwrap();
///     assert_eq!(server.disk().read("/tmp/answer").unwrap(), b"hello");
///     assert_eq!(server.disk().list("/tmp").unwrap(), ["answer"]);
/// })
/// .unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Disk {
    world: u64,
    node: NodeId,
}

impl Node {
    /// The node's disk.
    #[must_use]
    pub fn disk(&self) -> Disk {
        Disk {
            world: self.world,
            node: self.id,
        }
    }
}

impl Disk {
    fn with<R>(&self, f: impl FnOnce(&mut Machine, i64) -> R) -> R {
        with(self.world, |backend| {
            backend.with(|world: &mut World| {
                let wall_ns = world.wall_of(self.node);
                f(world.files.machine(self.node, wall_ns), wall_ns)
            })
        })
    }

    /// The content of a file as processes see it now.
    ///
    /// # Errors
    /// As [`simoom::fs::read`].
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        self.with(|machine, _| machine.disk.read_whole(path.as_ref()))
    }

    /// The content of a file that is on the disk for certain, whatever its name may be after a
    /// loss of power: what was synced.
    ///
    /// # Errors
    /// As [`simoom::fs::read`].
    pub fn read_synced(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        self.with(|machine, _| machine.disk.read_durable(path.as_ref()))
    }

    /// Puts a file on the disk, with the directories above it, as if it had always been there:
    /// synced, names and all.
    ///
    /// # Errors
    /// As [`simoom::fs::write`].
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.with(|machine, wall_ns| machine.disk.put(path.as_ref(), bytes.as_ref(), wall_ns))
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// As [`simoom::fs::read_dir`].
    pub fn list(&self, path: impl AsRef<Path>) -> io::Result<Vec<String>> {
        self.with(|machine, _| {
            let found = machine.disk.list(path.as_ref())?;
            let names = found.into_iter();
            Ok(names
                .map(|(name, ..)| name.to_string_lossy().into_owned())
                .collect())
        })
    }

    /// Whether a path names something.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.with(|machine, _| machine.disk.stat_path(path.as_ref(), true, 0).is_ok())
    }

    /// Removes a file, for good.
    ///
    /// # Errors
    /// As [`simoom::fs::remove_file`].
    pub fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.with(|machine, wall_ns| {
            machine.disk.remove_file(path.as_ref(), wall_ns)?;
            machine.disk.sync_everything();
            Ok(())
        })
    }

    /// Takes everything off the disk, as if it had been replaced by a new one.
    ///
    /// # Panics
    /// If the node is alive: a running process would not outlive this.
    #[track_caller]
    pub fn wipe(&self) {
        let is_alive = with(self.world, |backend| {
            backend.with(|world| world.nodes[self.node.0 as usize].alive)
        });
        assert!(!is_alive, "kill the node before its disk is wiped");
        Node::new(self.world, self.node).tell("disk.wiped", Location::caller());
        self.with(|machine, wall_ns| machine.wipe(wall_ns));
    }

    /// Sets how many bytes all files together may take, in units of 4 KiB. A write that finds no
    /// room writes what fits, then fails with `StorageFull` (`ENOSPC`). Default: no limit.
    pub fn capacity(&self, bytes: u64) -> &Self {
        self.with(|machine, _| machine.disk.set_capacity(Some(bytes)));
        self
    }

    /// Sets how long reading, writing, opening and changing directories take: `least`, plus what
    /// chance adds up to `most`. Default: 20 us to 1 ms.
    ///
    /// # Panics
    /// If `least` is more than `most`.
    #[track_caller]
    pub fn latency(&self, least: Duration, most: Duration) -> &Self {
        let range = range(least, most);
        self.with(|machine, _| machine.latency.access = range);
        self
    }

    /// Sets how long a sync takes. Default: 1 ms to 15 ms.
    ///
    /// # Panics
    /// If `least` is more than `most`.
    #[track_caller]
    pub fn sync_latency(&self, least: Duration, most: Duration) -> &Self {
        let range = range(least, most);
        self.with(|machine, _| machine.latency.sync = range);
        self
    }
}

#[track_caller]
fn range(least: Duration, most: Duration) -> (u64, u64) {
    assert!(
        least <= most,
        "the least latency {least:?} is more than the most, {most:?}"
    );
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4);
    (nanos(least), nanos(most))
}
