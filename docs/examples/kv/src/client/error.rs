//! What can go wrong with a request.

use std::error::Error;
use std::fmt;
use std::io;

use crate::resp::{ProtocolError, Reply};

/// Why a request has no answer.
///
/// After any of these but [`Server`](Self::Server) the server may or may not have done what was
/// asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no connection, or it broke.
    Io(io::Error),
    /// The server closed the connection without a reply.
    Closed,
    /// The reply did not come in time.
    TimedOut,
    /// The server sent something that is not a reply.
    Protocol(ProtocolError),
    /// The server refused.
    Server(String),
    /// The reply is none that this request can have.
    Unexpected(Reply),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the connection failed"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::TimedOut => f.write_str("the server did not reply in time"),
            Self::Protocol(_) => f.write_str("the server does not speak the protocol"),
            Self::Server(message) => write!(f, "the server refused: {message}"),
            Self::Unexpected(reply) => write!(f, "the reply does not fit the request: {reply:?}"),
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Protocol(error) => Some(error),
            Self::Closed | Self::TimedOut | Self::Server(_) | Self::Unexpected(_) => None,
        }
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ProtocolError> for ClientError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}
