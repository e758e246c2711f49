//! How futures become tasks.

use std::future::Future;
use std::panic::Location;

use super::cell::{SendTask, Task};
use super::join::JoinHandle;
use crate::backend::Backend;
use crate::context;

/// Starts a task that runs `future` beside the caller, and returns a handle to wait for it.
///
/// The task is queued, not polled, before this returns. It runs whether or not the handle is kept;
/// it is dropped with its runtime.
///
/// # Panics
/// Outside a runtime.
///
/// # Under simulation
/// The task belongs to the node of the task that spawned it. If it panics the run fails, also when
/// somebody joins it, unless the node's `on_failure` says otherwise.
///
/// # Examples
/// ```
/// #[simoom::main]
/// async fn main() {
///     let task = simoom::spawn(async { "done" });
///     assert_eq!(task.await.unwrap(), "done");
/// }
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let location = Location::caller();
    context::with_current(|backend| match backend {
        Some(backend) => spawn_in(backend, future, location.into()),
        None => outside("spawn", location),
    })
}

/// Starts a task that stays on this thread, so that its future need not be `Send`.
///
/// It belongs to the [`LocalSet`](super::LocalSet) that is the current one, if there is one.
///
/// # Panics
/// Outside a runtime, or on a thread that has only [entered](crate::runtime::Handle::enter) one:
/// the task can run only on the thread that is inside `block_on`.
///
/// # Examples
/// ```
/// #[simoom::main]
/// async fn main() {
///     let shared = std::rc::Rc::new(5);
///     let task = simoom::task::spawn_local(async move { *shared });
///     assert_eq!(task.await.unwrap(), 5);
/// }
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    super::local_set::spawn_in_current(future, Location::caller().into())
}

/// Where a task comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Where it was spawned.
    pub location: &'static Location<'static>,
    /// The name that its spawner gave it.
    pub name: Option<&'a str>,
    /// The type of the spawner's future, if that is inside another.
    pub future: Option<&'static str>,
}

impl From<&'static Location<'static>> for Origin<'_> {
    fn from(location: &'static Location<'static>) -> Self {
        Self {
            location,
            name: None,
            future: None,
        }
    }
}

#[cold]
pub(super) fn outside(what: &str, location: &Location<'_>) -> ! {
    panic!(
        "`{what}` was called outside a simoom runtime, at {location}: call it inside `Runtime::block_on`, \
         `#[simoom::main]` or `#[simoom::test]`, or keep the guard of `Handle::enter`"
    )
}

/// Starts a task in `backend`, from any thread.
pub fn spawn_in<F>(backend: &dyn Backend, future: F, origin: Origin<'_>) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let owner = backend.owner();
    let (task, join) = SendTask::new(future, owner, backend.next_id(), origin);
    if context::owner() == owner.id {
        backend.spawn(task.into_task());
    } else {
        backend.spawn_send(task);
    }
    JoinHandle::new(join, origin.location)
}

/// Starts a task in `backend`, whose world this thread must hold.
///
/// # Panics
/// If this thread does not hold it.
#[track_caller]
pub fn spawn_local_in<F>(
    backend: &dyn Backend,
    future: F,
    origin: Origin<'_>,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let owner = backend.owner();
    assert!(
        context::owner() == owner.id && !context::is_guest(),
        "`spawn_local` was called on a thread that does not run the runtime: call it inside \
         `block_on`"
    );
    let (task, join) = Task::new(future, owner, backend.next_id(), origin);
    backend.spawn(task);
    JoinHandle::new(join, origin.location)
}
