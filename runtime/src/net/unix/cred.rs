//! Whose the other end is.
#![expect(
    non_camel_case_types,
    reason = "the names that the standard library and tokio use"
)]

use crate::backend::Credentials;

/// The number of a user.
pub type uid_t = u32;

/// The number of a group.
pub type gid_t = u32;

/// The number of a process.
pub type pid_t = i32;

/// Whose process the other end of a stream is, or was when it connected or listened.
///
/// # Examples
/// ```
/// use simoom::net::UnixStream;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (one, two) = UnixStream::pair().unwrap();
/// assert_eq!(one.peer_cred().unwrap(), two.peer_cred().unwrap());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UCred {
    pid: Option<pid_t>,
    uid: uid_t,
    gid: gid_t,
}

impl UCred {
    pub(super) fn new(found: Credentials) -> Self {
        let Credentials { pid, uid, gid } = found;
        Self { pid, uid, gid }
    }

    /// The effective user of the process.
    #[must_use]
    pub fn uid(&self) -> uid_t {
        self.uid
    }

    /// The effective group of the process.
    #[must_use]
    pub fn gid(&self) -> gid_t {
        self.gid
    }

    /// The process, where the system tells: on Linux and Android.
    #[must_use]
    pub fn pid(&self) -> Option<pid_t> {
        self.pid
    }
}
