//! Telling runtimes apart.

use std::fmt;

/// Which runtime it is, among those of this process.
///
/// No two that exist at a time have the same. Under simulation, which of the nodes.
///
/// # Examples
/// ```
/// use simoom::runtime::Runtime;
///
/// let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
/// assert_ne!(one.handle().id(), other.handle().id());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(u64);

impl Id {
    pub(super) fn of(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

/// On how many threads a runtime runs its tasks.
///
/// # Examples
/// ```
/// use simoom::runtime::{Runtime, RuntimeFlavor};
///
/// let rt = Runtime::new().unwrap();
/// assert_eq!(rt.handle().runtime_flavor(), RuntimeFlavor::CurrentThread);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeFlavor {
    /// On the one that is inside [`block_on`](super::Runtime::block_on).
    CurrentThread,
    /// On several. No runtime is of this sort yet.
    MultiThread,
}
