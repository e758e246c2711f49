//! Groups as programs hold them.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::child::{ChildHandle, Started, Starting};
use super::error::{Failure, GroupError, Of};
use super::run::{Policy, Running};
use super::shared::Shared;
use crate::backend::Backend;
use crate::context;
use crate::sync::oneshot;
use crate::task::JoinHandle;
use crate::task::spawn::{Origin, outside, spawn_in, spawn_local_in};

/// Tasks that all end before the group does: none outlives it, whatever happens.
///
/// [`run`](Self::run) gives a body the group to spawn tasks in, and waits for the body and for every
/// task. When one of them fails, all others are asked to end, and are waited for as well: what they do
/// [to clean up](crate::task::catch_cancel) is awaited, and what fails on the way is told too. When
/// somebody asks the task around it to end, the group asks all of its own, waits for them, and leaves
/// the request to what is around it. A task that is cancelled by itself is no failure.
///
/// The group is a handle: a clone of it may go to its tasks, which may spawn more of them. It keeps
/// nothing of a task that has ended well: one that is there for ever may spawn for ever.
///
/// A task cannot borrow from what is around the group: a future may be forgotten instead of dropped,
/// and the task would look at what is gone.
///
/// # Cancel safety
/// Dropping the future of [`run`](Self::run) drops the body and all tasks, before the drop returns: they
/// do not clean up. One that is being polled by the very same thread, further up its stack, is dropped
/// when that poll returns.
///
/// # Under simulation
/// As [`spawn`](crate::spawn): a task that panics fails the run, unless its node's `on_failure` says
/// otherwise.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::TaskGroup;
///
/// let total = TaskGroup::<std::io::Error>::run(async |group| {
///     let one = group.spawn(async { Ok(1) });
///     let two = group.spawn(async { Ok(2) });
///     // Of one that failed there is no output, and its error is the group's.
///     Ok(one.await? + two.await?)
/// })
/// .await
/// .unwrap();
/// assert_eq!(total, 3);
/// # });
/// ```
pub struct TaskGroup<E> {
    shared: Arc<Shared<E>>,
}

impl<E: 'static> TaskGroup<E> {
    /// Runs `body` with a group, until it and every task of the group have ended.
    ///
    /// `body` is called at once, and what it returns is polled with the group: `async |group| { … }`.
    ///
    /// # Errors
    /// All that failed: errors and panics of tasks, and the body's error. Or that the group was
    /// cancelled.
    ///
    /// # Panics
    /// With the body's panic, once all tasks have ended. What failed beside it is
    /// [unobserved](crate::runtime::Builder::on_unobserved_failure).
    ///
    /// # Cancel safety
    /// See [`TaskGroup`].
    #[track_caller]
    pub fn run<R, B>(
        body: impl FnOnce(TaskGroup<E>) -> B,
    ) -> impl Future<Output = Result<R, GroupError<E>>>
    where
        B: Future<Output = Result<R, E>>,
    {
        Self::run_as(Policy::<Nobody<E>>::End, body)
    }

    /// As [`run`](Self::run), but a task that fails ends nobody else: all failures are told at the end.
    ///
    /// The body's error ends the tasks.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    ///
    /// # Panics
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    /// See [`TaskGroup`].
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::TaskGroup;
    ///
    /// let error = TaskGroup::supervise(async |group| {
    ///     for number in 0..4 {
    ///         group.spawn(async move {
    ///             match number % 2 {
    ///                 0 => Ok(number),
    ///                 _ => Err(number),
    ///             }
    ///         });
    ///     }
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap_err();
    /// assert_eq!(error.errors().count(), 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn supervise<R, B>(
        body: impl FnOnce(TaskGroup<E>) -> B,
    ) -> impl Future<Output = Result<R, GroupError<E>>>
    where
        B: Future<Output = Result<R, E>>,
    {
        Self::run_as(Policy::<Nobody<E>>::Keep, body)
    }

    /// As [`supervise`](Self::supervise), but `tell` is given each failure of a task when the group
    /// learns of it, and the group forgets it: for a group that is there for ever.
    ///
    /// # Errors
    /// The body's error, or that the group was cancelled.
    ///
    /// # Panics
    /// As [`run`](Self::run), and when `tell` does: the tasks are dropped.
    ///
    /// # Cancel safety
    /// See [`TaskGroup`].
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::TaskGroup;
    ///
    /// let mut failed = Vec::new();
    /// let served = TaskGroup::supervise_with(
    ///     |failure| failed.extend(failure.error().copied()),
    ///     async |connections| {
    ///         for number in 0..4 {
    ///             connections.spawn(async move { if number == 2 { Err(number) } else { Ok(()) } });
    ///         }
    ///         Ok(())
    ///     },
    /// );
    /// served.await.unwrap();
    /// assert_eq!(failed, [2]);
    /// # });
    /// ```
    #[track_caller]
    pub fn supervise_with<R, B>(
        tell: impl FnMut(Failure<E>),
        body: impl FnOnce(TaskGroup<E>) -> B,
    ) -> impl Future<Output = Result<R, GroupError<E>>>
    where
        B: Future<Output = Result<R, E>>,
    {
        Self::run_as(Policy::Tell(tell), body)
    }

    #[track_caller]
    fn run_as<R, B>(
        policy: Policy<impl FnMut(Failure<E>)>,
        body: impl FnOnce(TaskGroup<E>) -> B,
    ) -> impl Future<Output = Result<R, GroupError<E>>>
    where
        B: Future<Output = Result<R, E>>,
    {
        let shared = Arc::new(Shared::new());
        let group = Self {
            shared: shared.clone(),
        };
        // Not in an async block: what it has of `body` would have to be `Send` for all lifetimes.
        Running::new(shared, policy, Location::caller(), body(group))
    }

    /// Spawns a task of the group. Its output is that of the handle; its error is the group's.
    ///
    /// When the group is ending, or has ended, the future is dropped instead, and the handle says so.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<T, F>(&self, future: F) -> ChildHandle<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send,
    {
        self.begin(None, future, spawn_in)
    }

    /// As [`spawn`](Self::spawn), with a name for the task.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn_named<T, F>(&self, name: &str, future: F) -> ChildHandle<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send,
    {
        self.begin(Some(name), future, spawn_in)
    }

    /// As [`spawn`](Self::spawn), for a future that stays on this thread.
    ///
    /// # Panics
    /// As [`spawn_local`](crate::task::spawn_local).
    #[track_caller]
    pub fn spawn_local<T, F>(&self, future: F) -> ChildHandle<T>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        self.begin(None, future, spawn_local_in)
    }

    /// Spawns a task, and waits until it says that it has started: by [`Started::with`], which also
    /// hands over a value, or by dropping that.
    ///
    /// # Errors
    /// `ChildError::Ended` if the task ended, or dropped its [`Started`], without a value: why, is the
    /// group's business. `ChildError::Refused` as for [`spawn`](Self::spawn).
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it asks the task to end.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::TaskGroup;
    /// use simoom::net::{TcpListener, TcpStream};
    ///
    /// let ended = TaskGroup::<std::io::Error>::run(async |group| {
    ///     let server = group.start(|started| async move {
    ///         let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///         started.with(listener.local_addr()?);
    ///         listener.accept().await?;
    ///         Ok("served one")
    ///     });
    ///     let (addr, server) = server.await?;
    ///     TcpStream::connect(addr).await?;
    ///     Ok(server.await?)
    /// });
    /// assert_eq!(ended.await.unwrap(), "served one");
    /// # });
    /// ```
    #[track_caller]
    pub fn start<S, T, F>(&self, task: impl FnOnce(Started<S>) -> F) -> Starting<S, T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send,
    {
        let (tell, started) = oneshot::channel();
        Starting {
            started,
            child: Some(self.spawn(task(Started { tell }))),
        }
    }

    #[track_caller]
    fn begin<T, F>(
        &self,
        name: Option<&str>,
        future: F,
        spawn: impl FnOnce(&dyn Backend, Child<T, F>, Origin<'_>) -> JoinHandle<Result<(), E>>,
    ) -> ChildHandle<T> {
        let location = Location::caller();
        let (tell, output) = oneshot::channel();
        if !self.shared.is_open() {
            return ChildHandle { output, stop: None };
        }
        let child = Child {
            future,
            tell: Some(tell),
        };
        let origin = Origin {
            location,
            name,
            future: Some(std::any::type_name::<F>()),
        };
        let task = context::with_current(|backend| match backend {
            Some(backend) => spawn(backend, child, origin),
            None => outside("TaskGroup::spawn", location),
        });
        let origin = Of {
            id: task.id(),
            name: name.map(Into::into),
            location,
        };
        ChildHandle {
            output,
            stop: Some(self.shared.adopt(task, origin)),
        }
    }

    /// Asks the body and all tasks to end. No more can be spawned.
    ///
    /// The group then ends without a failure, unless something fails on the way: with the body's output
    /// if it has one.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::TaskGroup;
    ///
    /// let ended = TaskGroup::<std::io::Error>::run(async |group| {
    ///     let _endless = group.spawn(std::future::pending::<Result<(), _>>());
    ///     group.cancel();
    ///     Ok("done")
    /// });
    /// assert_eq!(ended.await.unwrap(), "done");
    /// # });
    /// ```
    pub fn cancel(&self) {
        self.shared.end(&None);
    }

    /// As [`cancel`](Self::cancel), and says why.
    pub fn cancel_with(&self, reason: impl Into<Arc<str>>) {
        self.shared.end(&Some(reason.into()));
    }

    /// As [`cancel`](Self::cancel), but drops whatever is left when `grace` has passed: what still
    /// cleans up then is cut off. Zero leaves it the one poll in which it is asked.
    ///
    /// Of several moments the earliest counts. It may be called for a group that is ending already.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::TaskGroup;
    /// use simoom::task::catch_cancel;
    /// use simoom::time::{Duration, sleep};
    ///
    /// let ended = TaskGroup::<std::io::Error>::run(async |group| {
    ///     group.spawn(async {
    ///         let _ = catch_cancel(std::future::pending::<()>()).await;
    ///         // It takes far too long.
    ///         sleep(Duration::from_secs(3_600)).await;
    ///         Ok(())
    ///     });
    ///     simoom::task::yield_now().await;
    ///     group.cancel_within(Duration::from_millis(5));
    ///     Ok("done")
    /// });
    /// assert_eq!(ended.await.unwrap(), "done");
    /// # });
    /// ```
    pub fn cancel_within(&self, grace: Duration) {
        self.shared.end_within(grace, &None);
    }

    /// How many tasks of the group have not ended, or have and the group was not polled since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whom nothing is told.
type Nobody<E> = fn(Failure<E>);

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").finish_non_exhaustive()
    }
}

pin_project! {
    /// A task of a group, whose output goes to its handle.
    struct Child<T, F> {
        #[pin]
        future: F,
        tell: Option<oneshot::Sender<T>>,
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for Child<T, F> {
    type Output = Result<(), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = ready!(this.future.poll(cx))?;
        if let Some(tell) = this.tell.take() {
            // Nobody need wait for it.
            drop(tell.send(output));
        }
        Poll::Ready(Ok(()))
    }
}
