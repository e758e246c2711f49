//! A Unix socket for messages.

use std::ffi::OsStr;
use std::io;
use std::net::Shutdown;
#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
use std::os::fd::AsFd;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use socket2::{SockAddr, SockRef};
use tokio::io::ReadBuf;

use super::super::named::{Named, polled};
use super::super::shared::Shared;
use super::super::source::{READABLE, WRITABLE};
use super::super::sys;
use crate::backend::{Direction, UnixDatagram};

/// A socket for messages.
pub(in super::super) struct RealUnixDatagram {
    socket: Named<net::UnixDatagram>,
}

impl RealUnixDatagram {
    pub(super) fn adopt(shared: Arc<Shared>, io: net::UnixDatagram) -> io::Result<Self> {
        Ok(Self {
            socket: Named::adopted(io, shared, READABLE | WRITABLE)?,
        })
    }
}

polled!(RealUnixDatagram);

impl UnixDatagram for RealUnixDatagram {
    fn connect(&self, address: &SocketAddr) -> io::Result<()> {
        SockRef::from(self.socket.io()).connect(&raw_address(address)?)
    }

    fn try_send(&self, bytes: &[u8], target: Option<&SocketAddr>) -> io::Result<usize> {
        let target = target.map(raw_address).transpose()?;
        self.socket.attempt(Direction::Write, |io| {
            let sent = match &target {
                Some(target) => SockRef::from(io).send_to(bytes, target)?,
                None => io.send(bytes)?,
            };
            Ok((sent, false))
        })
    }

    fn try_recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.socket.attempt(Direction::Read, |io| {
            Ok((sys::receive(io.as_fd(), buf)?, false))
        })
    }

    fn try_recv_from(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, SocketAddr)> {
        self.socket.attempt(Direction::Read, |io| {
            let (received, from) = sys::receive_from(io.as_fd(), buf, false)?;
            Ok(((received, address(&from)?), false))
        })
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.io().shutdown(how)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().peer_addr()
    }

    fn to_std(&self) -> io::Result<net::UnixDatagram> {
        Ok(self.socket.twin()?.into())
    }
}

/// An address as `socket2` gives it. That of a sender without one is of no family.
fn address(raw: &SockAddr) -> io::Result<SocketAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = raw.as_abstract_namespace() {
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(raw.as_pathname().unwrap_or(Path::new("")))
}

/// An address as `socket2` takes it.
pub(super) fn raw_address(address: &SocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = address.as_pathname() {
        return SockAddr::unix(path);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = address.as_abstract_name() {
        let name = [b"\0", name].concat();
        return SockAddr::unix(OsStr::from_bytes(&name));
    }
    SockAddr::unix("")
}
