//! The running task, as it sees itself.

use super::join::AbortHandle;

/// A handle of the task that runs this code: to pass on to whoever may have to stop it, or to look at
/// its name and id.
///
/// In a closure of [`spawn_blocking`](super::spawn_blocking) it is the closure's.
///
/// # Panics
/// Outside a task, as [`id`](super::id()). [`try_current`] says so instead.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = simoom::spawn(async {
///     // It is over after this poll.
///     simoom::task::current().cancel();
///     std::future::pending::<()>().await
/// });
/// assert!(task.await.unwrap_err().is_cancelled());
/// # });
/// ```
#[track_caller]
#[must_use]
pub fn current() -> AbortHandle {
    try_current().expect("`task::current` was called outside a task: `task::try_current` may be")
}

/// As [`current`], or `None` outside a task.
///
/// # Examples
/// ```
/// assert!(simoom::task::try_current().is_none());
/// ```
#[must_use]
pub fn try_current() -> Option<AbortHandle> {
    AbortHandle::current()
}
