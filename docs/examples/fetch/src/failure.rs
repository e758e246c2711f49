//! Why there is no answer.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use hyper::StatusCode;
use simoom::asyncio::GatherError;
use simoom::task::JoinError;

/// Why somebody who was asked has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// It took longer than this.
    TimedOut(Duration),
    /// The server answered with another status than success.
    Refused(StatusCode),
    /// There was no connection, it broke, or what came over it was too long.
    Broken(Box<dyn Error + Send + Sync>),
    /// The answer is not what was asked for.
    Unreadable(serde_json::Error),
    /// A file could not be read.
    File(std::io::Error),
    /// Somebody has asked the program to stop.
    Stopped,
    /// There is a bug in what was to answer.
    Panicked(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(patience) => write!(f, "no answer within {patience:?}"),
            Self::Refused(status) => write!(f, "the server says {status}"),
            Self::Broken(_) => f.write_str("no connection, or it broke"),
            Self::Unreadable(_) => f.write_str("the answer cannot be read"),
            Self::File(_) => f.write_str("the file cannot be read"),
            Self::Stopped => f.write_str("stopped"),
            Self::Panicked(text) => write!(f, "a bug: {text}"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken(source) => Some(&**source),
            Self::Unreadable(source) => Some(source),
            Self::File(source) => Some(source),
            Self::TimedOut(_) | Self::Refused(_) | Self::Stopped | Self::Panicked(_) => None,
        }
    }
}

/// What was gathered and has no output has failed, was asked to end, or has a bug.
impl From<GatherError<Failure>> for Failure {
    fn from(error: GatherError<Failure>) -> Self {
        match error {
            GatherError::Error(failure) => failure,
            GatherError::Join(error) => error.into(),
            _ => Self::Stopped,
        }
    }
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        if error.is_cancelled() {
            Self::Stopped
        } else {
            Self::Panicked(error.to_string())
        }
    }
}
