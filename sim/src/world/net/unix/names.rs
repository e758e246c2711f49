//! The names of Unix sockets: files of a node's disk, and names without a file.
//!
//! Owns which socket a name leads to. A file outlives its socket and its node's process, and leads
//! nowhere then; a name without a file goes with its socket. Knows nothing of where a file stands:
//! the disk gives each a number that is never given again.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;

#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;

use simoom::backend::UnixKind;

use super::SocketId;
use crate::choice::hash_bytes;
use crate::disk::Ino;
use crate::record::EventKind;
use crate::world::World;
use crate::world::node::NodeId;

/// The names of all nodes.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Who is behind a file, and behind every name without one that is taken.
    holders: BTreeMap<Key, Holder>,
    /// How many names were made up.
    made_up: u32,
}

/// A socket's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    File(NodeId, Ino),
    /// Sockets of different kinds do not see each other's.
    Abstract(NodeId, UnixKind, Vec<u8>),
}

/// Who is behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A socket for streams that does not listen.
    Stream,
    /// A listener.
    Listener(SocketId),
    /// A socket for messages.
    Datagram(SocketId),
}

/// What a socket has of its name.
#[derive(Debug)]
pub(crate) struct Binding {
    key: Key,
    address: SocketAddr,
}

impl World {
    /// Gives a socket of `node` the address `address`, which leads to `holder`.
    pub(super) fn bind_name(
        &mut self,
        node: NodeId,
        address: &SocketAddr,
        holder: Holder,
    ) -> io::Result<Binding> {
        let kind = match holder {
            Holder::Stream | Holder::Listener(_) => UnixKind::Stream,
            Holder::Datagram(_) => UnixKind::Datagram,
        };
        let binding = match address.as_pathname() {
            Some(path) => {
                let now_ns = self.wall_of(node);
                let disk = &mut self.files.machine(node, now_ns).disk;
                Binding {
                    key: Key::File(node, disk.make_socket(path, now_ns)?),
                    address: address.clone(),
                }
            }
            None => self.net.unix.names.claim(node, kind, address)?,
        };
        let names = &mut self.net.unix.names;
        names.hand(binding.key(), holder);
        let text = format!("{:?}", binding.address);
        self.say(|world| format!("{} to {text}", world.nodes[node.0 as usize].name));
        self.note(
            EventKind::UnixBound,
            u64::from(node.0),
            hash_of(&binding.address),
        );
        Ok(binding)
    }

    /// Who is behind the address `address` of `node`, for a socket of the kind `kind`.
    pub(super) fn find_name(
        &mut self,
        node: NodeId,
        address: &SocketAddr,
        kind: UnixKind,
    ) -> io::Result<Holder> {
        let key = match (address.as_pathname(), abstract_name(address)) {
            (Some(path), _) => {
                let now_ns = self.wall_of(node);
                let disk = &mut self.files.machine(node, now_ns).disk;
                Key::File(node, disk.find_socket(path)?)
            }
            (None, Some(name)) => Key::Abstract(node, kind, name.to_vec()),
            (None, None) => return Err(os(libc::EINVAL)),
        };
        let holder = self.net.unix.names.holders.get(&key);
        holder.copied().ok_or_else(|| os(libc::ECONNREFUSED))
    }
}

impl Names {
    /// A name without a file: that of `address`, or one that is free if it has none.
    fn claim(&mut self, node: NodeId, kind: UnixKind, address: &SocketAddr) -> io::Result<Binding> {
        let Some(name) = abstract_name(address) else {
            return self.make_up(node, kind);
        };
        let key = Key::Abstract(node, kind, name.to_vec());
        if self.holders.contains_key(&key) {
            return Err(os(libc::EADDRINUSE));
        }
        let address = address.clone();
        Ok(Binding { key, address })
    }

    /// A name without a file that is free, as Linux gives one to who asks for none.
    fn make_up(&mut self, node: NodeId, kind: UnixKind) -> io::Result<Binding> {
        loop {
            let text = format!("{:05x}", self.made_up & 0xf_ffff);
            self.made_up += 1;
            let key = Key::Abstract(node, kind, text.clone().into_bytes());
            if !self.holders.contains_key(&key) {
                let address = abstract_address(text.as_bytes())?;
                return Ok(Binding { key, address });
            }
        }
    }

    /// Lets a name lead to `holder` from now on.
    pub(super) fn hand(&mut self, key: Key, holder: Holder) {
        self.holders.insert(key, holder);
    }

    /// The socket of a name was closed.
    pub(super) fn release(&mut self, binding: Option<Binding>) {
        if let Some(binding) = binding {
            self.holders.remove(&binding.key);
        }
    }
}

impl Binding {
    pub(super) fn key(&self) -> Key {
        self.key.clone()
    }

    pub(super) fn address(&self) -> &SocketAddr {
        &self.address
    }
}

/// The address of a socket that has none.
pub(super) fn unnamed() -> SocketAddr {
    SocketAddr::from_pathname("").expect("an empty path is not too long")
}

/// What binding a socket does that has a name: Linux gives one to who asks for any, once.
pub(super) fn rebind(address: &SocketAddr) -> io::Result<()> {
    if address.is_unnamed() {
        return Ok(());
    }
    Err(os(libc::EINVAL))
}

/// The error that Linux calls `number`.
pub(super) fn os(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

fn hash_of(address: &SocketAddr) -> u64 {
    match address.as_pathname() {
        Some(path) => hash_bytes(path.as_os_str().as_bytes()),
        None => hash_bytes(abstract_name(address).unwrap_or_default()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_name(address: &SocketAddr) -> Option<&[u8]> {
    address.as_abstract_name()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_name(_address: &SocketAddr) -> Option<&[u8]> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_address(_name: &[u8]) -> io::Result<SocketAddr> {
    Err(os(libc::EINVAL))
}
