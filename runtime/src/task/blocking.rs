//! Closures that block their thread.
//!
//! Owns how such a closure becomes something to wait for. Knows nothing of the threads.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::cell::SendTask;
use super::inbox::Owner;
use super::join::JoinHandle;
use super::spawn::{Origin, outside};
use crate::backend::{Backend, Job};
use crate::context;

/// Runs `f` on a thread where it may block, and returns a handle to wait for its result.
///
/// The runtime starts threads for this as they are needed, at most
/// [`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads); with all of them busy,
/// closures wait their turn in the order in which they came. `f` runs whether or not the handle is
/// kept. [`abort`](JoinHandle::abort) keeps it from being run if it has not started; once it has,
/// nothing stops it. If it panics, joining it gives a [`JoinError`](super::JoinError).
///
/// Inside of it, [`Handle::current`](crate::runtime::Handle::current) is the runtime, and
/// [`Handle::block_on`](crate::runtime::Handle::block_on) waits for futures. Dropping the runtime
/// waits for closures that have started, and drops the others unrun.
///
/// # Panics
/// Outside a runtime; when the system has no room for the first thread.
///
/// # Under simulation
/// The closure belongs to the node of the task that spawned it. It runs on a thread of its own, but
/// never beside anything else of the simulation: it goes on until it returns or waits for something
/// of simoom (a `block_on`, a blocking channel end or lock), and then, as a task does, leaves the
/// choice of who goes on to the seed. No virtual time passes while it runs. What waits for another
/// task in any other way (`std::sync`, a loop) waits for ever, and is ended after 10 s of real
/// time. A panic fails the run as a task's does. When its node is killed it is unwound from the
/// place where it waits.
///
/// # Examples
/// ```
/// #[simoom::main]
/// async fn main() {
///     let sorted = simoom::task::spawn_blocking(|| {
///         let mut numbers = vec![3, 1, 2];
///         numbers.sort();
///         numbers
///     });
///     assert_eq!(sorted.await.unwrap(), [1, 2, 3]);
/// }
/// ```
///
/// To have fewer of one sort run at a time than there are threads, take a permit before, and give it
/// back at the end of the closure, whoever still waits for that:
/// ```
/// use std::sync::Arc;
/// use simoom::sync::Semaphore;
///
/// #[simoom::main]
/// async fn main() {
///     let slots = Arc::new(Semaphore::new(2));
///     let slot = slots.clone().acquire_owned().await.unwrap();
///     let hashed = simoom::task::spawn_blocking(move || {
///         let _slot = slot;
///         6 * 7
///     });
///     assert_eq!(hashed.await.unwrap(), 42);
///     assert_eq!(slots.available_permits(), 2);
/// }
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let location = Location::caller();
    context::with_current(|backend| match backend {
        Some(backend) => spawn_blocking_in(backend, f, location.into()),
        None => outside("spawn_blocking", location),
    })
}

/// Runs `f` here, where it may block, if this thread runs no tasks that would wait for it.
///
/// A thread of [`spawn_blocking`], and one outside every runtime, runs none.
///
/// # Panics
/// On a thread that runs tasks. All runtimes run theirs on one thread, and nothing could go on
/// meanwhile: use [`spawn_blocking`]. When `f` does.
///
/// # Examples
/// ```
/// #[simoom::main]
/// async fn main() {
///     let answer = simoom::task::spawn_blocking(|| simoom::task::block_in_place(|| 42));
///     assert_eq!(answer.await.unwrap(), 42);
/// }
/// ```
#[track_caller]
pub fn block_in_place<F, R>(f: F) -> R
where
    F: FnOnce() -> R,
{
    assert!(
        !context::is_inside(),
        "`block_in_place` was called on a thread that runs a runtime's tasks, which all wait for \
         it: use `task::spawn_blocking`"
    );
    f()
}

/// Runs `f` on a thread of `backend` that may block.
pub(crate) fn spawn_blocking_in<F, R>(
    backend: &dyn Backend,
    f: F,
    origin: Origin<'_>,
) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let closure = Closure(Some(f));
    let (task, join) = SendTask::new(closure, Owner::nobody(), backend.next_id(), origin);
    let location = origin.location;
    backend.run_blocking(Job::task(task, std::any::type_name::<F>(), location));
    JoinHandle::new(join, location)
}

/// A closure as a future that is ready when first polled.
struct Closure<F>(Option<F>);

impl<F> Unpin for Closure<F> {}

impl<F: FnOnce() -> R, R> Future for Closure<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<R> {
        let f = self.0.take().expect("a closure is polled once");
        Poll::Ready(f())
    }
}
