//! Why something that was gathered has no output.

use std::error::Error;
use std::fmt;

use crate::task::JoinError;

/// Why something that was gathered has no output.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::asyncio::{GatherError, gather};
///
/// let error = gather([async { Err::<(), _>("no such user") }]).await.unwrap_err();
/// assert!(matches!(error, GatherError::Error("no such user")));
/// assert_eq!(error.to_string(), "no such user");
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum GatherError<E> {
    /// It returned an error.
    Error(E),
    /// It panicked or was cancelled.
    Join(JoinError),
}

impl<E> GatherError<E> {
    pub(super) fn of<T>(ended: Result<Result<T, E>, JoinError>) -> Result<T, Self> {
        match ended {
            Ok(output) => output.map_err(Self::Error),
            Err(error) => Err(Self::Join(error)),
        }
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Join(error) if error.is_cancelled())
    }

    /// The error that it returned, if that is why.
    #[must_use]
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Error(error) => Some(error),
            Self::Join(_) => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for GatherError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Join(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for GatherError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Error(error) => error.source(),
            Self::Join(error) => error.source(),
        }
    }
}
