//! Sockets of one machine: streams, listeners, messages.
//!
//! Owns what a user does with a Unix socket. Knows nothing of where sockets come from: every
//! operation tries through the seam, and waits through the seam if it would block.

mod addr;
mod cred;
mod datagram;
mod halves;
mod listener;
mod messages;
mod socket;
mod stream;

pub mod pipe;

pub use self::addr::SocketAddr;
pub use self::cred::{UCred, gid_t, pid_t, uid_t};
pub use self::datagram::UnixDatagram;
pub use self::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use self::listener::{Accept, UnixListener};
pub use self::messages::{Recv, RecvFrom, Send, SendTo};
pub use self::socket::UnixSocket;
pub use self::stream::UnixStream;
pub use super::readiness::{Readable, ReadyFor, Writable};
