//! The system calls that neither `std`, `mio` nor `socket2` offers as they are needed here.
//!
//! This file holds `unsafe`: foreign functions.

#![expect(unsafe_code, reason = "system calls")]

use std::io::{self, IoSliceMut, Read};
use std::os::fd::{AsRawFd, BorrowedFd};
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::time::Duration;

use socket2::{SockAddr, SockRef};
use tokio::io::ReadBuf;

use crate::backend::Credentials;

/// Receives into the unfilled part of `buf`, and says how much.
pub(super) fn receive(socket: BorrowedFd<'_>, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    receive_with(socket, buf, 0)
}

/// As [`receive`], leaving the bytes in the socket.
pub(super) fn peek(socket: BorrowedFd<'_>, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    receive_with(socket, buf, libc::MSG_PEEK)
}

fn receive_with(
    socket: BorrowedFd<'_>,
    buf: &mut ReadBuf<'_>,
    flags: libc::c_int,
) -> io::Result<usize> {
    // SAFETY: nothing is read from the slice, and the kernel writes initialised bytes only.
    let free = unsafe { buf.unfilled_mut() };
    let received = retried(|| {
        // SAFETY: the pointer and the length are those of one mutable slice.
        let received = unsafe {
            libc::recv(
                socket.as_raw_fd(),
                free.as_mut_ptr().cast(),
                free.len(),
                flags,
            )
        };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    })?;
    // SAFETY: `recv` wrote that many bytes to the start of the unfilled part.
    unsafe { buf.assume_init(received) };
    buf.advance(received);
    Ok(received)
}

/// Receives a datagram into the unfilled part of `buf`, and says how much and from whom.
///
/// `peek` leaves it in the socket.
pub(super) fn receive_from(
    socket: BorrowedFd<'_>,
    buf: &mut ReadBuf<'_>,
    peek: bool,
) -> io::Result<(usize, SockAddr)> {
    let flags = if peek { libc::MSG_PEEK } else { 0 };
    // SAFETY: nothing is read from the slice, and `socket2` promises to write initialised bytes
    // only.
    let free = unsafe { buf.unfilled_mut() };
    let (received, from) = retried(|| SockRef::from(&socket).recv_from_with_flags(free, flags))?;
    // SAFETY: that many bytes were received into the start of the unfilled part.
    unsafe { buf.assume_init(received) };
    buf.advance(received);
    Ok((received, from))
}

/// Reads from what is no socket into the unfilled part of `buf`, and says how much.
pub(super) fn read(file: BorrowedFd<'_>, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    // SAFETY: nothing is read from the slice, and the kernel writes initialised bytes only.
    let free = unsafe { buf.unfilled_mut() };
    let read = retried(|| {
        // SAFETY: the pointer and the length are those of one mutable slice.
        let read = unsafe { libc::read(file.as_raw_fd(), free.as_mut_ptr().cast(), free.len()) };
        usize::try_from(read).map_err(|_| io::Error::last_os_error())
    })?;
    // SAFETY: `read` wrote that many bytes to the start of the unfilled part.
    unsafe { buf.assume_init(read) };
    buf.advance(read);
    Ok(read)
}

/// As [`read`], into several buffers: see `readv(2)`.
pub(super) fn read_vectored<S>(file: &S, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>
where
    for<'a> &'a S: Read,
{
    retried(|| {
        let mut file = file;
        file.read_vectored(bufs)
    })
}

/// What a file is open for: `O_RDONLY`, `O_WRONLY` or `O_RDWR`.
pub(super) fn access_mode(file: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    // SAFETY: the call takes no pointers, and the descriptor is open.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(flags & libc::O_ACCMODE)
}

/// Whose process the other end of a Unix stream is: see `unix(7)`, SO_PEERCRED.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn peer_cred(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let mut found = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    // SAFETY: the pointers are to values that live until the call returns, and the length is that
    // of the value that is written.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut found).cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Credentials {
        pid: Some(found.pid),
        uid: found.uid,
        gid: found.gid,
    })
}

/// Whose process the other end of a Unix stream is: see `getpeereid(3)`, which knows no process.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn peer_cred(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: both pointers are to values that live until the call returns.
    let result = unsafe { libc::getpeereid(socket.as_raw_fd(), &raw mut uid, &raw mut gid) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Credentials {
        pid: None,
        uid,
        gid,
    })
}

/// Waits until `descriptor` can be read or `timeout` has passed, to the nanosecond; true if it can.
///
/// See `ppoll(2)`. An interrupted wait has passed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn wait_readable(descriptor: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
    let mut waits = libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: both pointers are to values that live until the call returns, the number of entries
    // is 1, and a null mask changes no signals.
    let ready = unsafe { libc::ppoll(&raw mut waits, 1, &raw const timeout, std::ptr::null()) };
    if ready >= 0 {
        return Ok(ready > 0);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::Interrupted {
        return Ok(false);
    }
    Err(error)
}

/// What `call` returns when no signal interrupts it.
fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
