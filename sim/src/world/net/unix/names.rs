//! The names of Unix sockets: files of a node, and names without a file.
//!
//! Owns which socket a name leads to. A file outlives its socket and its node's process, and leads
//! nowhere then; a name without a file goes with its socket.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::{Component, Path, PathBuf};

#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;

use simoom::backend::UnixKind;

use super::SocketId;
use crate::choice::hash_bytes;
use crate::record::EventKind;
use crate::world::World;
use crate::world::node::NodeId;

/// The names of all nodes.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Each holds a number of its own, so that a file that was removed leads nowhere even if
    /// another one takes its place.
    names: BTreeMap<(NodeId, Name), u64>,
    holders: BTreeMap<u64, Holder>,
    given: u64,
    /// How many names were made up.
    made_up: u32,
}

/// A socket's name on its node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    File(PathBuf),
    /// Sockets of different kinds do not see each other's.
    Abstract(UnixKind, Vec<u8>),
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
    number: u64,
    node: NodeId,
    name: Name,
    address: SocketAddr,
}

/// Which name a binding is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key(u64);

impl World {
    /// Gives a socket of `node` the address `address`, which leads to `holder`.
    pub(super) fn bind_name(
        &mut self,
        node: NodeId,
        address: &SocketAddr,
        holder: Holder,
    ) -> io::Result<Binding> {
        if let Some(path) = address
            .as_pathname()
            .filter(|path| !path.as_os_str().is_empty())
        {
            self.make_socket_file(node, path)?;
        }
        let binding = self.net.unix.names.bind(node, address, holder)?;
        self.note(EventKind::UnixBound, binding.number, binding.name.hash());
        Ok(binding)
    }
}

impl Names {
    /// Gives a socket of `node` the address `address`, which leads to `holder`.
    fn bind(&mut self, node: NodeId, address: &SocketAddr, holder: Holder) -> io::Result<Binding> {
        let kind = match holder {
            Holder::Stream | Holder::Listener(_) => UnixKind::Stream,
            Holder::Datagram(_) => UnixKind::Datagram,
        };
        let (name, address) = match name_of(address, kind) {
            Some(name) => (name, address.clone()),
            None => self.make_up(node, kind)?,
        };
        if self.names.contains_key(&(node, name.clone())) {
            return Err(os(libc::EADDRINUSE));
        }
        self.given += 1;
        let number = self.given;
        self.names.insert((node, name.clone()), number);
        self.holders.insert(number, holder);
        Ok(Binding {
            number,
            node,
            name,
            address,
        })
    }

    /// Who is behind the address `address` of `node`, for a socket of the kind `kind`.
    pub(super) fn find(
        &self,
        node: NodeId,
        address: &SocketAddr,
        kind: UnixKind,
    ) -> io::Result<Holder> {
        let Some(name) = name_of(address, kind) else {
            return Err(os(libc::EINVAL));
        };
        let missing = match name {
            Name::File(_) => libc::ENOENT,
            Name::Abstract(..) => libc::ECONNREFUSED,
        };
        let number = self.names.get(&(node, name)).ok_or_else(|| os(missing))?;
        let holder = self.holders.get(number);
        holder.copied().ok_or_else(|| os(libc::ECONNREFUSED))
    }

    /// Lets a name lead to `holder` from now on.
    pub(super) fn hand(&mut self, key: Key, holder: Holder) {
        self.holders.insert(key.0, holder);
    }

    /// The socket of a name was closed.
    pub(super) fn release(&mut self, binding: Option<Binding>) {
        let Some(binding) = binding else { return };
        self.holders.remove(&binding.number);
        if let Name::Abstract(..) = binding.name {
            self.names.remove(&(binding.node, binding.name));
        }
    }

    /// Removes a socket's file of `node`; false if there is none. The socket goes on without it.
    pub(crate) fn remove_file(&mut self, node: NodeId, path: &Path) -> bool {
        let name = Name::File(absolute(path));
        self.names.remove(&(node, name)).is_some()
    }

    /// Gives the socket whose file has moved its new name.
    pub(crate) fn move_file(&mut self, node: NodeId, from: &Path, to: &Path) {
        let (from, to) = (Name::File(absolute(from)), Name::File(absolute(to)));
        if from != to
            && let Some(number) = self.names.remove(&(node, from))
        {
            self.names.insert((node, to), number);
        }
    }

    /// Removes the files of `node` for which `is_there` is false.
    pub(crate) fn keep_files(&mut self, node: NodeId, is_there: impl Fn(&Path) -> bool) {
        self.names.retain(|(of, name), _| match name {
            Name::File(path) if *of == node => is_there(path),
            _ => true,
        });
    }

    /// A name without a file that is free, as Linux gives one to who asks for none.
    fn make_up(&mut self, node: NodeId, kind: UnixKind) -> io::Result<(Name, SocketAddr)> {
        loop {
            let text = format!("{:05x}", self.made_up & 0xf_ffff);
            self.made_up += 1;
            let name = Name::Abstract(kind, text.clone().into_bytes());
            if !self.names.contains_key(&(node, name.clone())) {
                return Ok((name, abstract_address(text.as_bytes())?));
            }
        }
    }
}

impl Name {
    fn hash(&self) -> u64 {
        let bytes = match self {
            Self::File(path) => path.as_os_str().as_bytes(),
            Self::Abstract(_, name) => name,
        };
        hash_bytes(bytes)
    }
}

impl Binding {
    pub(super) fn key(&self) -> Key {
        Key(self.number)
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

/// The name that an address stands for, unless it stands for none.
fn name_of(address: &SocketAddr, kind: UnixKind) -> Option<Name> {
    match address.as_pathname() {
        Some(path) => Some(Name::File(absolute(path))),
        None => abstract_name(address).map(|name| Name::Abstract(kind, name.to_vec())),
    }
}

/// The path from the root: every process starts there.
fn absolute(path: &Path) -> PathBuf {
    let mut whole = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::Normal(part) => whole.push(part),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    whole
}

#[cfg(test)]
mod tests;
