//! A runtime, as its owner holds it.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::pin;
use std::time::{Duration, Instant};

use super::builder::AtDrop;
use super::{Builder, Handle};
use crate::backend::Engine;
use crate::block;
use crate::context::{self, EnterGuard};
use crate::task::{JoinHandle, Shutdown, end_all_at};

/// Runs tasks, timers and sockets while a thread is inside [`block_on`](Self::block_on).
///
/// Dropping the runtime drops every task that it still holds, inside the runtime, and ends all its
/// timers and sockets: an operation on a socket that outlives it fails. That they end by themselves
/// first, is what [`shutdown_within`](Self::shutdown_within) is for, and
/// [`Builder::shutdown_within`]. If tasks that were spawned
/// by [`spawn_local`](crate::task::spawn_local) are left, drop it on the thread that ran them: on
/// any other they are leaked, for they must not be dropped there.
///
/// It then waits for the closures of [`spawn_blocking`](crate::task::spawn_blocking) that run,
/// however long that takes, and drops those that have not started; see
/// [`shutdown_timeout`](Self::shutdown_timeout). Dropping a runtime inside another one therefore
/// panics if such closures are running; tokio's panics there in any case.
///
/// # Examples
/// ```
/// let rt = simoom::runtime::Runtime::new().unwrap();
/// let answer = rt.block_on(async {
///     let task = simoom::spawn(async { 6 * 7 });
///     task.await.unwrap()
/// });
/// assert_eq!(answer, 42);
/// ```
pub struct Runtime {
    engine: Box<dyn Engine>,
    handle: Handle,
    /// What is done when it is dropped, unless it has been shut down before.
    at_drop: Option<AtDrop>,
}

impl Runtime {
    /// A runtime with the defaults of [`Builder::new_current_thread`].
    ///
    /// # Errors
    /// When the operating system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        Builder::new_current_thread().build()
    }

    pub(super) fn new_in(engine: Box<dyn Engine>, at_drop: Option<AtDrop>) -> Self {
        let handle = Handle::new(engine.remote());
        Self {
            engine,
            handle,
            at_drop,
        }
    }

    /// Runs `future` to its end on this thread, and the runtime's tasks beside it.
    ///
    /// Tasks that have not ended by then stay, and go on in the next call. If several threads call
    /// this at once, one of them runs the tasks and each polls its own future; when the first
    /// leaves, another goes on with the tasks.
    ///
    /// # Panics
    /// When this thread is already inside a runtime; when the runtime holds tasks that
    /// [`spawn_local`](crate::task::spawn_local) started on another thread; when `future` does.
    ///
    /// # Examples
    /// ```
    /// let rt = simoom::runtime::Runtime::new().unwrap();
    /// assert_eq!(rt.block_on(async { "done" }), "done");
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        block::assert_may_block("block_on");
        assert!(
            !context::is_guest(),
            "a simulated program runs no runtime of its own: use `Handle::current().block_on`"
        );
        let mut future = pin!(future);
        let mut output = None;
        self.engine.block_on(&mut |cx| {
            let polled = future.as_mut().poll(cx);
            polled.map(|value| output = Some(value))
        });
        output.expect("the engine returns when the root is ready")
    }

    /// Starts a task; it runs while a thread is inside [`block_on`](Self::block_on).
    ///
    /// # Examples
    /// ```
    /// let rt = simoom::runtime::Runtime::new().unwrap();
    /// let task = rt.spawn(async { 5 });
    /// assert_eq!(rt.block_on(task).unwrap(), 5);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// A handle by which other threads reach the runtime.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What it counts.
    #[must_use]
    pub fn metrics(&self) -> super::RuntimeMetrics {
        self.handle.metrics()
    }

    /// Makes this the runtime of [`spawn`](crate::spawn) and of new sockets and timers on this
    /// thread, until the guard is dropped. Guards must be dropped in reverse order.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Runs `f` on a thread where it may block; see
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Examples
    /// ```
    /// let rt = simoom::runtime::Runtime::new().unwrap();
    /// let answer = rt.spawn_blocking(|| 6 * 7);
    /// assert_eq!(rt.block_on(answer).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.spawn_blocking(f)
    }

    /// Drops the runtime, and waits at most `timeout` for the closures of
    /// [`spawn_blocking`](crate::task::spawn_blocking) that run. Those that are left run on.
    ///
    /// # Panics
    /// Inside a runtime, unless `timeout` is zero.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let rt = simoom::runtime::Runtime::new().unwrap();
    /// let (end, ended) = std::sync::mpsc::channel::<()>();
    /// rt.spawn_blocking(move || ended.recv());
    /// rt.shutdown_timeout(Duration::from_millis(1));
    /// drop(end);
    /// ```
    #[track_caller]
    pub fn shutdown_timeout(self, timeout: Duration) {
        self.engine.shut_down(Some(timeout));
    }

    /// Drops the runtime without waiting for the closures of
    /// [`spawn_blocking`](crate::task::spawn_blocking) that run. Unlike a plain drop this may be
    /// done inside another runtime.
    pub fn shutdown_background(self) {
        self.shutdown_timeout(Duration::ZERO);
    }

    /// Asks every task to end, runs the runtime until they have, `bound` at most, then drops the rest
    /// and the runtime, and tells what had to be dropped.
    ///
    /// What they are asked, and in which order, is said at [`end_all`](crate::task::end_all). A panic
    /// of a task that nobody joins goes to
    /// [`on_unobserved_failure`](Builder::on_unobserved_failure). What is left of `bound` is waited for
    /// the closures of [`spawn_blocking`](crate::task::spawn_blocking); those that still run then run
    /// on.
    ///
    /// # Panics
    /// As [`block_on`](Self::block_on): inside a runtime, and on another thread than the one that ran
    /// tasks of [`spawn_local`](crate::task::spawn_local) that are left.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom::task::catch_cancel;
    ///
    /// let rt = simoom::runtime::Runtime::new().unwrap();
    /// rt.spawn(async {
    ///     let asked = catch_cancel(std::future::pending::<()>()).await;
    ///     assert_eq!(asked.unwrap_err().reason(), Some("the runtime is shut down"));
    /// });
    /// rt.spawn(async {
    ///     // It has an answer, and does not give it.
    ///     let _ = catch_cancel(std::future::pending::<()>()).await;
    ///     std::future::pending::<()>().await;
    /// });
    /// rt.block_on(simoom::task::yield_now());
    /// let shutdown = rt.shutdown_within(Duration::from_millis(20));
    /// assert_eq!(shutdown.dropped().len(), 1);
    /// println!("{shutdown}");
    /// ```
    #[track_caller]
    pub fn shutdown_within(self, bound: Duration) -> Shutdown {
        self.wind_down(bound)
    }

    #[track_caller]
    fn wind_down(&self, bound: Duration) -> Shutdown {
        let begun = Instant::now();
        let shutdown = self.block_on(end_all_at(bound, Location::caller()));
        self.engine
            .shut_down(Some(bound.saturating_sub(begun.elapsed())));
        shutdown
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let Some(at_drop) = self.at_drop.take() else {
            return;
        };
        // Elsewhere its tasks cannot be run, only dropped.
        if self.engine.may_run_here() {
            let shutdown = self.wind_down(at_drop.bound);
            // A panic would be one of a destructor.
            let told = catch_unwind(AssertUnwindSafe(|| at_drop.tell(&shutdown)));
            std::mem::forget(told);
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
