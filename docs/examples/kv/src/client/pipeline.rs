//! Requests to be sent together.

use crate::resp::encode_request;

/// Requests to be sent together, whose replies come together.
///
/// # Examples
/// ```
/// use kv::client::Pipeline;
///
/// let pipeline = Pipeline::new().set("a", "1").incr("a").get("a").request(&[b"TTL", b"a"]);
/// assert_eq!(pipeline.len(), 4);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    bytes: Vec<u8>,
    len: usize,
}

impl Pipeline {
    /// No requests.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds any request, its name first.
    #[must_use]
    pub fn request(mut self, args: &[&[u8]]) -> Self {
        encode_request(&mut self.bytes, args);
        self.len += 1;
        self
    }

    /// Asks for the value of `key`.
    #[must_use]
    pub fn get(self, key: impl AsRef<[u8]>) -> Self {
        self.request(&[b"GET", key.as_ref()])
    }

    /// Gives `key` a value.
    #[must_use]
    pub fn set(self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.request(&[b"SET", key.as_ref(), value.as_ref()])
    }

    /// Adds one to the number that `key` holds.
    #[must_use]
    pub fn incr(self, key: impl AsRef<[u8]>) -> Self {
        self.request(&[b"INCR", key.as_ref()])
    }

    /// How many requests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The requests as they are sent.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
