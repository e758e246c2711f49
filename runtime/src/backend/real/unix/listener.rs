//! A listening Unix socket.

use std::io;
use std::os::unix::net::{self, SocketAddr};
use std::sync::Arc;

use mio::net::UnixListener as MioListener;

use super::super::named::{Named, polled};
use super::super::shared::Shared;
use super::super::source::READABLE;
use super::RealUnixStream;
use crate::backend::{Direction, UnixListener, UnixStream};

/// A listening socket.
pub(in super::super) struct RealUnixListener {
    socket: Named<MioListener>,
}

impl RealUnixListener {
    pub(super) fn adopt(shared: Arc<Shared>, listener: net::UnixListener) -> io::Result<Self> {
        let io = MioListener::from_std(listener);
        Ok(Self {
            socket: Named::adopted(io, shared, READABLE)?,
        })
    }
}

polled!(RealUnixListener);

impl UnixListener for RealUnixListener {
    fn try_accept(&self) -> io::Result<(Arc<dyn UnixStream>, SocketAddr)> {
        let accept = |io: &MioListener| io.accept().map(|accepted| (accepted, false));
        let (stream, address) = self.socket.attempt(Direction::Read, accept)?;
        let stream = RealUnixStream::open(self.socket.shared().clone(), stream)?;
        Ok((Arc::new(stream), address))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    fn to_std(&self) -> io::Result<net::UnixListener> {
        Ok(self.socket.twin()?.into())
    }
}
