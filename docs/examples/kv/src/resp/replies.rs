//! Replies, as bytes to send.
//!
//! Owns how a reply is written. Knows nothing of commands or sockets.

use std::fmt::Write as _;

/// Replies that have been given and not been sent.
///
/// # Examples
/// ```
/// use kv::resp::Replies;
///
/// let mut replies = Replies::new();
/// replies.simple("OK");
/// replies.integer(-3);
/// replies.bulk(b"hello");
/// assert_eq!(replies.as_bytes(), b"+OK\r\n:-3\r\n$5\r\nhello\r\n");
/// ```
#[derive(Debug, Default)]
pub struct Replies {
    bytes: Vec<u8>,
}

impl Replies {
    /// No replies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A short text such as `OK`, which must not hold a line end.
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']), "a simple reply is one line");
        self.bytes.push(b'+');
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.extend_from_slice(CRLF);
    }

    /// An error. Line ends in it become spaces, because it may quote what the peer sent.
    pub fn error(&mut self, error: impl std::fmt::Display) {
        self.bytes.push(b'-');
        let start = self.bytes.len();
        write!(Text(&mut self.bytes), "{error}").expect("a vector takes every byte");
        for byte in &mut self.bytes[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.bytes.extend_from_slice(CRLF);
    }

    /// A number.
    pub fn integer(&mut self, number: i64) {
        self.header(b':', number);
    }

    /// Any bytes.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.header(b'$', bytes.len());
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(CRLF);
    }

    /// The absence of a value.
    pub fn null(&mut self) {
        self.bytes.extend_from_slice(b"$-1\r\n");
    }

    /// The absence of an array.
    pub fn null_array(&mut self) {
        self.bytes.extend_from_slice(b"*-1\r\n");
    }

    /// [`bulk`](Self::bulk), or [`null`](Self::null) if there is no value.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// Makes one array of the next `len` replies.
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// The bytes to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes there are to send.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes back what was given after the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// Takes out what was given after the first `len` bytes.
    pub(crate) fn split_off(&mut self, len: usize) -> Vec<u8> {
        self.bytes.split_off(len)
    }

    /// Gives what was [taken out](Self::split_off).
    pub(crate) fn append(&mut self, replies: &[u8]) {
        self.bytes.extend_from_slice(replies);
    }

    /// Forgets all replies, and memory beyond 64 KiB.
    pub fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }

    fn header(&mut self, marker: u8, number: impl itoa::Integer) {
        self.bytes.push(marker);
        self.bytes
            .extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.bytes.extend_from_slice(CRLF);
    }
}

/// Bytes that text can be formatted into.
struct Text<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

const CRLF: &[u8] = b"\r\n";

/// What an idle connection may hold on to.
const KEPT_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::Replies;

    #[test]
    fn an_error_stays_on_its_line() {
        let mut replies = Replies::new();
        replies.error("ERR unknown command 'a\r\n+OK\r\n'");
        assert_eq!(replies.as_bytes(), b"-ERR unknown command 'a  +OK  '\r\n");
    }

    #[test]
    fn a_large_reply_does_not_keep_its_memory() {
        let mut replies = Replies::new();
        replies.bulk(&vec![b'x'; 1 << 20]);
        replies.clear();
        assert!(replies.is_empty());
        assert_eq!(replies.bytes.capacity(), 0);
    }
}
