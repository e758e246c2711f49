//! Reading by lines, separators and lengths, without losing anything when it is given up.
//!
//! Owns the bytes that were read and not yet returned. Knows nothing of where they come from.

use std::error::Error;
use std::fmt;
use std::io;

use bytes::{Bytes, BytesMut};

use crate::io::{AsyncRead, AsyncReadExt};

/// Reads by lines, separators and lengths from anything that can be read.
///
/// All that was read and not returned stays in the reader, so every method is cancel safe, unlike
/// [`read_exact`](crate::io::AsyncReadExt::read_exact) and
/// [`read_line`](crate::io::AsyncBufReadExt::read_line) of tokio's traits. A limit bounds how many
/// bytes may come before a separator; while it is looked for, the reader keeps at most those, the
/// separator, and what one read brings beside, which is some KiB, or all that
/// [`read_exact`](Self::read_exact) is asked for. The methods are those of asyncio's `StreamReader`.
///
/// # Examples
/// ```
/// use simoom::asyncio::StreamReader;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut reader = StreamReader::new(&b"GET /\r\n\r\nbody"[..]);
/// assert_eq!(reader.read_until(b"\r\n\r\n").await.unwrap(), "GET /\r\n\r\n");
/// assert_eq!(reader.read_exact(4).await.unwrap(), "body");
/// assert!(reader.read_line().await.unwrap().is_empty());
/// # });
/// ```
pub struct StreamReader<R> {
    inner: R,
    buffer: BytesMut,
    limit: usize,
    at_end: bool,
}

/// How many bytes may come before a separator, unless something else is said.
const LIMIT: usize = 64 * 1024;

/// How many bytes are asked for at a time.
const CHUNK: usize = 8 * 1024;

/// Why bytes could not be read as they were asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The end came first. What there was is here, and not in the reader any more.
    Incomplete {
        /// What there was.
        partial: Bytes,
        /// How many bytes were asked for, if a number was.
        expected: Option<usize>,
    },
    /// There is no separator within the limit. The bytes are still in the reader, unless a line was
    /// asked for.
    LimitOverrun {
        /// How many bytes there are before the place where the separator is, or may begin.
        consumed: usize,
    },
    /// Reading failed.
    Io(io::Error),
}

impl<R> StreamReader<R> {
    /// A reader with a limit of 64 KiB.
    #[must_use]
    pub fn new(inner: R) -> Self {
        Self::with_limit(inner, LIMIT)
    }

    /// A reader that lets at most `limit` bytes come before a separator.
    ///
    /// # Panics
    /// If `limit` is 0.
    #[track_caller]
    #[must_use]
    pub fn with_limit(inner: R, limit: usize) -> Self {
        assert!(
            limit > 0,
            "the limit of a `StreamReader` must be greater than 0"
        );
        Self {
            inner,
            buffer: BytesMut::new(),
            limit,
            at_end: false,
        }
    }

    /// What it reads from.
    #[must_use]
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// What it reads from. Bytes that are read from there directly come after those in
    /// [`buffer`](Self::buffer).
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// What was read and not returned.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// Whether the end was seen and all that came before it was returned.
    #[must_use]
    pub fn at_eof(&self) -> bool {
        self.at_end && self.buffer.is_empty()
    }

    /// What it reads from, and what was read and not returned.
    #[must_use]
    pub fn into_parts(self) -> (R, Bytes) {
        (self.inner, self.buffer.freeze())
    }
}

impl<R: AsyncRead + Unpin> StreamReader<R> {
    /// At least one byte and at most `most`; none at the end, or if `most` is 0.
    ///
    /// # Errors
    /// Those of what it reads from.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn read(&mut self, most: usize) -> io::Result<Bytes> {
        if most > 0 && self.buffer.is_empty() {
            self.fill().await?;
        }
        let count = most.min(self.buffer.len());
        Ok(self.buffer.split_to(count).freeze())
    }

    /// All that comes until the end. The limit does not count.
    ///
    /// # Errors
    /// Those of what it reads from.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn read_to_end(&mut self) -> io::Result<Bytes> {
        while self.fill().await? {}
        Ok(self.buffer.split().freeze())
    }

    /// So many bytes. The limit does not count.
    ///
    /// # Errors
    /// [`Incomplete`](ReadError::Incomplete) if the end comes first; those of what it reads from.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// use simoom::asyncio::{ReadError, StreamReader};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut reader = StreamReader::new(&b"abc"[..]);
    /// let error = reader.read_exact(5).await.unwrap_err();
    /// assert_eq!(error.to_string(), "the end came after 3 of 5 bytes");
    /// # });
    /// ```
    pub async fn read_exact(&mut self, count: usize) -> Result<Bytes, ReadError> {
        while self.buffer.len() < count {
            if !self.fill().await? {
                return Err(self.incomplete(Some(count)));
            }
        }
        Ok(self.buffer.split_to(count).freeze())
    }

    /// A line with its `\n`. At the end, what is left without one, which may be nothing.
    ///
    /// # Errors
    /// [`LimitOverrun`](ReadError::LimitOverrun) if the line is longer than the limit: what there is of
    /// it is dropped then, with its end if that is there, so that reading can go on. Those of what it
    /// reads from.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// use simoom::asyncio::StreamReader;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut reader = StreamReader::with_limit(&b"much too long\nshort\nend"[..], 8);
    /// assert!(reader.read_line().await.is_err());
    /// assert_eq!(reader.read_line().await.unwrap(), "short\n");
    /// assert_eq!(reader.read_line().await.unwrap(), "end");
    /// assert!(reader.read_line().await.unwrap().is_empty());
    /// # });
    /// ```
    pub async fn read_line(&mut self) -> Result<Bytes, ReadError> {
        match self.read_until(b"\n").await {
            Err(ReadError::Incomplete { partial, .. }) => Ok(partial),
            Err(ReadError::LimitOverrun { consumed }) => {
                if self.buffer.get(consumed) == Some(&b'\n') {
                    let _ = self.buffer.split_to(consumed + 1);
                } else {
                    self.buffer.clear();
                }
                Err(ReadError::LimitOverrun { consumed })
            }
            other => other,
        }
    }

    /// All bytes up to `separator`, and the separator.
    ///
    /// # Errors
    /// [`LimitOverrun`](ReadError::LimitOverrun) if it does not come within the limit: the bytes stay.
    /// Take `consumed` of them out to go on: what is looked for begins after them, if at all.
    /// [`Incomplete`](ReadError::Incomplete) if the end comes first; those of what it reads from.
    ///
    /// # Panics
    /// If `separator` is empty.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// Passing over what is too long:
    ///
    /// ```
    /// use simoom::asyncio::{ReadError, StreamReader};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut reader = StreamReader::with_limit(&b"much too long;short;"[..], 8);
    /// let Err(ReadError::LimitOverrun { consumed }) = reader.read_until(b";").await else {
    ///     panic!("it is longer than 8 bytes")
    /// };
    /// reader.read_exact(consumed).await.unwrap();
    /// assert_eq!(reader.read_until(b";").await.unwrap(), ";");
    /// assert_eq!(reader.read_until(b";").await.unwrap(), "short;");
    /// # });
    /// ```
    pub async fn read_until(&mut self, separator: &[u8]) -> Result<Bytes, ReadError> {
        self.read_until_any(&[separator]).await
    }

    /// All bytes up to the first of `separators`, and it: the one that ends first, if several are there.
    ///
    /// # Errors
    /// As [`read_until`](Self::read_until).
    ///
    /// # Panics
    /// If there is no separator, or one is empty.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// use simoom::asyncio::StreamReader;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut reader = StreamReader::new(&b"one\r\ntwo\n"[..]);
    /// let ends: [&[u8]; 2] = [b"\r\n", b"\n"];
    /// assert_eq!(reader.read_until_any(&ends).await.unwrap(), "one\r\n");
    /// assert_eq!(reader.read_until_any(&ends).await.unwrap(), "two\n");
    /// # });
    /// ```
    pub async fn read_until_any(&mut self, separators: &[&[u8]]) -> Result<Bytes, ReadError> {
        let longest = separators.iter().map(|separator| separator.len()).max();
        let longest = longest.expect("`read_until_any` needs a separator");
        assert!(
            separators.iter().all(|separator| !separator.is_empty()),
            "a separator has at least one byte"
        );
        // No separator begins before this.
        let mut from = 0;
        loop {
            if let Some((start, end)) = first(&self.buffer[from..], separators) {
                let (start, end) = (from + start, from + end);
                if start > self.limit {
                    return Err(ReadError::LimitOverrun { consumed: start });
                }
                return Ok(self.buffer.split_to(end).freeze());
            }
            from = (self.buffer.len() + 1).saturating_sub(longest).max(from);
            if from > self.limit {
                return Err(ReadError::LimitOverrun { consumed: from });
            }
            if !self.fill().await? {
                return Err(self.incomplete(None));
            }
        }
    }

    /// Reads some more; false at the end. Given up, it has read nothing.
    async fn fill(&mut self) -> io::Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        self.buffer.reserve(CHUNK);
        let count = self.inner.read_buf(&mut self.buffer).await?;
        self.at_end = count == 0;
        Ok(count > 0)
    }

    fn incomplete(&mut self, expected: Option<usize>) -> ReadError {
        ReadError::Incomplete {
            partial: self.buffer.split().freeze(),
            expected,
        }
    }
}

/// Where the separator starts and ends that ends first; of two that end there, the longer one.
fn first(bytes: &[u8], separators: &[&[u8]]) -> Option<(usize, usize)> {
    let found = separators.iter().filter_map(|separator| {
        let start = bytes
            .windows(separator.len())
            .position(|window| window == *separator)?;
        Some((start, start + separator.len()))
    });
    found.min_by_key(|&(start, end)| (end, start))
}

impl<R> fmt::Debug for StreamReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader")
            .field("buffered", &self.buffer.len())
            .field("limit", &self.limit)
            .field("at_end", &self.at_end)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete {
                partial,
                expected: Some(expected),
            } => write!(
                f,
                "the end came after {} of {expected} bytes",
                partial.len()
            ),
            Self::Incomplete { partial, .. } => {
                write!(
                    f,
                    "the end came after {} bytes and before a separator",
                    partial.len()
                )
            }
            Self::LimitOverrun { consumed } => write!(
                f,
                "no separator came within the limit, in {consumed} bytes: raise the limit, or read \
                 what there is by `read`"
            ),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match error {
            ReadError::Io(error) => return error,
            ReadError::Incomplete { .. } => io::ErrorKind::UnexpectedEof,
            ReadError::LimitOverrun { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
