//! Asking, and understanding the answer.

use std::time::Duration;

use bytes::Bytes;
use simoom::time::timeout;

use super::connection::Connection;
use super::error::ClientError;
use super::pipeline::Pipeline;
use crate::resp::Reply;

/// A connection to a server, made again when it breaks.
///
/// A request that fails is not sent again: it may have been done. The next request connects anew.
///
/// # Examples
/// ```
/// use kv::{Client, Config, Server};
/// use kv::client::Pipeline;
/// use kv::resp::Reply;
///
/// #[simoom::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let server = Server::bind(Config::default().port(0)).await?;
///     let addr = server.local_addr()?;
///     simoom::spawn(server.run(std::future::pending()));
///
///     let mut client = Client::connect(addr).await?;
///     client.set("a", "41").await?;
///     let replies = client.pipeline(&Pipeline::new().incr("a").get("a")).await?;
///     assert_eq!(replies, [Reply::Integer(42), Reply::Bulk("42".into())]);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Client {
    addr: String,
    timeout: Duration,
    /// None at first, after a failure, and while a request is under way.
    connection: Option<Connection>,
}

impl Client {
    /// A client of the server at `addr`, such as `127.0.0.1:6379`, that connects when it has to.
    #[must_use]
    pub fn new(addr: impl ToString) -> Self {
        Self {
            addr: addr.to_string(),
            timeout: DEFAULT_TIMEOUT,
            connection: None,
        }
    }

    /// A client that is connected to the server at `addr`.
    ///
    /// # Errors
    /// It cannot connect, or not in time.
    ///
    /// # Cancel safety
    /// Safe. Dropped, it is not connected.
    pub async fn connect(addr: impl ToString) -> Result<Self, ClientError> {
        let mut client = Self::new(addr);
        client.connection = Some(client.open().await?);
        Ok(client)
    }

    /// How long a request may take; and as long again if it has to connect. Default 5 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Waits for a sign of life.
    ///
    /// # Errors
    /// See [`ClientError`], here and below.
    ///
    /// # Cancel safety
    /// Here and below: dropped, the request may or may not be done, and its connection is closed.
    pub async fn ping(&mut self) -> Result<(), ClientError> {
        match self.request(&[b"PING"]).await? {
            Reply::Simple(text) if text == "PONG" => Ok(()),
            other => Err(ClientError::Unexpected(other)),
        }
    }

    /// The value of `key`.
    pub async fn get(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, ClientError> {
        match self.request(&[b"GET", key.as_ref()]).await? {
            Reply::Bulk(value) => Ok(Some(value)),
            Reply::Null => Ok(None),
            other => Err(ClientError::Unexpected(other)),
        }
    }

    /// Gives `key` a value.
    pub async fn set(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), ClientError> {
        match self
            .request(&[b"SET", key.as_ref(), value.as_ref()])
            .await?
        {
            Reply::Simple(text) if text == "OK" => Ok(()),
            other => Err(ClientError::Unexpected(other)),
        }
    }

    /// Adds one to the number that `key` holds, and returns the sum.
    pub async fn incr(&mut self, key: impl AsRef<[u8]>) -> Result<i64, ClientError> {
        self.number(&[b"INCR", key.as_ref()]).await
    }

    /// Adds `delta` to the number that `key` holds, and returns the sum.
    pub async fn incr_by(&mut self, key: impl AsRef<[u8]>, delta: i64) -> Result<i64, ClientError> {
        self.number(&[b"INCRBY", key.as_ref(), delta.to_string().as_bytes()])
            .await
    }

    /// Removes `key`. Returns whether it was there.
    pub async fn del(&mut self, key: impl AsRef<[u8]>) -> Result<bool, ClientError> {
        Ok(self.number(&[b"DEL", key.as_ref()]).await? == 1)
    }

    /// Lets `key` live for `lifetime`, in whole milliseconds. Returns whether it is there.
    pub async fn expire(
        &mut self,
        key: impl AsRef<[u8]>,
        lifetime: Duration,
    ) -> Result<bool, ClientError> {
        let milliseconds = lifetime.as_millis().to_string();
        Ok(self
            .number(&[b"PEXPIRE", key.as_ref(), milliseconds.as_bytes()])
            .await?
            == 1)
    }

    /// Sends any request, its name first. An error reply is an `Err`.
    pub async fn request(&mut self, args: &[&[u8]]) -> Result<Reply, ClientError> {
        let mut replies = self.pipeline(&Pipeline::new().request(args)).await?;
        match replies.pop() {
            Some(Reply::Error(message)) => Err(ClientError::Server(message)),
            Some(reply) => Ok(reply),
            None => unreachable!("an exchange gives one reply for each request"),
        }
    }

    /// Sends several requests at once, and returns a reply for each, in order. An error reply is
    /// a [`Reply::Error`].
    pub async fn pipeline(&mut self, requests: &Pipeline) -> Result<Vec<Reply>, ClientError> {
        // Taken out until all replies are in. Whoever gives up before that, by an error, the
        // timeout or a drop, drops the connection, and with it replies that come late.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.open().await?,
        };
        let replies = timeout(self.timeout, connection.exchange(requests)).await;
        // A slow server is no reason to connect again.
        #[cfg(feature = "planted-crossed-reply")]
        if replies.is_err() {
            self.connection = Some(connection);
            return Err(ClientError::TimedOut);
        }
        let replies = replies.unwrap_or(Err(ClientError::TimedOut))?;
        self.connection = Some(connection);
        Ok(replies)
    }

    async fn number(&mut self, args: &[&[u8]]) -> Result<i64, ClientError> {
        match self.request(args).await? {
            Reply::Integer(number) => Ok(number),
            other => Err(ClientError::Unexpected(other)),
        }
    }

    async fn open(&self) -> Result<Connection, ClientError> {
        let connecting = timeout(self.timeout, Connection::open(&self.addr));
        connecting.await.unwrap_or(Err(ClientError::TimedOut))
    }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
