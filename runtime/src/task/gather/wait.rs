//! Waiting for some of several tasks, and keeping the handles of the others.
//!
//! Owns when the wait is over. Knows nothing of ending tasks: this never does.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::watched::Watched;
use crate::coop::{Op, OpKind, observe, proceed};
use crate::dump::collect::note_members;
use crate::task::{JoinError, JoinHandle};
use crate::time::Instant;
use crate::time::timer::{Timer, later};

/// Waits until all of `tasks` have ended; [`first`](Wait::first), [`first_where`](Wait::first_where)
/// and [`at_most`](Wait::at_most) make it wait for less.
///
/// It never ends a task: neither when the time is over, nor when it is dropped, nor when the task
/// around it is asked to end. Of no tasks it waits for none. For outputs one by one, as they come, see
/// [`as_completed`](super::as_completed).
///
/// # Cancel safety
/// Dropped, it drops the handles: the tasks run on, and their outputs are lost.
///
/// # Under simulation
/// Waiting is a point where another task may run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::asyncio::wait;
/// use simoom::time::{Duration, sleep};
///
/// let tasks = [300, 1].map(|ms| {
///     simoom::spawn(async move {
///         sleep(Duration::from_millis(ms)).await;
///         ms
///     })
/// });
/// let waited = wait(tasks).first().await;
/// let (place, output) = &waited.done[0];
/// assert_eq!((*place, *output.as_ref().unwrap()), (1, 1));
/// // The other one goes on.
/// let (place, _slow) = &waited.pending[0];
/// assert_eq!(*place, 0);
/// # });
/// ```
#[track_caller]
pub fn wait<T>(tasks: impl IntoIterator<Item = JoinHandle<T>>) -> Wait<T> {
    Wait {
        watched: Watched::new(tasks),
        done: Vec::new(),
        until: |_| false,
        is_over: false,
        limit: None,
        gave_way: false,
        site: Location::caller(),
    }
}

/// Whether a task's end is what is waited for.
type Always<T> = fn(&Result<T, JoinError>) -> bool;

/// The future of [`wait`].
#[must_use = "futures do nothing unless awaited, and the handles are dropped with this"]
pub struct Wait<T, P = Always<T>> {
    watched: Watched<T>,
    done: Vec<(usize, Result<T, JoinError>)>,
    until: P,
    /// What is waited for has come.
    is_over: bool,
    /// Not a sleep: that asks the budget first, which others in the task may spend in every poll.
    limit: Option<Timer>,
    /// The limit had passed, and the task was told to let others run first.
    gave_way: bool,
    site: &'static Location<'static>,
}

/// What came of a [`wait`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Waited<T> {
    /// What came of those that have ended, with their places among the tasks, as they ended.
    pub done: Vec<(usize, Result<T, JoinError>)>,
    /// Those that have not, with their places among the tasks, in that order.
    pub pending: Vec<(usize, JoinHandle<T>)>,
}

impl<T, P> Wait<T, P> {
    /// Waits until at least one of them has ended.
    ///
    /// # Examples
    /// See [`wait`].
    pub fn first(self) -> Wait<T> {
        self.until(|_| true)
    }

    /// Waits until one of them has ended in such a way.
    ///
    /// # Examples
    /// The first failure:
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::asyncio::wait;
    ///
    /// let tasks = [Ok(1), Err("no"), Ok(3)].map(|output| simoom::spawn(async move { output }));
    /// let waited = wait(tasks).first_where(|ended| !matches!(ended, Ok(Ok(_)))).await;
    /// assert!(waited.done.iter().any(|(place, _)| *place == 1));
    /// # });
    /// ```
    pub fn first_where<Q: FnMut(&Result<T, JoinError>) -> bool>(self, is_it: Q) -> Wait<T, Q> {
        self.until(is_it)
    }

    /// Waits no longer than `duration` from this call. That is no error: what has not ended is among
    /// those that are pending.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::asyncio::wait;
    /// use simoom::time::Duration;
    ///
    /// let task = simoom::spawn(std::future::pending::<()>());
    /// let waited = wait([task]).at_most(Duration::from_millis(1)).await;
    /// assert_eq!((waited.done.len(), waited.pending.len()), (0, 1));
    /// # });
    /// ```
    #[track_caller]
    pub fn at_most(self, duration: Duration) -> Self {
        let limit = Timer::new(later(Instant::now(), duration), Location::caller());
        Self {
            limit: Some(limit),
            gave_way: false,
            ..self
        }
    }

    fn until<Q>(self, until: Q) -> Wait<T, Q> {
        Wait {
            watched: self.watched,
            done: self.done,
            until,
            is_over: self.is_over,
            limit: self.limit,
            gave_way: self.gave_way,
            site: self.site,
        }
    }

    /// Ready once the limit has passed, if there is one.
    ///
    /// The budget is not asked before that: others in the task may spend all of it in every poll. A
    /// limit that has passed then gives way once, as [`timeout`](crate::time::timeout()) does.
    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(limit) = &mut self.limit else {
            return Poll::Pending;
        };
        ready!(limit.poll(cx));
        if !self.gave_way {
            match proceed(cx, &Op::private(OpKind::Sleep, limit.location())) {
                Poll::Ready(progress) => progress.done(),
                Poll::Pending => {
                    self.gave_way = true;
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }

    /// Takes in what came of the task of `key`.
    fn take(&mut self, key: u64)
    where
        P: FnMut(&Result<T, JoinError>) -> bool,
    {
        let (place, output) = self.watched.take(key);
        self.is_over |= (self.until)(&output);
        self.done.push((place, output));
    }
}

impl<T, P> Unpin for Wait<T, P> {}

impl<T, P: FnMut(&Result<T, JoinError>) -> bool> Future for Wait<T, P> {
    type Output = Waited<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let ended = this.watched.ended.clone();
        let op = Op::write(OpKind::Join, &ended.resource, this.site).contained();
        while this.watched.left > 0 && !this.is_over {
            let Poll::Ready(progress) = proceed(cx, &op) else {
                note_members(this.watched.ids());
                break;
            };
            let Poll::Ready(key) = ended.poll(cx) else {
                break;
            };
            progress.done();
            this.take(key);
        }
        if this.watched.left > 0 && !this.is_over {
            ready!(this.poll_limit(cx));
        }
        // What has ended beside it is done too.
        observe(&ended.resource);
        while let Poll::Ready(key) = ended.poll(cx) {
            this.take(key);
        }
        Poll::Ready(Waited {
            done: std::mem::take(&mut this.done),
            pending: this.watched.take_all().collect(),
        })
    }
}

impl<T, P> fmt::Debug for Wait<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("left", &self.watched.left)
            .finish_non_exhaustive()
    }
}
