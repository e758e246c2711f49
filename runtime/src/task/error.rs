//! Why a task has no output.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::cancel::Reason;
use super::cell::Payload;
use super::id::Id;

/// Why a task has no output: it panicked, or it was cancelled.
///
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = simoom::spawn(std::future::pending::<()>());
/// task.abort();
/// let error = task.await.unwrap_err();
/// assert!(error.is_cancelled());
/// # });
/// ```
pub struct JoinError {
    id: Id,
    /// Boxed, because every task keeps room for a result; none if it was cancelled without a reason.
    cause: Option<Box<Cause>>,
}

enum Cause {
    Cancelled(Arc<str>),
    Panicked(Panic),
}

struct Panic {
    message: Option<String>,
    /// The payload is `Send` but not `Sync`: the lock, never contended, makes the error both.
    payload: Mutex<Payload>,
}

impl JoinError {
    pub(crate) fn cancelled(id: Id, reason: Reason) -> Self {
        let cause = reason.map(|reason| Box::new(Cause::Cancelled(reason)));
        Self { id, cause }
    }

    pub(crate) fn panicked(id: Id, payload: Payload) -> Self {
        let message = payload.downcast_ref::<String>().cloned().or_else(|| {
            payload
                .downcast_ref::<&'static str>()
                .map(|&text| text.to_owned())
        });
        Self {
            id,
            cause: Some(Box::new(Cause::Panicked(Panic {
                message,
                payload: Mutex::new(payload),
            }))),
        }
    }

    /// Whether the task was aborted or cancelled, or dropped with its runtime.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        !self.is_panic()
    }

    /// Why the task was cancelled, in the words that
    /// [`cancel_with`](super::JoinHandle::cancel_with) was given.
    #[must_use]
    pub fn cancel_reason(&self) -> Option<&str> {
        match self.cause.as_deref()? {
            Cause::Cancelled(reason) => Some(reason),
            Cause::Panicked(_) => None,
        }
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.panic().is_some()
    }

    /// The payload of the task's panic, as `std::panic::catch_unwind` would return it.
    ///
    /// # Panics
    /// If the task was cancelled.
    #[must_use]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("`into_panic` on an error that is no panic: {error}"),
        }
    }

    /// The payload of the task's panic, or the error itself if the task was cancelled.
    ///
    /// # Errors
    /// If the task was cancelled.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, Self> {
        match self.cause.map(|cause| *cause) {
            Some(Cause::Panicked(panic)) => Ok(panic
                .payload
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)),
            Some(Cause::Cancelled(reason)) => Err(Self::cancelled(self.id, Some(reason))),
            None => Err(Self::cancelled(self.id, None)),
        }
    }

    /// The task this is about.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    fn panic(&self) -> Option<&Panic> {
        match self.cause.as_deref()? {
            Cause::Panicked(panic) => Some(panic),
            Cause::Cancelled(_) => None,
        }
    }

    fn message(&self) -> Option<&str> {
        self.panic()?.message.as_deref()
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.panic(), self.message()) {
            (None, _) => {
                write!(f, "task {} was cancelled", self.id)?;
                match self.cancel_reason() {
                    Some(reason) => write!(f, ": {reason}"),
                    None => Ok(()),
                }
            }
            (Some(_), Some(message)) => {
                write!(f, "task {} panicked with message {message:?}", self.id)
            }
            (Some(_), None) => write!(f, "task {} panicked", self.id),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.panic(), self.message()) {
            (None, _) => write!(f, "JoinError::Cancelled({})", self.id),
            (Some(_), Some(message)) => {
                write!(f, "JoinError::Panic({}, {message:?}, ...)", self.id)
            }
            (Some(_), None) => write!(f, "JoinError::Panic({}, ...)", self.id),
        }
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for std::io::Error {
    fn from(error: JoinError) -> Self {
        let text = if error.is_panic() {
            "task panicked"
        } else {
            "task was cancelled"
        };
        std::io::Error::other(format!("{text}: {error}"))
    }
}
