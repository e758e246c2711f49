//! Unix sockets. Every error is what Linux says.

mod address;
mod close;
mod datagram;
mod file;
mod listener;
mod pipe;
mod room;
mod socket;
mod split;
mod stream;

use std::io;
use std::path::{Path, PathBuf};

use simoom::net::UnixStream;
use simoom::net::unix::SocketAddr;

/// A name without a file, which nobody else has.
fn name() -> String {
    format!("\0simoom-{:016x}", simoom::rand::random::<u64>())
}

/// A path at which there is nothing. The file goes when this is dropped.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let name = format!("simoom-{:016x}.sock", simoom::rand::random::<u64>());
        // The directory that there is on every disk.
        Self(Path::new("/tmp").join(name))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for Place {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A simulated file is not on this machine's disk, which simulated code must not change.
        if self.0.exists() {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

/// Says that `result` is the error that Linux calls `number`.
#[track_caller]
fn is_error<T>(result: io::Result<T>, number: i32) {
    match result {
        Ok(_) => panic!(
            "no error, instead of {}",
            io::Error::from_raw_os_error(number)
        ),
        Err(error) => assert_eq!(error.raw_os_error(), Some(number), "{error:?}"),
    }
}

/// Says that `result` would block.
#[track_caller]
fn would_block<T>(result: io::Result<T>) {
    match result {
        Ok(_) => panic!("it did not block"),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error:?}"),
    }
}

fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

fn is_path(addr: &SocketAddr, path: &Path) -> bool {
    addr.as_pathname() == Some(path)
}

/// What Linux calls the errors.
mod errno {
    pub(super) const EPERM: i32 = 1;
    pub(super) const ENOENT: i32 = 2;
    pub(super) const EINVAL: i32 = 22;
    pub(super) const EPIPE: i32 = 32;
    pub(super) const EMSGSIZE: i32 = 90;
    pub(super) const EPROTOTYPE: i32 = 91;
    pub(super) const EADDRINUSE: i32 = 98;
    pub(super) const ECONNRESET: i32 = 104;
    pub(super) const ENOTCONN: i32 = 107;
    pub(super) const ECONNREFUSED: i32 = 111;
    pub(super) const EAGAIN: i32 = 11;
    pub(super) const ENXIO: i32 = 6;
    pub(super) const ENOTDIR: i32 = 20;
}
