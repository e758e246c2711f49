//! The client's end of a connection.

use std::pin::pin;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;

use super::error::ClientError;
use super::pipeline::Pipeline;
use crate::resp::{Reply, ReplyDecoder};

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    decoder: ReplyDecoder,
}

impl Connection {
    pub(super) async fn open(addr: &str) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            decoder: ReplyDecoder::new(REPLY_BYTES_MAX),
        })
    }

    /// Sends the requests and waits for as many replies.
    ///
    /// # Cancel safety
    /// Not safe. Dropped, it leaves replies on the way that belong to no request: the connection
    /// must not be used again.
    pub(super) async fn exchange(
        &mut self,
        requests: &Pipeline,
    ) -> Result<Vec<Reply>, ClientError> {
        let Self { stream, decoder } = self;
        let (mut reader, mut writer) = stream.split();
        let mut sending = pin!(writer.write_all(requests.as_bytes()));
        let mut receiving = pin!(async {
            let mut replies = Vec::with_capacity(requests.len());
            while replies.len() < requests.len() {
                match decoder.next_reply()? {
                    Some(reply) => replies.push(reply),
                    None if reader.read_buf(decoder.space()).await? == 0 => {
                        return Err(ClientError::Closed);
                    }
                    None => {}
                }
            }
            Ok(replies)
        });
        // Both at once: a server that waits for its replies to be read reads no more requests.
        simoom::select! {
            biased;
            sent = &mut sending => sent?,
            replies = &mut receiving => return replies,
        }
        receiving.await
    }
}

/// As much as a server of this package sends for one request, and to spare.
const REPLY_BYTES_MAX: usize = 64 << 20;
