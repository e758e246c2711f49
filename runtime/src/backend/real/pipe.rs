//! Pipes of the real world.
//!
//! Owns descriptors and the attempts on them. Knows nothing of who waits.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;

use mio::unix::pipe;
use tokio::io::ReadBuf;

use super::local::Local;
use super::named::{Named, polled};
use super::shared::Shared;
use super::source::{READABLE, WRITABLE};
use super::sys;
use crate::backend::{
    Direction, PipeAccess, PipeReceiver, PipeSender, Pipes, ReadBytes, WriteBytes,
};

/// The writing end of a pipe.
struct RealSender {
    socket: Named<pipe::Sender>,
}

/// The reading end of a pipe.
struct RealReceiver {
    socket: Named<pipe::Receiver>,
}

impl Pipes for Shared {
    fn pipe(&self) -> io::Result<(Arc<dyn PipeSender>, Arc<dyn PipeReceiver>)> {
        let (sender, receiver) = pipe::new()?;
        let sender = Named::new(sender, self.this(), WRITABLE)?;
        let receiver = Named::new(receiver, self.this(), READABLE)?;
        Ok((
            Arc::new(RealSender { socket: sender }),
            Arc::new(RealReceiver { socket: receiver }),
        ))
    }

    fn open_pipe(&self, path: &Path, options: &OpenOptions, any: bool) -> io::Result<OwnedFd> {
        let file = options.open(path)?;
        if any { Ok(file.into()) } else { checked(file) }
    }

    fn check_pipe(&self, end: OwnedFd, access: PipeAccess) -> io::Result<OwnedFd> {
        let end = checked(end.into())?;
        let (wanted, otherwise) = match access {
            PipeAccess::Read => (libc::O_RDONLY, "not in O_RDONLY or O_RDWR access mode"),
            PipeAccess::Write => (libc::O_WRONLY, "not in O_WRONLY or O_RDWR access mode"),
        };
        let mode = sys::access_mode(end.as_fd())?;
        if mode != wanted && mode != libc::O_RDWR {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, otherwise));
        }
        let end = pipe::Receiver::from(end);
        end.set_nonblocking(true)?;
        Ok(end.into())
    }

    fn adopt_pipe_sender(&self, end: OwnedFd) -> io::Result<Arc<dyn PipeSender>> {
        let socket = Named::adopted(end.into(), self.this(), WRITABLE)?;
        Ok(Arc::new(RealSender { socket }))
    }

    /// A pipe with a name that nobody has opened to write yet reads as if it were at its end, but
    /// has no event: see `fifo(7)` and `poll(2)`. So the first event is waited for.
    fn adopt_pipe_receiver(&self, end: OwnedFd) -> io::Result<Arc<dyn PipeReceiver>> {
        let socket = Named::adopted(end.into(), self.this(), 0)?;
        socket.watch()?;
        Ok(Arc::new(RealReceiver { socket }))
    }
}

impl Pipes for Local {
    fn pipe(&self) -> io::Result<(Arc<dyn PipeSender>, Arc<dyn PipeReceiver>)> {
        self.shared().pipe()
    }

    fn open_pipe(&self, path: &Path, options: &OpenOptions, any: bool) -> io::Result<OwnedFd> {
        self.shared().open_pipe(path, options, any)
    }

    fn check_pipe(&self, end: OwnedFd, access: PipeAccess) -> io::Result<OwnedFd> {
        self.shared().check_pipe(end, access)
    }

    fn adopt_pipe_sender(&self, end: OwnedFd) -> io::Result<Arc<dyn PipeSender>> {
        self.shared().adopt_pipe_sender(end)
    }

    fn adopt_pipe_receiver(&self, end: OwnedFd) -> io::Result<Arc<dyn PipeReceiver>> {
        self.shared().adopt_pipe_receiver(end)
    }
}

polled!(RealSender, |_this| Ok(None));
polled!(RealReceiver, |_this| Ok(None));

impl ReadBytes for RealReceiver {
    /// Getting less than was asked for is no sign of an empty pipe: a packet of a pipe in that
    /// mode ends a read too (pipe(2), O_DIRECT).
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.socket.attempt(Direction::Read, |io| {
            Ok((sys::read(io.as_fd(), buf)?, false))
        })
    }

    fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket.attempt(Direction::Read, |io| {
            Ok((sys::read_vectored(io, bufs)?, false))
        })
    }
}

impl WriteBytes for RealSender {
    /// A part is no sign of a full pipe: it has room for whole pages.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let write = |mut io: &pipe::Sender| Ok((io.write(bytes)?, false));
        self.socket.attempt(Direction::Write, write)
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let write = |mut io: &pipe::Sender| Ok((io.write_vectored(parts)?, false));
        self.socket.attempt(Direction::Write, write)
    }
}

impl PipeReceiver for RealReceiver {
    fn to_fd(&self, blocking: bool) -> io::Result<OwnedFd> {
        let twin = self.socket.twin()?;
        self.socket.io().set_nonblocking(!blocking)?;
        Ok(twin)
    }
}

impl PipeSender for RealSender {
    fn to_fd(&self, blocking: bool) -> io::Result<OwnedFd> {
        let twin = self.socket.twin()?;
        self.socket.io().set_nonblocking(!blocking)?;
        Ok(twin)
    }
}

/// Passes `file` on if it is a pipe.
fn checked(file: File) -> io::Result<OwnedFd> {
    if !file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a pipe"));
    }
    Ok(file.into())
}
