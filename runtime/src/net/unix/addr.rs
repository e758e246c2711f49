//! The addresses of Unix sockets.

use std::fmt;
use std::io;
#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net;
use std::path::Path;

/// The address of a Unix socket: a file, a name without a file (on Linux), or none.
///
/// Where a path is asked for, one that starts with a NUL byte stands for the name after it.
///
/// # Examples
/// ```
/// use simoom::net::unix::SocketAddr;
///
/// let addr = std::os::unix::net::SocketAddr::from_pathname("/tmp/sock").unwrap();
/// let addr = SocketAddr::from(addr);
/// assert_eq!(addr.as_pathname().unwrap().to_str(), Some("/tmp/sock"));
/// assert!(!addr.is_unnamed());
/// ```
#[derive(Clone)]
pub struct SocketAddr(pub(super) net::SocketAddr);

impl SocketAddr {
    /// Whether the socket has no address.
    #[must_use]
    pub fn is_unnamed(&self) -> bool {
        self.0.is_unnamed()
    }

    /// The path of the socket's file, if it has one.
    #[must_use]
    pub fn as_pathname(&self) -> Option<&Path> {
        self.0.as_pathname()
    }

    /// The socket's name in the abstract namespace, without the leading NUL, if it has one.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[must_use]
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        self.0.as_abstract_name()
    }
}

impl fmt::Debug for SocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<net::SocketAddr> for SocketAddr {
    fn from(addr: net::SocketAddr) -> Self {
        Self(addr)
    }
}

impl From<SocketAddr> for net::SocketAddr {
    fn from(addr: SocketAddr) -> Self {
        addr.0
    }
}

/// The address that `path` stands for.
pub(super) fn address_of(path: &Path) -> io::Result<net::SocketAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = path.as_os_str().as_bytes().strip_prefix(b"\0") {
        return net::SocketAddr::from_abstract_name(name);
    }
    net::SocketAddr::from_pathname(path)
}
