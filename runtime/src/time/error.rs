//! Why a wait did not end well.

use std::fmt;
use std::io;

/// The deadline passed before the future was done.
///
/// Converts into an [`io::Error`] of the kind `TimedOut`.
///
/// # Examples
/// ```
/// use simoom::time::{timeout, Duration};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let late = timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
/// let error = std::io::Error::from(late.unwrap_err());
/// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl Elapsed {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}
