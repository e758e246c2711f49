//! The two directions of a TCP connection, apart, and the futures of the methods of both.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use super::halves::halves;
pub use super::readiness::{Readable, ReadyFor, Writable};
pub use super::tcp_listener::Accept;
pub use super::tcp_stream::Peek;
use super::tcp_stream::TcpStream;
use crate::io::ReadBuf;

halves! {
    TcpStream, SocketAddr;

    /// The reading direction of a borrowed [`TcpStream`]; see [`TcpStream::split`].
    ///
    /// # Examples
    /// ```
    /// use simoom::io::{AsyncReadExt, AsyncWriteExt};
    /// use simoom::net::{TcpListener, TcpStream};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    /// let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    /// let (mut server, _) = listener.accept().await.unwrap();
    ///
    /// let (mut reader, mut writer) = client.split();
    /// server.write_all(b"hi").await.unwrap();
    /// let mut bytes = [0; 2];
    /// reader.read_exact(&mut bytes).await.unwrap();
    /// writer.write_all(&bytes).await.unwrap();
    /// # });
    /// ```
    ReadHalf;

    /// The writing direction of a borrowed [`TcpStream`]; see [`TcpStream::split`].
    ///
    /// Dropping it does nothing.
    ///
    /// # Examples
    /// See [`ReadHalf`].
    WriteHalf;

    /// The reading direction of a [`TcpStream`]; see [`TcpStream::into_split`].
    ///
    /// # Examples
    /// ```
    /// use simoom::io::{AsyncReadExt, AsyncWriteExt};
    /// use simoom::net::{TcpListener, TcpStream};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    /// let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    /// let (server, _) = listener.accept().await.unwrap();
    ///
    /// let (mut reader, writer) = client.into_split();
    /// let (_, mut answers) = server.into_split();
    /// answers.write_all(b"hi").await.unwrap();
    /// drop(answers);
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text).await.unwrap();
    /// assert_eq!(text, "hi");
    /// let _client = reader.reunite(writer).unwrap();
    /// # });
    /// ```
    OwnedReadHalf;

    /// The writing direction of a [`TcpStream`]; see [`TcpStream::into_split`].
    ///
    /// Dropping it ends the sent stream, as [`shutdown`](crate::io::AsyncWriteExt::shutdown) does,
    /// unless it was [forgotten](Self::forget).
    ///
    /// # Examples
    /// See [`OwnedReadHalf`].
    OwnedWriteHalf;
}

/// What reading halves do beside.
macro_rules! peeks {
    ($half:ty) => {
        impl $half {
            /// See [`TcpStream::peek`].
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// Safe.
            #[track_caller]
            pub fn peek<'b>(&'b mut self, buf: &'b mut [u8]) -> Peek<'b> {
                self.0.peek(buf)
            }

            /// See [`TcpStream::poll_peek`].
            ///
            /// # Errors
            /// As there.
            #[track_caller]
            pub fn poll_peek(
                &mut self,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<usize>> {
                self.0.poll_peek(cx, buf)
            }
        }
    };
}

peeks!(ReadHalf<'_>);
peeks!(OwnedReadHalf);
