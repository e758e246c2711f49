//! Errors of the system, by their numbers.

use std::io;

/// The error that the system calls `number`.
pub(crate) fn os(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// The process has as many files open as it may.
pub(crate) fn too_many_open() -> io::Error {
    os(libc::EMFILE)
}
