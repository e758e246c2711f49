//! Where a server's connections come from.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use crate::io::{AsyncRead, AsyncWrite};
use crate::net::{TcpListener, TcpStream, UnixListener, UnixStream, unix};

/// Where the connections of [`serve`](super::serve) come from.
///
/// Implement it for a listener of your own, such as one that speaks TLS: accept a stream and wrap
/// it. A handshake belongs into the first read of the stream rather than into
/// [`accept`](Self::accept), where it would keep others waiting.
///
/// # Examples
/// ```
/// use simoom::http::Listener;
/// use simoom::net::{TcpListener, TcpStream};
///
/// /// Takes connections of this machine alone.
/// struct Local(TcpListener);
///
/// impl Listener for Local {
///     type Io = TcpStream;
///     type Addr = std::net::SocketAddr;
///
///     async fn accept(&mut self) -> std::io::Result<(Self::Io, Self::Addr)> {
///         loop {
///             let (stream, addr) = self.0.accept().await?;
///             if addr.ip().is_loopback() {
///                 return Ok((stream, addr));
///             }
///         }
///     }
/// }
/// ```
pub trait Listener: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Where it comes from.
    type Addr: Clone + Send + Sync + 'static;

    /// Waits for a connection.
    ///
    /// # Errors
    /// A connection that failed before it was accepted; when there is no descriptor left.
    ///
    /// # Cancel safety
    /// A dropped future must have accepted nothing.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Self::Addr)>> + Send;
}

impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    /// Small writes are sent at once: a response is written when it is whole.
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, addr) = Self::accept(self).await?;
        // A connection that is gone already says so when it is read.
        let _ = stream.set_nodelay(true);
        Ok((stream, addr))
    }
}

impl Listener for UnixListener {
    type Io = UnixStream;
    type Addr = unix::SocketAddr;

    async fn accept(&mut self) -> io::Result<(UnixStream, unix::SocketAddr)> {
        Self::accept(self).await
    }
}
