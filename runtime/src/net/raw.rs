//! Sockets that are made of bare descriptors, and give them back.
//!
//! This file holds `unsafe`: what a caller promises of a descriptor.

#![expect(unsafe_code, reason = "bare descriptors")]

use std::net::TcpStream;
use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use super::{TcpSocket, UnixSocket};

impl FromRawFd for TcpSocket {
    /// Takes over a socket that must be in non-blocking mode.
    ///
    /// # Safety
    /// As [`OwnedFd::from_raw_fd`].
    ///
    /// # Panics
    /// Outside a runtime, and under simulation, where there are no descriptors.
    ///
    /// # Examples
    /// ```
    /// use std::os::fd::{FromRawFd, IntoRawFd};
    ///
    /// use simoom::net::TcpSocket;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let socket = TcpSocket::new_v4().unwrap();
    /// socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    /// let addr = socket.local_addr().unwrap();
    /// let descriptor = socket.into_raw_fd();
    /// // SAFETY: the descriptor was given away above.
    /// let socket = unsafe { TcpSocket::from_raw_fd(descriptor) };
    /// assert_eq!(socket.listen(1).unwrap().local_addr().unwrap(), addr);
    /// # });
    /// ```
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller promises that the descriptor is open and nobody else's.
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        Self::from_std_stream(TcpStream::from(owned))
    }
}

impl IntoRawFd for TcpSocket {
    /// Gives the socket away.
    ///
    /// # Panics
    /// Under simulation, where there are no descriptors; when the process has none left.
    fn into_raw_fd(self) -> RawFd {
        into_raw_fd(&self)
    }
}

impl FromRawFd for UnixSocket {
    /// Takes over a socket that must be in non-blocking mode.
    ///
    /// # Safety
    /// As [`OwnedFd::from_raw_fd`].
    ///
    /// # Panics
    /// Outside a runtime, and under simulation, where there are no descriptors.
    ///
    /// # Examples
    /// ```
    /// use std::os::fd::{FromRawFd, IntoRawFd};
    ///
    /// use simoom::net::UnixSocket;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let messages = UnixSocket::new_datagram().unwrap().into_raw_fd();
    /// let stream = UnixSocket::new_stream().unwrap().into_raw_fd();
    /// // SAFETY: both descriptors were given away above.
    /// let (messages, stream) = unsafe {
    ///     (UnixSocket::from_raw_fd(messages), UnixSocket::from_raw_fd(stream))
    /// };
    /// assert!(messages.datagram().is_ok());
    /// assert!(stream.datagram().is_err());
    /// # });
    /// ```
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller promises that the descriptor is open and nobody else's.
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        Self::adopt(owned).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl IntoRawFd for UnixSocket {
    /// Gives the socket away.
    ///
    /// # Panics
    /// Under simulation, where there are no descriptors; when the process has none left.
    fn into_raw_fd(self) -> RawFd {
        into_raw_fd(&self)
    }
}

/// A second descriptor of the same socket, whose own is closed with it.
fn into_raw_fd(socket: &impl AsFd) -> RawFd {
    let twin = socket.as_fd().try_clone_to_owned();
    let twin = twin.unwrap_or_else(|error| panic!("{error}"));
    twin.into_raw_fd()
}
