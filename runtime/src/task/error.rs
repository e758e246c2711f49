//! Why a task has no output.

use std::any::Any;
use std::fmt;
use std::sync::{Mutex, PoisonError};

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
    /// Boxed, because every task keeps room for a result.
    panic: Option<Box<Panic>>,
}

struct Panic {
    message: Option<String>,
    /// The payload is `Send` but not `Sync`: the lock, never contended, makes the error both.
    payload: Mutex<Payload>,
}

impl JoinError {
    pub(crate) fn cancelled(id: Id) -> Self {
        Self { id, panic: None }
    }

    pub(crate) fn panicked(id: Id, payload: Payload) -> Self {
        let message = payload.downcast_ref::<String>().cloned().or_else(|| {
            payload
                .downcast_ref::<&'static str>()
                .map(|&text| text.to_owned())
        });
        Self {
            id,
            panic: Some(Box::new(Panic {
                message,
                payload: Mutex::new(payload),
            })),
        }
    }

    /// Whether the task was aborted, or dropped with its runtime.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
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
        match self.panic {
            Some(panic) => Ok(panic
                .payload
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)),
            None => Err(self),
        }
    }

    /// The task this is about.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    fn message(&self) -> Option<&str> {
        self.panic.as_ref()?.message.as_deref()
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.panic, self.message()) {
            (None, _) => write!(f, "task {} was cancelled", self.id),
            (Some(_), Some(message)) => {
                write!(f, "task {} panicked with message {message:?}", self.id)
            }
            (Some(_), None) => write!(f, "task {} panicked", self.id),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.panic, self.message()) {
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
