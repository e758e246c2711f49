//! What a peer can get wrong.

use std::fmt;

/// Why received bytes are not the protocol, or more of it than is allowed.
///
/// Displayed in the words that a Redis server uses where it has them, without their `ERR`.
///
/// # Examples
/// ```
/// use kv::resp::ProtocolError;
///
/// let error = ProtocolError::ExpectedBulk(b'%');
/// assert_eq!(error.to_string(), "Protocol error: expected '$', got '%'");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A line of words is longer than 64 KiB or than a request may be.
    InlineTooLong,
    /// A line of words has a quote without its partner.
    Unbalanced,
    /// The number of arguments does not end.
    CountTooLong,
    /// The number of arguments is no number, or too large.
    InvalidCount,
    /// An argument starts with this byte instead of `$`.
    ExpectedBulk(u8),
    /// The length of an argument does not end.
    LengthTooLong,
    /// The length of an argument is no number, negative, or too large.
    InvalidLength,
    /// An argument is longer than its length says.
    UnterminatedBulk,
    /// A request is larger than this many bytes.
    RequestTooLarge(usize),
    /// A reply starts with this byte, which marks no kind of reply.
    UnknownReply(u8),
    /// A line of a reply is not what its kind demands.
    InvalidReply,
    /// A reply is larger than this many bytes.
    ReplyTooLarge(usize),
    /// Arrays in a reply are nested deeper than this.
    ReplyTooDeep(usize),
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            Self::InlineTooLong => f.write_str("too big inline request"),
            Self::Unbalanced => f.write_str("unbalanced quotes in request"),
            Self::CountTooLong => f.write_str("too big mbulk count string"),
            Self::InvalidCount => f.write_str("invalid multibulk length"),
            Self::ExpectedBulk(byte) => {
                write!(f, "expected '$', got '{}'", byte.escape_ascii())
            }
            Self::LengthTooLong => f.write_str("too big bulk count string"),
            Self::InvalidLength => f.write_str("invalid bulk length"),
            Self::UnterminatedBulk => f.write_str("bulk string without its line end"),
            Self::RequestTooLarge(max) => write!(f, "request larger than {max} bytes"),
            Self::UnknownReply(byte) => {
                write!(f, "no reply starts with '{}'", byte.escape_ascii())
            }
            Self::InvalidReply => f.write_str("invalid reply"),
            Self::ReplyTooLarge(max) => write!(f, "reply larger than {max} bytes"),
            Self::ReplyTooDeep(max) => write!(f, "reply nested deeper than {max} arrays"),
        }
    }
}

impl std::error::Error for ProtocolError {}
