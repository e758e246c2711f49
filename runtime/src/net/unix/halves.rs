//! The two directions of a Unix stream, apart.

use super::addr::SocketAddr;
use super::stream::UnixStream;
use crate::net::halves::halves;

halves! {
    UnixStream, SocketAddr;

    /// The reading direction of a borrowed [`UnixStream`]; see [`UnixStream::split`].
    ///
    /// # Examples
    /// ```
    /// use simoom::io::{AsyncReadExt, AsyncWriteExt};
    /// use simoom::net::UnixStream;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (mut client, mut server) = UnixStream::pair().unwrap();
    /// let (mut reader, mut writer) = client.split();
    /// server.write_all(b"hi").await.unwrap();
    /// let mut bytes = [0; 2];
    /// reader.read_exact(&mut bytes).await.unwrap();
    /// writer.write_all(&bytes).await.unwrap();
    /// # });
    /// ```
    ReadHalf;

    /// The writing direction of a borrowed [`UnixStream`]; see [`UnixStream::split`].
    ///
    /// Dropping it does nothing.
    ///
    /// # Examples
    /// See [`ReadHalf`].
    WriteHalf;

    /// The reading direction of a [`UnixStream`]; see [`UnixStream::into_split`].
    ///
    /// # Examples
    /// ```
    /// use simoom::io::{AsyncReadExt, AsyncWriteExt};
    /// use simoom::net::UnixStream;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (client, server) = UnixStream::pair().unwrap();
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

    /// The writing direction of a [`UnixStream`]; see [`UnixStream::into_split`].
    ///
    /// Dropping it ends the sent stream, as [`shutdown`](crate::io::AsyncWriteExt::shutdown) does,
    /// unless it was [forgotten](Self::forget).
    ///
    /// # Examples
    /// See [`OwnedReadHalf`].
    OwnedWriteHalf;
}
