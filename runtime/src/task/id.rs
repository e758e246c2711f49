//! Numbers that tell tasks apart.

use std::num::NonZeroU64;

use super::cell::{TaskRef, current};

/// The id of the task that runs this code.
///
/// In a closure of [`spawn_blocking`](super::spawn_blocking) it is the closure's.
///
/// # Panics
/// Outside a task, also in the future of [`block_on`](crate::runtime::Runtime::block_on) and in a
/// `main` or a test that an attribute made of it, which are none. [`try_id`] says so instead.
///
/// # Under simulation
/// A simulated test and the main of a node are tasks.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = simoom::spawn(async { simoom::task::id() });
/// let id = task.id();
/// assert_eq!(task.await.unwrap(), id);
/// # });
/// ```
#[track_caller]
#[must_use]
pub fn id() -> Id {
    try_id().expect("`task::id` was called outside a task: `task::try_id` may be")
}

/// The id of the task that runs this code, or `None` outside a task, as [`id`] has it.
///
/// # Examples
/// ```
/// assert!(simoom::task::try_id().is_none());
/// ```
#[must_use]
pub fn try_id() -> Option<Id> {
    current::with(|task| task.map(TaskRef::id))
}

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
    /// The number itself, as spans have it.
    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }

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
