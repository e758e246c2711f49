//! Replies, read out of bytes that arrive in pieces.
//!
//! Owns where one reply ends and the next begins. Knows nothing of requests or sockets.
//!
//! # Invariants
//! 1. `arrays` are the arrays that are open, outermost first, each short of at least one item.
//! 2. `spent` counts the bytes already taken for the reply being read.

use bytes::{Buf, Bytes, BytesMut};

use super::error::ProtocolError;
use super::number::parse_integer;

/// What a server answered.
///
/// # Examples
/// ```
/// use kv::resp::{Reply, ReplyDecoder};
///
/// let mut decoder = ReplyDecoder::new(1 << 20);
/// decoder.space().extend_from_slice(b"+PONG\r\n:1");
/// assert_eq!(decoder.next_reply().unwrap(), Some(Reply::Simple("PONG".into())));
/// assert_eq!(decoder.next_reply().unwrap(), None, "the number has not arrived");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A short text such as `OK`.
    Simple(String),
    /// The request failed, for the given reason.
    Error(String),
    /// A number.
    Integer(i64),
    /// Any bytes. They share the memory that they were received in: copy what is kept for long.
    Bulk(Bytes),
    /// No value.
    Null,
    /// Replies in order.
    Array(Vec<Reply>),
}

/// Cuts replies out of a stream of bytes.
///
/// # Examples
/// See [`Reply`].
#[derive(Debug)]
pub struct ReplyDecoder {
    reply_bytes_max: usize,
    buffer: BytesMut,
    arrays: Vec<OpenArray>,
    spent: usize,
}

#[derive(Debug)]
struct OpenArray {
    len: usize,
    items: Vec<Reply>,
}

/// What a line of the protocol, with its bytes if it announces some, can be.
enum Element {
    Reply(Reply),
    Array(usize),
}

impl ReplyDecoder {
    /// A decoder that has seen no bytes and accepts replies of at most `reply_bytes_max` bytes.
    #[must_use]
    pub fn new(reply_bytes_max: usize) -> Self {
        Self {
            reply_bytes_max,
            buffer: BytesMut::new(),
            arrays: Vec::new(),
            spent: 0,
        }
    }

    /// The buffer to append received bytes to, with room for at least 16 KiB.
    pub fn space(&mut self) -> &mut BytesMut {
        self.buffer.reserve(SPACE_BYTES_MIN);
        &mut self.buffer
    }

    /// The next reply that has arrived as a whole, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// The bytes are no reply, or a larger one than is allowed. Nothing after them can be
    /// understood, so the connection must be closed.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ProtocolError> {
        while let Some(element) = self.next_element()? {
            let complete = match element {
                Element::Array(0) => self.complete(Reply::Array(Vec::new())),
                Element::Array(_) if self.arrays.len() == DEPTH_MAX => {
                    return Err(ProtocolError::ReplyTooDeep(DEPTH_MAX));
                }
                Element::Array(len) => {
                    self.arrays.push(OpenArray {
                        len,
                        items: Vec::new(),
                    });
                    None
                }
                Element::Reply(reply) => self.complete(reply),
            };
            if complete.is_some() {
                self.spent = 0;
                return Ok(complete);
            }
        }
        Ok(None)
    }

    /// Puts `reply` into the innermost open array. Returns it, or the array it closed, if none is
    /// open around it.
    fn complete(&mut self, mut reply: Reply) -> Option<Reply> {
        while let Some(array) = self.arrays.last_mut() {
            array.items.push(reply);
            if array.items.len() < array.len {
                return None;
            }
            reply = Reply::Array(self.arrays.pop()?.items);
        }
        Some(reply)
    }

    fn next_element(&mut self) -> Result<Option<Element>, ProtocolError> {
        let Some(newline) = self.buffer.iter().position(|byte| *byte == b'\n') else {
            return self.within_limit(self.buffer.len() + 1).map(|()| None);
        };
        self.within_limit(newline + 1)?;
        let line = self.buffer[..newline]
            .strip_suffix(b"\r")
            .ok_or(ProtocolError::InvalidReply)?;
        let (marker, text) = line.split_first().ok_or(ProtocolError::InvalidReply)?;
        let number = || parse_integer(text).ok_or(ProtocolError::InvalidReply);
        let element = match marker {
            b'+' => Element::Reply(Reply::Simple(String::from_utf8_lossy(text).into_owned())),
            b'-' => Element::Reply(Reply::Error(String::from_utf8_lossy(text).into_owned())),
            b':' => Element::Reply(Reply::Integer(number()?)),
            b'$' | b'*' if number()? == -1 => Element::Reply(Reply::Null),
            b'*' => {
                Element::Array(usize::try_from(number()?).map_err(|_| ProtocolError::InvalidReply)?)
            }
            b'$' => {
                let len = usize::try_from(number()?).map_err(|_| ProtocolError::InvalidReply)?;
                return self.bulk(newline + 1, len);
            }
            other => return Err(ProtocolError::UnknownReply(*other)),
        };
        self.take(newline + 1);
        Ok(Some(element))
    }

    /// The `len` bytes that follow a header of `header` bytes.
    fn bulk(&mut self, header: usize, len: usize) -> Result<Option<Element>, ProtocolError> {
        self.within_limit(len.saturating_add(header + CRLF.len()))?;
        let end = header + len;
        match self.buffer.get(end..end + CRLF.len()) {
            None => {
                self.buffer.reserve(end + CRLF.len() - self.buffer.len());
                Ok(None)
            }
            Some(CRLF) => {
                self.take(header);
                let bytes = self.buffer.split_to(len).freeze();
                self.spent += len;
                self.take(CRLF.len());
                Ok(Some(Element::Reply(Reply::Bulk(bytes))))
            }
            Some(_) => Err(ProtocolError::InvalidReply),
        }
    }

    fn take(&mut self, bytes: usize) {
        self.buffer.advance(bytes);
        self.spent += bytes;
    }

    /// Whether the reply may have `more` bytes than those already taken for it.
    fn within_limit(&self, more: usize) -> Result<(), ProtocolError> {
        if self.spent.saturating_add(more) > self.reply_bytes_max {
            return Err(ProtocolError::ReplyTooLarge(self.reply_bytes_max));
        }
        Ok(())
    }
}

const CRLF: &[u8] = b"\r\n";

/// How deep arrays may nest. What servers describe themselves with nests four deep.
const DEPTH_MAX: usize = 16;

/// Room for a read.
const SPACE_BYTES_MIN: usize = 16 << 10;

#[cfg(test)]
mod tests;
