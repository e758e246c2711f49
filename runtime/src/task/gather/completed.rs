//! Outputs one by one, as they come.
//!
//! Owns the end of tasks whose outputs nobody wants any more. Knows nothing of failures: what came of
//! a task is an output.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::watched::Watched;
use crate::context;
use crate::coop::{Op, OpKind, proceed};
use crate::dump::collect::note_members;
use crate::task::spawn::{outside, spawn_in};
use crate::task::{JoinError, JoinHandle};

/// Runs all of `futures` as tasks, beside each other, for their outputs one by one, as they come.
///
/// They are spawned before this returns, and go on whether or not somebody waits. Each output comes
/// with the place of its future among `futures`. Dropped, it ends those that are left. For a deadline,
/// put [`timeout`](crate::time::timeout()) or [`timeout_at`](crate::time::timeout_at) around
/// [`next`](AsCompleted::next).
///
/// # Panics
/// Outside a runtime.
///
/// # Under simulation
/// As [`spawn`](crate::spawn).
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::asyncio::as_completed;
/// use simoom::time::{Duration, Instant, sleep, timeout_at};
///
/// let fetches = [300, 1, 20].map(|ms| async move {
///     sleep(Duration::from_millis(ms)).await;
///     ms
/// });
/// let mut fetches = as_completed(fetches);
/// let (place, output) = fetches.next().await.unwrap();
/// assert_eq!((place, output.unwrap()), (1, 1));
///
/// // The rest have 100 ms in all.
/// let deadline = Instant::now() + Duration::from_millis(100);
/// let mut in_time = Vec::new();
/// while let Ok(Some((place, _))) = timeout_at(deadline, fetches.next()).await {
///     in_time.push(place);
/// }
/// assert_eq!(in_time, [2]);
/// // Ends the one that was too late.
/// drop(fetches);
/// # });
/// ```
#[track_caller]
pub fn as_completed<F>(futures: impl IntoIterator<Item = F>) -> AsCompleted<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let site = Location::caller();
    let spawn = |future| {
        context::with_current(|backend| match backend {
            Some(backend) => spawn_in(backend, future, site.into()),
            None => outside("as_completed", site),
        })
    };
    AsCompleted {
        watched: Watched::new(futures.into_iter().map(spawn)),
        site,
    }
}

/// Outputs of tasks, in the order in which they end: what [`as_completed`] returns.
///
/// Also a [`Stream`], for the combinators of `futures`.
///
/// # Examples
/// A loop that is left, and gone on with:
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::asyncio::as_completed;
///
/// let mut numbers = as_completed((0..4).map(|number| async move { number }));
/// let mut seen = 0;
/// while let Some((_, number)) = numbers.next().await {
///     seen += 1;
///     if number.unwrap() == 1 {
///         break;
///     }
/// }
/// while numbers.next().await.is_some() {
///     seen += 1;
/// }
/// assert_eq!(seen, 4);
/// # });
/// ```
#[must_use = "the tasks end when this is dropped"]
pub struct AsCompleted<T> {
    watched: Watched<T>,
    site: &'static Location<'static>,
}

impl<T> AsCompleted<T> {
    /// The outputs of tasks that run already. They are this one's from now on: dropped, it ends those
    /// that are left. ([`wait`](super::wait) never ends a task.)
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::asyncio::AsCompleted;
    ///
    /// let tasks = [simoom::spawn(std::future::pending()), simoom::spawn(async { 5 })];
    /// let stop = tasks[0].abort_handle();
    /// let mut tasks = AsCompleted::of_tasks(tasks);
    /// let (place, output) = tasks.next().await.unwrap();
    /// assert_eq!((place, output.unwrap()), (1, 5));
    /// drop(tasks);
    /// assert!(stop.is_finished());
    /// # });
    /// ```
    #[track_caller]
    pub fn of_tasks(tasks: impl IntoIterator<Item = JoinHandle<T>>) -> Self {
        Self {
            watched: Watched::new(tasks),
            site: Location::caller(),
        }
    }

    /// The place of the next task that ends, and what came of it: its output, or that it panicked or
    /// was cancelled. `None` once there were all.
    ///
    /// # Cancel safety
    /// Safe: an output that was not returned is returned by the next call.
    ///
    /// # Under simulation
    /// Waiting is a point where another task may run first.
    ///
    /// # Examples
    /// See [`as_completed`].
    #[track_caller]
    #[expect(
        clippy::should_implement_trait,
        reason = "what is iterated over here is waited for"
    )]
    pub fn next(&mut self) -> NextCompleted<'_, T> {
        NextCompleted {
            site: Location::caller(),
            all: self,
        }
    }

    fn poll_at(
        &mut self,
        cx: &mut Context<'_>,
        site: &'static Location<'static>,
    ) -> Poll<Option<Completed<T>>> {
        let watched = &mut self.watched;
        if watched.left == 0 {
            return Poll::Ready(None);
        }
        let ended = watched.ended.clone();
        let op = Op::write(OpKind::Join, &ended.resource, site).contained();
        let Poll::Ready(progress) = proceed(cx, &op) else {
            note_members(watched.ids());
            return Poll::Pending;
        };
        let key = ready!(ended.poll(cx));
        progress.done();
        Poll::Ready(Some(watched.take(key)))
    }
}

/// The place of a task, and what came of it.
type Completed<T> = (usize, Result<T, JoinError>);

impl<T> Unpin for AsCompleted<T> {}

impl<T> Stream for AsCompleted<T> {
    type Item = Completed<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Completed<T>>> {
        let site = self.site;
        self.poll_at(cx, site)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.watched.left, Some(self.watched.left))
    }
}

impl<T> Drop for AsCompleted<T> {
    fn drop(&mut self) {
        for (_, task) in self.watched.take_all() {
            task.abort_handle().abort_now();
        }
    }
}

/// The future of [`AsCompleted::next`].
#[must_use = "futures do nothing unless awaited"]
pub struct NextCompleted<'a, T> {
    all: &'a mut AsCompleted<T>,
    site: &'static Location<'static>,
}

impl<T> Unpin for NextCompleted<'_, T> {}

impl<T> Future for NextCompleted<'_, T> {
    type Output = Option<Completed<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let site = self.site;
        self.all.poll_at(cx, site)
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.watched.left)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for NextCompleted<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextCompleted").finish_non_exhaustive()
    }
}
