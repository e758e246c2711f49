//! What a task is told that was asked to end.

use std::fmt;

use super::state::Reason;

/// Somebody has asked the task to end: the error of [`catch_cancel`](super::catch_cancel), and what
/// [`cancelled`](super::cancelled) returns.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = simoom::spawn(simoom::task::catch_cancel(std::future::pending::<()>()));
/// task.cancel_with("no longer wanted");
/// let cancelled = task.await.unwrap().unwrap_err();
/// assert_eq!(cancelled.reason(), Some("no longer wanted"));
/// assert_eq!(cancelled.to_string(), "cancelled: no longer wanted");
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    reason: Reason,
}

impl Cancelled {
    pub(in crate::task) fn new(reason: Reason) -> Self {
        Self { reason }
    }

    /// Why, in the words of whoever asked, if he said so.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            None => f.write_str("cancelled"),
            Some(reason) => write!(f, "cancelled: {reason}"),
        }
    }
}

impl std::error::Error for Cancelled {}

impl From<Cancelled> for std::io::Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}
