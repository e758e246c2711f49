//! Waiting for some of several tasks, and keeping the handles of the others.
//!
//! Owns when the wait is over. Knows nothing of ending tasks: this never does.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::coop::{Op, OpKind, observe, proceed};
use crate::task::set::Ended;
use crate::task::{JoinError, JoinHandle};
use crate::time::{Sleep, sleep};

/// Waits until all of `tasks` have ended; [`first`](Wait::first), [`first_where`](Wait::first_where)
/// and [`at_most`](Wait::at_most) make it wait for less.
///
/// It never ends a task: neither when the time is over, nor when it is dropped, nor when the task
/// around it is asked to end. Of no tasks it waits for none. For outputs one by one, as they come, see
/// [`JoinSet`](crate::task::JoinSet).
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
    let watched = Watched::new(tasks.into_iter().collect());
    Wait {
        left: watched.tasks.len(),
        watched,
        done: Vec::new(),
        until: |_| false,
        is_over: false,
        limit: None,
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
    left: usize,
    until: P,
    /// What is waited for has come.
    is_over: bool,
    limit: Option<Pin<Box<Sleep>>>,
    site: &'static Location<'static>,
}

/// Those that have not ended, by their places.
struct Watched<T> {
    tasks: Vec<Option<JoinHandle<T>>>,
    ended: Arc<Ended>,
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
        let limit = Some(Box::pin(sleep(duration)));
        Self { limit, ..self }
    }

    fn until<Q>(self, until: Q) -> Wait<T, Q> {
        Wait {
            watched: self.watched,
            done: self.done,
            left: self.left,
            until,
            is_over: self.is_over,
            limit: self.limit,
            site: self.site,
        }
    }

    /// Takes in what came of the task of `key`.
    fn take(&mut self, key: u64)
    where
        P: FnMut(&Result<T, JoinError>) -> bool,
    {
        let (place, output) = self.watched.take(key);
        self.left -= 1;
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
        while this.left > 0 && !this.is_over {
            let progress = ready!(proceed(cx, &op));
            let Poll::Ready(key) = ended.poll(cx) else {
                break;
            };
            progress.done();
            this.take(key);
        }
        let is_late = |limit: &mut Pin<Box<Sleep>>| limit.as_mut().poll(cx).is_ready();
        if this.left > 0 && !this.is_over && !this.limit.as_mut().is_some_and(is_late) {
            return Poll::Pending;
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

impl<T> Watched<T> {
    fn new(tasks: Vec<JoinHandle<T>>) -> Self {
        let ended = Arc::<Ended>::default();
        for (key, task) in (0..).zip(&tasks) {
            ended.watch(key, task);
            ended.tell_collected(task);
        }
        Self {
            tasks: tasks.into_iter().map(Some).collect(),
            ended,
        }
    }

    /// Takes out the task of `key`, which has ended.
    fn take(&mut self, key: u64) -> (usize, Result<T, JoinError>) {
        let place = usize::try_from(key).expect("a key is a place");
        let task = self.tasks[place].take().expect("a task ends once");
        self.ended.tell_parted(&task);
        (place, task.into_output())
    }

    /// Takes out those that have not.
    fn take_all(&mut self) -> impl Iterator<Item = (usize, JoinHandle<T>)> {
        let tasks = std::mem::take(&mut self.tasks).into_iter().enumerate();
        tasks.filter_map(|(place, task)| {
            let task = task?;
            self.ended.tell_parted(&task);
            Some((place, task))
        })
    }
}

impl<T> Drop for Watched<T> {
    fn drop(&mut self) {
        self.take_all().for_each(drop);
    }
}

impl<T, P> fmt::Debug for Wait<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
