//! Why a value was not sent, or none will come.

use std::error::Error;
use std::fmt;

/// There is no receiver; gives the value back.
///
/// # Examples
/// ```
/// let (sender, receiver) = simoom::sync::watch::channel(1);
/// drop(receiver);
/// let error = sender.send(2).unwrap_err();
/// assert_eq!(error.0, 2);
/// assert_eq!(error.to_string(), "channel closed");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl<T> Error for SendError<T> {}

/// All senders are gone.
///
/// # Examples
/// ```
/// let (sender, receiver) = simoom::sync::watch::channel(1);
/// drop(sender);
/// assert_eq!(receiver.has_changed().unwrap_err().to_string(), "channel closed");
/// ```
#[derive(Clone, Debug)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl Error for RecvError {}
