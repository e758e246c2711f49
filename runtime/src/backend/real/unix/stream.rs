//! A connected Unix stream.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::{self, SocketAddr};
use std::sync::Arc;

use mio::net::UnixStream as MioStream;
use tokio::io::ReadBuf;

use super::super::named::{Named, polled};
use super::super::shared::Shared;
use super::super::source::{READABLE, WRITABLE};
use super::super::sys;
use super::super::watched::is_all;
use crate::backend::{Credentials, Direction, ReadBytes, UnixStream, WriteBytes};

/// A stream.
pub(in super::super) struct RealUnixStream {
    socket: Named<MioStream>,
}

impl RealUnixStream {
    /// A stream that is connected already.
    pub(super) fn open(shared: Arc<Shared>, io: MioStream) -> io::Result<Self> {
        Self::new(shared, io, READABLE | WRITABLE)
    }

    /// Takes over a stream.
    pub(super) fn adopt(shared: Arc<Shared>, stream: net::UnixStream) -> io::Result<Self> {
        let io = MioStream::from_std(stream);
        Ok(Self {
            socket: Named::adopted(io, shared, READABLE | WRITABLE)?,
        })
    }

    pub(super) fn new(shared: Arc<Shared>, io: MioStream, readiness: usize) -> io::Result<Self> {
        Ok(Self {
            socket: Named::new(io, shared, readiness)?,
        })
    }

    /// Somebody else may hold a descriptor of it.
    pub(super) fn note_twin(&self) {
        self.socket.note_twin();
    }
}

polled!(RealUnixStream);

impl ReadBytes for RealUnixStream {
    /// Getting less than was asked for is no sign of an empty socket: descriptors that the peer
    /// sent along end a read too (unix(7), SCM_RIGHTS).
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.socket.attempt(Direction::Read, |io| {
            Ok((sys::receive(io.as_fd(), buf)?, false))
        })
    }

    fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket.attempt(Direction::Read, |io| {
            Ok((sys::read_vectored(io, bufs)?, false))
        })
    }
}

impl WriteBytes for RealUnixStream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.attempt(Direction::Write, |mut io| {
            let sent = io.write(bytes)?;
            Ok((sent, is_all(sent, bytes.len())))
        })
    }

    /// More parts than the kernel takes at once make a write partial: no sign of a full socket.
    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if let [bytes] = parts {
            return self.try_write(bytes);
        }
        self.socket.attempt(Direction::Write, |mut io| {
            Ok((io.write_vectored(parts)?, false))
        })
    }
}

impl UnixStream for RealUnixStream {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.io().shutdown(how)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().peer_addr()
    }

    fn peer_cred(&self) -> io::Result<Credentials> {
        sys::peer_cred(self.socket.io().as_fd())
    }

    fn to_std(&self) -> io::Result<net::UnixStream> {
        Ok(self.socket.twin()?.into())
    }
}
