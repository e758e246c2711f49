//! A runtime, as any thread may hold it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::{Id, RuntimeFlavor, RuntimeMetrics};
use crate::backend::{Backend, Census, Origin, Remote};
use crate::block;
use crate::context::{self, EnterGuard};
use crate::dump::{Answer, Dump};
use crate::sync::oneshot;
use crate::task::{self, JoinHandle, TaskInfo};

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

    /// Which runtime it is.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::of(self.remote.number())
    }

    /// On how many threads it runs its tasks.
    #[must_use]
    pub fn runtime_flavor(&self) -> RuntimeFlavor {
        RuntimeFlavor::CurrentThread
    }

    /// What it counts.
    #[must_use]
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::of(self.clone())
    }

    /// The tasks of the runtime that have not ended, as [`task::all`](crate::task::all), from any
    /// thread: the thread that runs it is asked, which answers between two polls of tasks.
    ///
    /// Waits while no thread is inside [`block_on`](super::Runtime::block_on). None once the runtime
    /// has ended.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Under simulation
    /// The tasks of the running node.
    ///
    /// # Examples
    /// ```
    /// let rt = simoom::runtime::Runtime::new().unwrap();
    /// let task = rt.spawn(std::future::pending::<()>());
    /// let tasks = rt.block_on(rt.handle().tasks());
    /// assert_eq!(tasks[0].id(), task.id());
    /// ```
    #[track_caller]
    pub fn tasks(&self) -> impl Future<Output = Vec<TaskInfo>> + Send + use<> {
        let (handle, site) = (self.clone(), Location::caller());
        async move {
            if context::owner() == handle.remote.owner().id && !context::is_guest() {
                return handle.view(|backend| backend.tasks().unwrap_or_default());
            }
            let asked = async { (task::id(), task::all()) };
            let Ok((this, mut tasks)) = handle.spawn_from(asked, site.into()).await else {
                return Vec::new();
            };
            tasks.retain(|task| task.id() != this);
            tasks
        }
    }

    /// Looks at all tasks of the runtime: what each waits for, the functions in which it stands there,
    /// and whose end it waits for. From any thread.
    ///
    /// Waits until the thread that runs the runtime has no task to poll just now; while none is inside
    /// [`block_on`](super::Runtime::block_on), for that. Empty once the runtime has ended.
    ///
    /// Each task that was polled before is polled once, while no operation of simoom's is ever ready,
    /// and once more after that: what a task does of its own in between, it does. A future that its
    /// task polls only when it was woken, as one of `FuturesUnordered`, is not seen; who holds the lock
    /// that a task waits for is not known.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Under simulation
    /// Looking would change the run: there is what [`tasks`](Self::tasks) says, without stacks, and
    /// without who waits for whom. The report of a deadlock has both, also of locks.
    ///
    /// # Examples
    /// ```
    /// use simoom::runtime::Handle;
    /// use simoom::task::Builder;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// async fn wait_for_ever() {
    ///     std::future::pending::<()>().await
    /// }
    /// let worker = Builder::new().name("worker").spawn(wait_for_ever()).unwrap();
    /// let id = worker.id();
    /// let boss = Builder::new().name("boss").spawn(worker).unwrap();
    /// simoom::task::yield_now().await;
    ///
    /// let dump = Handle::current().dump().await;
    /// assert_eq!(dump.task(boss.id()).unwrap().awaits(), [id]);
    /// // For people.
    /// println!("{dump}");
    /// # boss.abort();
    /// # });
    /// ```
    #[track_caller]
    pub fn dump(&self) -> impl Future<Output = Dump> + Send + use<> {
        let (handle, (send, receive)) = (self.clone(), oneshot::channel());
        async move {
            match handle.view(|backend| backend.dump(Answer::Send(send))) {
                Ok(()) => receive.await.unwrap_or_default(),
                Err(_answer) => Dump::without_stacks(handle.tasks().await),
            }
        }
    }

    pub(super) fn census(&self) -> Census {
        self.view(|backend| backend.census())
    }

    /// Calls `f` with the runtime as this thread sees it best.
    fn view<R>(&self, f: impl FnOnce(&dyn Backend) -> R) -> R {
        if context::owner() == self.remote.owner().id {
            // Not the current backend: this thread may have entered another runtime since.
            return context::with_holder(|backend| f(backend.unwrap_or(self.remote.view())));
        }
        f(self.remote.view())
    }

    /// Starts a task in the runtime, from any thread; see [`spawn`](crate::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_from(future, Location::caller().into())
    }

    pub(crate) fn spawn_from<F>(&self, future: F, origin: Origin<'_>) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.view(|backend| task::spawn_in(backend, future, origin))
    }

    /// Runs `f` on a thread where it may block; see
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Examples
    /// ```
    /// let rt = simoom::runtime::Runtime::new().unwrap();
    /// let answer = rt.handle().spawn_blocking(|| 6 * 7);
    /// assert_eq!(rt.block_on(answer).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.spawn_blocking_from(f, Location::caller().into())
    }

    pub(crate) fn spawn_blocking_from<F, R>(&self, f: F, origin: Origin<'_>) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.view(|backend| task::spawn_blocking_in(backend, f, origin))
    }

    /// Runs `future` to its end on this thread, while another one runs the runtime.
    ///
    /// For threads that may block: those of [`spawn_blocking`](Self::spawn_blocking) and those that
    /// are no runtime's. This does not run the runtime's tasks, timers and sockets: unless some thread is inside
    /// [`Runtime::block_on`](super::Runtime::block_on), a future that needs them waits for ever.
    ///
    /// # Panics
    /// When this thread is already inside a runtime; when the runtime is dropped while `future`
    /// waits for one of its timers; when `future` does.
    ///
    /// # Examples
    /// ```
    /// let rt = simoom::runtime::Runtime::new().unwrap();
    /// let handle = rt.handle().clone();
    /// let task = rt.spawn(async { 5 });
    /// let thread = std::thread::spawn(move || handle.block_on(task));
    /// rt.block_on(async {
    ///     while !thread.is_finished() {
    ///         simoom::task::yield_now().await;
    ///     }
    /// });
    /// assert_eq!(thread.join().unwrap().unwrap(), 5);
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        block::assert_may_block("block_on");
        if context::owner() == self.remote.owner().id {
            // This thread was lent the world.
            return context::with_holder(|backend| {
                block::block_on_in(backend.unwrap_or(self.remote.view()), future)
            });
        }
        let view = self.remote.view();
        context::enter(view, None, || block::block_on_in(view, future))
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

impl TryCurrentError {
    /// Whether this thread is not inside a runtime: always.
    #[must_use]
    pub fn is_missing_context(&self) -> bool {
        true
    }

    /// Whether this thread is ending, and does not know any more what it was inside: never. Such a
    /// thread counts as not inside a runtime.
    #[must_use]
    pub fn is_thread_local_destroyed(&self) -> bool {
        false
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this thread is not inside a simoom runtime: call it inside `Runtime::block_on`, \
             `#[simoom::main]` or `#[simoom::test]`, or keep the guard of `Handle::enter`",
        )
    }
}

impl std::error::Error for TryCurrentError {}
