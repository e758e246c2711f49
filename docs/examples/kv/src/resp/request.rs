//! Requests, cut out of bytes that arrive in pieces.
//!
//! Owns where one request ends and the next begins, and the limits on its size. Knows nothing of
//! commands, replies or sockets.
//!
//! ```text
//!           '*'                     all lengths read
//!  Start ──────────▶ Length{left} ──────────────────▶ Start, and a request
//!    │                 │     ▲
//!    │ other    '$' n  ▼     │ n bytes and CRLF
//!    ▼               Bulk{left, n}
//!  Inline ──newline──▶ Start, and a request unless the line is blank
//! ```
//!
//! # Invariants
//! 1. The request being read starts at the first byte of `buffer`, after `taken` bytes of the
//!    request that was returned last.
//! 2. Bytes before `parsed` are never looked at again.
//! 3. Every span lies before `parsed`.
//! 4. An error consumes nothing: asking again gives the same error.

use std::fmt;
use std::ops::Range;

use bytes::{Buf, BytesMut};

use super::error::ProtocolError;
use super::number::parse_integer;

/// How much one request may hold.
///
/// # Examples
/// ```
/// use kv::resp::{Limits, RequestDecoder};
///
/// let mut decoder = RequestDecoder::new(Limits { request_bytes_max: 64, ..Limits::default() });
/// decoder.space().extend_from_slice(b"*2\r\n$4\r\nECHO\r\n$999\r\n");
/// assert!(decoder.next_request().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes a request may take as it is sent, lengths and line ends included.
    /// Default 1 MiB. At most 4 GiB.
    pub request_bytes_max: usize,
    /// How many arguments a request may have, its name included. Default 65 536.
    pub args_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: 1 << 20,
            args_max: 1 << 16,
        }
    }
}

/// Cuts requests out of a stream of bytes.
///
/// Accepts arrays of bulk strings, which is what programs send, and lines of words, which is what
/// people type. Arguments are handed out where they stand in the buffer, without a copy.
///
/// # Examples
/// ```
/// use kv::resp::{Limits, RequestDecoder};
///
/// let mut decoder = RequestDecoder::new(Limits::default());
/// decoder.space().extend_from_slice(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nping\r\n*1\r\n$4");
///
/// let get = decoder.next_request().unwrap().unwrap();
/// assert_eq!(get.iter().collect::<Vec<_>>(), [&b"GET"[..], b"a"]);
/// let ping = decoder.next_request().unwrap().unwrap();
/// assert_eq!(ping.iter().collect::<Vec<_>>(), [b"ping"]);
/// assert!(decoder.next_request().unwrap().is_none(), "the third has not arrived");
/// ```
#[derive(Debug)]
pub struct RequestDecoder {
    limits: Limits,
    buffer: BytesMut,
    taken: usize,
    parsed: usize,
    state: State,
    spans: Vec<Span>,
    /// The words of an inline request, without their quotes.
    words: Vec<u8>,
    /// Whether the buffer has grown beyond what an idle decoder may hold on to.
    oversized: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between two requests.
    Start,
    /// In a line of words.
    Inline,
    /// Before the length of an argument; `left` counts it and those after it.
    Length { left: usize },
    /// In an argument of `len` bytes; `left` counts it and those after it.
    Bulk { left: usize, len: usize },
}

/// Where an argument stands. Half the size of a `Range<usize>`: a request may have many.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl RequestDecoder {
    /// A decoder that has seen no bytes.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let request_bytes_max = limits.request_bytes_max.min(u32::MAX as usize);
        Self {
            limits: Limits {
                request_bytes_max,
                ..limits
            },
            buffer: BytesMut::new(),
            taken: 0,
            parsed: 0,
            state: State::Start,
            spans: Vec::new(),
            words: Vec::new(),
            oversized: false,
        }
    }

    /// The buffer to append received bytes to, with room for at least 16 KiB, or for the rest of
    /// the argument that is being received if that is more.
    pub fn space(&mut self) -> &mut BytesMut {
        self.forget_taken();
        let missing = match self.state {
            State::Bulk { len, .. } => {
                (self.parsed + len + CRLF.len()).saturating_sub(self.buffer.len())
            }
            State::Start | State::Inline | State::Length { .. } => 0,
        };
        if self.buffer.is_empty() && self.oversized {
            // One large request must not cost its memory for as long as the connection lives.
            self.buffer = BytesMut::new();
            self.spans = Vec::new();
            self.words = Vec::new();
            self.oversized = false;
        }
        self.oversized |= self.buffer.len() + missing > KEPT_BYTES_MAX;
        self.buffer.reserve(missing.max(SPACE_BYTES_MIN));
        &mut self.buffer
    }

    /// The received bytes that belong to no returned request.
    pub(crate) fn into_rest(mut self) -> BytesMut {
        self.buffer.split_off(self.taken)
    }

    /// How many received bytes belong to no returned request.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// The next request that has arrived as a whole, or `None` until more bytes arrive.
    ///
    /// Blank lines and empty arrays are skipped; a returned request has at least one argument.
    ///
    /// # Errors
    /// The bytes are no request, or a larger one than the limits allow. Nothing after them can be
    /// understood, so the connection must be closed.
    pub fn next_request(&mut self) -> Result<Option<Args<'_>>, ProtocolError> {
        self.forget_taken();
        loop {
            match self.state {
                State::Start => match self.buffer.first() {
                    None => return Ok(None),
                    Some(b'*') => {
                        if !self.read_count()? {
                            return Ok(None);
                        }
                    }
                    Some(_) => self.state = State::Inline,
                },
                State::Inline => {
                    if !self.read_words()? {
                        return Ok(None);
                    }
                    if !self.spans.is_empty() {
                        return Ok(Some(Args {
                            bytes: &self.words,
                            spans: &self.spans,
                        }));
                    }
                }
                State::Length { left: 0 } => {
                    self.finish();
                    return Ok(Some(Args {
                        bytes: &self.buffer,
                        spans: &self.spans,
                    }));
                }
                State::Length { left } => {
                    if !self.read_length(left)? {
                        return Ok(None);
                    }
                }
                State::Bulk { left, len } => {
                    if !self.read_bulk(left, len)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Reads `*3\r\n`. `false` if it has not arrived yet, as in the other readers.
    fn read_count(&mut self) -> Result<bool, ProtocolError> {
        let Some(line) = self.header(ProtocolError::CountTooLong)? else {
            return Ok(false);
        };
        let count = header_number(&self.buffer[line.clone()]).ok_or(ProtocolError::InvalidCount)?;
        let left = usize::try_from(count).unwrap_or(0);
        if left > self.limits.args_max {
            return Err(ProtocolError::InvalidCount);
        }
        self.parsed = line.end;
        self.spans.clear();
        self.state = State::Length { left };
        if left == 0 {
            self.finish();
            self.forget_taken();
        }
        Ok(true)
    }

    /// Reads `$5\r\n`.
    fn read_length(&mut self, left: usize) -> Result<bool, ProtocolError> {
        match self.buffer.get(self.parsed) {
            None => return Ok(false),
            Some(b'$') => {}
            Some(&other) => return Err(ProtocolError::ExpectedBulk(other)),
        }
        let Some(line) = self.header(ProtocolError::LengthTooLong)? else {
            return Ok(false);
        };
        let len = header_number(&self.buffer[line.clone()])
            .and_then(|len| usize::try_from(len).ok())
            .filter(|len| *len <= self.limits.request_bytes_max)
            .ok_or(ProtocolError::InvalidLength)?;
        if line.end + len + CRLF.len() > self.limits.request_bytes_max {
            return Err(ProtocolError::RequestTooLarge(
                self.limits.request_bytes_max,
            ));
        }
        self.parsed = line.end;
        self.state = State::Bulk { left, len };
        Ok(true)
    }

    /// Reads `hello\r\n`.
    fn read_bulk(&mut self, left: usize, len: usize) -> Result<bool, ProtocolError> {
        let span = self.parsed..self.parsed + len;
        let Some(end) = self.buffer.get(span.end..span.end + CRLF.len()) else {
            return Ok(false);
        };
        if end != CRLF {
            return Err(ProtocolError::UnterminatedBulk);
        }
        self.parsed = span.end + CRLF.len();
        self.spans.push(Span::of(&span));
        self.state = State::Length { left: left - 1 };
        Ok(true)
    }

    /// Reads `set greeting "hello world"\n`.
    fn read_words(&mut self) -> Result<bool, ProtocolError> {
        let line_max = self.limits.request_bytes_max.min(INLINE_BYTES_MAX);
        let unseen = &self.buffer[self.parsed..];
        let Some(newline) = unseen.iter().position(|byte| *byte == b'\n') else {
            if self.buffer.len() > line_max {
                return Err(ProtocolError::InlineTooLong);
            }
            self.parsed = self.buffer.len();
            return Ok(false);
        };
        let end = self.parsed + newline;
        if end > line_max {
            return Err(ProtocolError::InlineTooLong);
        }
        self.words.clear();
        self.spans.clear();
        let line = self.buffer[..end]
            .strip_suffix(b"\r")
            .unwrap_or(&self.buffer[..end]);
        split_words(line, &mut self.words, &mut self.spans)?;
        if self.spans.len() > self.limits.args_max {
            return Err(ProtocolError::InvalidCount);
        }
        self.parsed = end + 1;
        self.finish();
        if self.spans.is_empty() {
            self.forget_taken();
        }
        Ok(true)
    }

    /// The place of the line at `parsed` that holds a marker, a number and `\r\n`.
    fn header(&self, too_long: ProtocolError) -> Result<Option<Range<usize>>, ProtocolError> {
        let unseen = &self.buffer[self.parsed..];
        let visible = &unseen[..unseen.len().min(HEADER_BYTES_MAX)];
        match visible.iter().position(|byte| *byte == b'\n') {
            Some(newline) => Ok(Some(self.parsed..self.parsed + newline + 1)),
            None if visible.len() == HEADER_BYTES_MAX => Err(too_long),
            None => Ok(None),
        }
    }

    /// Marks the bytes read so far as those of the request that is about to be returned.
    fn finish(&mut self) {
        self.taken = self.parsed;
        self.parsed = 0;
        self.state = State::Start;
    }

    /// Drops the bytes of the request that was returned last.
    fn forget_taken(&mut self) {
        if self.taken > 0 {
            self.buffer.advance(self.taken);
            self.taken = 0;
        }
    }
}

impl Span {
    fn of(range: &Range<usize>) -> Self {
        let narrow = |offset| u32::try_from(offset).expect("a request is larger than 4 GiB");
        Self {
            start: narrow(range.start),
            end: narrow(range.end),
        }
    }
}

/// The arguments of a request, its name first.
///
/// # Examples
/// ```
/// use kv::resp::{Limits, RequestDecoder};
///
/// let mut decoder = RequestDecoder::new(Limits::default());
/// decoder.space().extend_from_slice(b"set greeting 'hello world'\r\n");
/// let args = decoder.next_request().unwrap().unwrap();
/// assert_eq!(args.len(), 3);
/// assert_eq!(args.get(2), Some(&b"hello world"[..]));
/// assert_eq!(args.skip(1).iter().next(), Some(&b"greeting"[..]));
/// ```
#[derive(Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The one at `index`, counted from 0.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| self.slice(*span))
    }

    /// Those from `index` on.
    #[must_use]
    pub fn skip(&self, index: usize) -> Self {
        Self {
            bytes: self.bytes,
            spans: self.spans.get(index..).unwrap_or_default(),
        }
    }

    /// The first `len` of them.
    #[must_use]
    pub fn first(&self, len: usize) -> Self {
        Self {
            bytes: self.bytes,
            spans: self.spans.get(..len).unwrap_or(self.spans),
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let args = *self;
        args.spans.iter().map(move |span| args.slice(*span))
    }

    /// All of them, two by two; an odd last one is left out.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let args = *self;
        args.spans
            .chunks_exact(2)
            .map(move |pair| (args.slice(pair[0]), args.slice(pair[1])))
    }

    fn slice(&self, span: Span) -> &'a [u8] {
        &self.bytes[span.start as usize..span.end as usize]
    }
}

impl fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(<[u8]>::escape_ascii))
            .finish()
    }
}

/// Appends the request made of `args`, its name first, to `out`.
///
/// # Examples
/// ```
/// let mut out = Vec::new();
/// kv::resp::encode_request(&mut out, &[b"GET", b"a"]);
/// assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
/// ```
pub fn encode_request(out: &mut Vec<u8>, args: &[&[u8]]) {
    let mut digits = itoa::Buffer::new();
    let mut header = |out: &mut Vec<u8>, marker: u8, number: usize| {
        out.push(marker);
        out.extend_from_slice(digits.format(number).as_bytes());
        out.extend_from_slice(CRLF);
    };
    header(out, b'*', args.len());
    for arg in args {
        header(out, b'$', arg.len());
        out.extend_from_slice(arg);
        out.extend_from_slice(CRLF);
    }
}

/// The number in a line such as `$5\r\n`.
fn header_number(line: &[u8]) -> Option<i64> {
    line.get(1..)?.strip_suffix(CRLF).and_then(parse_integer)
}

/// Cuts a line into words, as a shell would: quotes group, and `\` has its meaning of C inside
/// double quotes.
fn split_words(
    line: &[u8],
    words: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<(), ProtocolError> {
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let start = words.len();
        rest = read_word(rest, words)?;
        spans.push(Span::of(&(start..words.len())));
        rest = rest.trim_ascii_start();
    }
    Ok(())
}

/// Appends the first word of `rest` to `words`, and returns what follows it.
fn read_word<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    while let [first, tail @ ..] = rest {
        match first {
            b'"' | b'\'' => {
                rest = read_quoted(*first, tail, words)?;
                // A closing quote ends its word, so that `"a"b` is a slip and not one word.
                return match rest.first() {
                    Some(next) if !next.is_ascii_whitespace() => Err(ProtocolError::Unbalanced),
                    _ => Ok(rest),
                };
            }
            space if space.is_ascii_whitespace() => return Ok(rest),
            plain => words.push(*plain),
        }
        rest = tail;
    }
    Ok(rest)
}

/// Appends what stands before the closing `quote`, and returns what follows that.
fn read_quoted<'a>(
    quote: u8,
    mut rest: &'a [u8],
    words: &mut Vec<u8>,
) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [] => return Err(ProtocolError::Unbalanced),
            [end, tail @ ..] if *end == quote => return Ok(tail),
            [b'\\', b'\'', tail @ ..] if quote == b'\'' => {
                words.push(b'\'');
                tail
            }
            [b'\\', b'x', high, low, tail @ ..]
                if quote == b'"' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                words.push(hex(*high) << 4 | hex(*low));
                tail
            }
            [b'\\', escaped, tail @ ..] if quote == b'"' => {
                words.push(unescape(*escaped));
                tail
            }
            [plain, tail @ ..] => {
                words.push(*plain);
                tail
            }
        };
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        lower_or_upper => (lower_or_upper | 0x20) - b'a' + 10,
    }
}

fn unescape(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

const CRLF: &[u8] = b"\r\n";

/// A header is a marker, at most twenty characters of number and a line end.
const HEADER_BYTES_MAX: usize = 32;

/// What a person may type on one line.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// Room for a read: large enough for a batch of small requests.
const SPACE_BYTES_MIN: usize = 16 << 10;

/// What an idle decoder may hold on to.
const KEPT_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests;
