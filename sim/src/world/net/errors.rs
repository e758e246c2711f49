//! Errors as the operating system returns them: with its numbers.

use std::io;

/// The error of number `code`.
pub(crate) fn os(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

/// The error that Linux returns where `kind` is meant.
pub(crate) fn of_kind(kind: io::ErrorKind) -> io::Error {
    match number(kind) {
        Some(code) => os(code),
        None => kind.into(),
    }
}

fn number(kind: io::ErrorKind) -> Option<i32> {
    Some(match kind {
        io::ErrorKind::AddrInUse => libc::EADDRINUSE,
        io::ErrorKind::AddrNotAvailable => libc::EADDRNOTAVAIL,
        io::ErrorKind::BrokenPipe => libc::EPIPE,
        io::ErrorKind::ConnectionRefused => libc::ECONNREFUSED,
        io::ErrorKind::ConnectionReset => libc::ECONNRESET,
        io::ErrorKind::HostUnreachable => libc::EHOSTUNREACH,
        io::ErrorKind::InvalidInput => libc::EINVAL,
        io::ErrorKind::NetworkUnreachable => libc::ENETUNREACH,
        io::ErrorKind::NotConnected => libc::ENOTCONN,
        io::ErrorKind::PermissionDenied => libc::EACCES,
        io::ErrorKind::TimedOut => libc::ETIMEDOUT,
        io::ErrorKind::WouldBlock => libc::EAGAIN,
        _ => return None,
    })
}
