//! Tasks for hyper.

use std::future::Future;

use hyper::rt;

/// Spawns what hyper has to run beside its connections as tasks of the current runtime.
///
/// # Panics
/// When hyper spawns outside a runtime.
///
/// # Examples
/// ```
/// use hyper::rt::Executor as _;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, receiver) = simoom::sync::oneshot::channel();
/// simoom::http::Executor::new().execute(async move { sender.send(5).unwrap() });
/// assert_eq!(receiver.await.unwrap(), 5);
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Executor;

impl Executor {
    /// An executor.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<F> rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(crate::spawn(future));
    }
}
