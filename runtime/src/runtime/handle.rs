//! A runtime, as any thread may hold it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use crate::backend::{Backend, Remote};
use crate::context::{self, EnterGuard};
use crate::task::{self, JoinHandle};

/// Reaches a runtime from anywhere: spawns into it, enters it.
///
/// Cloning is cheap. A handle does not keep its runtime running: once the runtime is dropped,
/// spawning gives a task that is cancelled at once.
///
/// # Examples
/// ```
/// let rt = simoom::runtime::Runtime::new().unwrap();
/// let handle = rt.handle().clone();
/// let thread = std::thread::spawn(move || handle.spawn(async { 5 }));
/// let task = thread.join().unwrap();
/// assert_eq!(rt.block_on(task).unwrap(), 5);
/// ```
#[derive(Clone)]
pub struct Handle {
    remote: Arc<dyn Remote>,
}

impl Handle {
    pub(crate) fn new(remote: Arc<dyn Remote>) -> Self {
        Self { remote }
    }

    /// The runtime that this thread is inside of, or has entered.
    ///
    /// # Panics
    /// Outside a runtime; see [`try_current`](Self::try_current).
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// The runtime that this thread is inside of, or has entered.
    ///
    /// # Errors
    /// Outside a runtime.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        context::with_current(|backend| backend.map(|backend| Self::new(backend.remote())))
            .ok_or(TryCurrentError(()))
    }

    /// Makes this the runtime of [`spawn`](crate::spawn) and of new sockets and timers on this
    /// thread, until the guard is dropped. Guards must be dropped in reverse order.
    pub fn enter(&self) -> EnterGuard<'_> {
        context::enter_remote(self.remote.clone())
    }

    /// Starts a task in the runtime, from any thread; see [`spawn`](crate::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let location = Location::caller();
        let owner = self.remote.owner();
        if context::owner() == owner.id {
            return context::with_current(|backend| {
                task::spawn_in(backend.unwrap_or(self.remote.view()), future, location)
            });
        }
        task::spawn_in(self.remote.view(), future, location)
    }

    /// The view of the runtime that works on this thread.
    pub(crate) fn view(&self) -> &dyn Backend {
        self.remote.view()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("id", &self.remote.owner().id)
            .finish()
    }
}

/// This thread is not inside a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryCurrentError(());

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this thread is not inside a simoom runtime: call it inside `Runtime::block_on`, \
             `#[simoom::main]` or `#[simoom::test]`, or keep the guard of `Handle::enter`",
        )
    }
}

impl std::error::Error for TryCurrentError {}
