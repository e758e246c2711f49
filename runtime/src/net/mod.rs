//! TCP streams and listeners, UDP and Unix sockets, and looking up names.
//!
//! Owns what a user does with a socket. Knows nothing of where sockets come from: every operation
//! tries through the seam, and waits through the seam if it would block.

mod accept_backoff;
mod addr;
mod attempt;
mod buf;
pub(crate) mod byte_stream;
mod halves;
mod handle;
mod happy;
mod keep_alive;
pub(crate) mod lookup;
mod raw;
pub(crate) mod readiness;
mod ready;
mod tcp_listener;
mod tcp_options;
mod tcp_socket;
mod tcp_stream;
mod udp_options;
mod udp_socket;

pub mod tcp;
pub mod udp;
pub mod unix;

pub use self::accept_backoff::AcceptBackoff;
#[cfg(feature = "hyper")]
pub(crate) use self::accept_backoff::is_of_one_connection;
pub use self::addr::ToSocketAddrs;
pub(crate) use self::attempt::try_io;
pub use self::happy::{CONNECTION_ATTEMPT_DELAY, connect_happy_eyeballs};
pub use self::keep_alive::TcpKeepalive;
pub use self::lookup::lookup_host;
pub use self::ready::{Interest, Ready};
pub use self::tcp_listener::TcpListener;
pub use self::tcp_socket::TcpSocket;
pub use self::tcp_stream::TcpStream;
pub use self::udp_socket::UdpSocket;
#[doc(inline)]
pub use self::unix::{UnixDatagram, UnixListener, UnixSocket, UnixStream};
