//! Numbers that tell tasks apart.

use std::num::NonZeroU64;

/// A number that tells one task from the others of its process.
///
/// Under simulation ids depend only on the run, never on what ran before it.
///
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let one = simoom::spawn(async {});
/// let two = simoom::spawn(async {});
/// assert_ne!(one.id(), two.id());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(NonZeroU64);

impl Id {
    /// The id of number `number`, which must not be 0.
    #[doc(hidden)]
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(NonZeroU64::new(number).expect("task ids count from 1"))
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
