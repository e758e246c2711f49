//! The seam's part for pipes.
//!
//! Owns what a world must offer so that pipes work. Knows nothing of how it does that.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;

use super::{ReadBytes, WriteBytes};
use crate::net::unix::pipe;

/// Where pipes come from.
pub trait Pipes {
    /// A new pipe without a name.
    fn pipe(&self) -> io::Result<(Arc<dyn PipeSender>, Arc<dyn PipeReceiver>)>;

    /// Opens the file of a pipe. Where `any` is false it is an error if it is none.
    fn open_pipe(&self, path: &Path, options: &OpenOptions, any: bool) -> io::Result<OwnedFd>;

    /// Fails if `end` is no pipe or not open for `access`, else puts it into non-blocking mode.
    fn check_pipe(&self, end: OwnedFd, access: PipeAccess) -> io::Result<OwnedFd>;

    /// Takes over the writing end of a pipe, which must be in non-blocking mode.
    fn adopt_pipe_sender(&self, end: OwnedFd) -> io::Result<Arc<dyn PipeSender>>;

    /// Takes over the reading end of a pipe, which must be in non-blocking mode.
    fn adopt_pipe_receiver(&self, end: OwnedFd) -> io::Result<Arc<dyn PipeReceiver>>;
}

/// What an end of a pipe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipeAccess {
    /// To read.
    Read,
    /// To write.
    Write,
}

/// The writing end of a pipe. Dropping it closes it.
pub trait PipeSender: WriteBytes {
    /// A second descriptor of the same end, for good: both are put into blocking mode if `blocking`
    /// says so.
    fn to_fd(&self, blocking: bool) -> io::Result<OwnedFd>;
}

/// The reading end of a pipe. Dropping it closes it.
pub trait PipeReceiver: ReadBytes {
    /// As [`PipeSender::to_fd`].
    fn to_fd(&self, blocking: bool) -> io::Result<OwnedFd>;
}

/// What a user holds of the writing end of a pipe that was made at `site`.
#[must_use]
pub fn sender_of(end: Arc<dyn PipeSender>, site: &'static Location<'static>) -> pipe::Sender {
    pipe::sender_of(end, site)
}

/// What a user holds of the reading end of a pipe that was made at `site`.
#[must_use]
pub fn receiver_of(end: Arc<dyn PipeReceiver>, site: &'static Location<'static>) -> pipe::Receiver {
    pipe::receiver_of(end, site)
}
