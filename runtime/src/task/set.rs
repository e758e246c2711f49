//! Tasks that are waited for together, in the order in which they end.
//!
//! Owns which of them have ended and were not returned. Knows nothing of how they run.
//!
//! # Invariants
//! 1. A task's key comes into `Ended` once, when the task has ended, and leaves it with the task.
//! 2. Keys are never reused.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use super::builder::Builder;
use super::error::JoinError;
use super::id::Id;
use super::join::{AbortHandle, JoinHandle};
use super::local_set::LocalSet;
use crate::coop::{News, Op, OpKind, Resource, observe, proceed, tell, touch};
use crate::dump::collect::note_members;
use crate::runtime::Handle;
use crate::site::Site;

/// Tasks that all return a `T`, and are waited for in the order in which they end.
///
/// Dropping the set aborts those that are left.
///
/// # Under simulation
/// Waiting is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::task::JoinSet;
/// use simoom::time::{Duration, sleep};
///
/// let mut set = JoinSet::new();
/// for ms in [30, 10, 20] {
///     set.spawn(async move {
///         sleep(Duration::from_millis(ms)).await;
///         ms
///     });
/// }
/// let mut seen = Vec::new();
/// while let Some(ended) = set.join_next().await {
///     seen.push(ended.unwrap());
/// }
/// assert_eq!(seen, [10, 20, 30]);
/// # });
/// ```
pub struct JoinSet<T> {
    tasks: BTreeMap<u64, JoinHandle<T>>,
    next: u64,
    ended: Arc<Ended>,
}

/// The tasks that have ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) resource: Resource,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: VecDeque<u64>,
    /// Whoever waits for the next one.
    waker: Option<Waker>,
}

impl Ended {
    /// Wakes whoever waits, although nothing need have ended.
    pub(super) fn wake(&self) {
        let waker = self.state().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether none has ended that was not taken yet.
    pub(super) fn is_empty(&self) -> bool {
        self.state().keys.is_empty()
    }

    /// Waits for the end of a task of that key.
    ///
    /// True for one that has ended already, which may be what somebody waits for: the caller says so
    /// by [`wake`](Self::wake) once it keeps the task.
    pub(super) fn watch<T>(self: &Arc<Self>, key: u64, task: &JoinHandle<T>) -> bool {
        let watch = Arc::new(Watch {
            key,
            ended: self.clone(),
        });
        let has_ended = task.watch(&Waker::from(watch));
        if has_ended {
            self.state().keys.push_back(key);
        }
        has_ended
    }

    /// Takes in the key when the task has ended, whoever joins it.
    pub(super) fn watch_end(self: &Arc<Self>, key: u64, task: &AbortHandle) {
        let watch = Arc::new(Watch {
            key,
            ended: self.clone(),
        });
        if task.watch_end(&Waker::from(watch)) {
            self.state().keys.push_back(key);
        }
    }

    /// Tells a world that wants to know that the task is waited for here.
    pub(super) fn tell_collected<T>(&self, task: &JoinHandle<T>) {
        let task = task.resource();
        tell(&self.resource, News::Collected { task });
    }

    /// Tells a world that wants to know that the task is not waited for here any more.
    pub(super) fn tell_parted<T>(&self, task: &JoinHandle<T>) {
        let task = task.resource();
        tell(&self.resource, News::Parted { task });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that one task has ended.
struct Watch {
    key: u64,
    ended: Arc<Ended>,
}

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        touch(&self.ended.resource);
        let waker = {
            let mut state = self.ended.state();
            state.keys.push_back(self.key);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> JoinSet<T> {
    /// A set without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tasks: BTreeMap::new(),
            next: 0,
            ended: Arc::default(),
        }
    }

    /// How many tasks there are whose end was not returned.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

impl<T: 'static> JoinSet<T> {
    /// Spawns a task of the set, as [`spawn`](crate::spawn) does.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn(task))
    }

    /// Spawns a task of the set in another runtime, as [`Handle::spawn`] does.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, task: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn(task))
    }

    /// Spawns a task of the set that stays on this thread, as [`spawn_local`](super::spawn_local) does.
    ///
    /// # Panics
    /// As [`spawn_local`](super::spawn_local) does.
    #[track_caller]
    pub fn spawn_local<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(super::spawn_local(task))
    }

    /// Spawns a task of this set that is one of `local_set` too, as [`LocalSet::spawn_local`] does.
    ///
    /// # Panics
    /// As [`LocalSet::spawn_local`] does.
    ///
    /// # Examples
    /// ```
    /// use simoom::task::{JoinSet, LocalSet};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (mut set, local) = (JoinSet::new(), LocalSet::new());
    /// set.spawn_local_on(async { 5 }, &local);
    /// local.await;
    /// assert_eq!(set.join_next().await.unwrap().unwrap(), 5);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_local_on<F>(&mut self, task: F, local_set: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(local_set.spawn_local(task))
    }

    /// Runs a closure of the set where it may block, as [`spawn_blocking`](super::spawn_blocking) does.
    ///
    /// # Panics
    /// As [`spawn_blocking`](super::spawn_blocking) does.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn_blocking(f))
    }

    /// Runs a closure of the set in another runtime, as [`Handle::spawn_blocking`] does.
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, f: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn_blocking(f))
    }

    /// Something to say of a task before it is spawned.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut set = simoom::task::JoinSet::new();
    /// let task = set.build_task().name("first").spawn(async { 1 }).unwrap();
    /// assert_eq!(task.name(), Some("first"));
    /// assert_eq!(set.join_all().await, [1]);
    /// # });
    /// ```
    pub fn build_task(&mut self) -> SetBuilder<'_, '_, T> {
        SetBuilder {
            builder: Builder::new(),
            set: self,
        }
    }

    fn insert(&mut self, task: JoinHandle<T>) -> AbortHandle {
        let key = self.next;
        self.next += 1;
        let stop = task.abort_handle();
        let has_ended = self.ended.watch(key, &task);
        self.ended.tell_collected(&task);
        self.tasks.insert(key, task);
        if has_ended {
            self.ended.wake();
        }
        stop
    }

    /// Waits until one of the tasks has ended, and returns what it returned, or why it did not;
    /// `None` once there are no tasks.
    ///
    /// # Cancel safety
    /// Safe. A dropped future has taken no task's end.
    #[track_caller]
    pub fn join_next(&mut self) -> JoinNext<'_, T> {
        self.join_next_at(Site::new(Location::caller()))
    }

    pub(crate) fn join_next_at(&mut self, location: Site) -> JoinNext<'_, T> {
        JoinNext(JoinNextWithId {
            set: self,
            location,
        })
    }

    /// As [`join_next`](Self::join_next), with the task's id; that of one that failed is in its error.
    ///
    /// # Cancel safety
    /// As for [`join_next`](Self::join_next).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut set = simoom::task::JoinSet::new();
    /// let id = set.spawn(async { "done" }).id();
    /// assert_eq!(set.join_next_with_id().await.unwrap().unwrap(), (id, "done"));
    /// # });
    /// ```
    #[track_caller]
    pub fn join_next_with_id(&mut self) -> JoinNextWithId<'_, T> {
        JoinNextWithId {
            set: self,
            location: Site::new(Location::caller()),
        }
    }

    /// What a task returned that has ended, or why it did not; `None` if none has.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut set = simoom::task::JoinSet::new();
    /// set.spawn(async { 1 });
    /// assert!(set.try_join_next().is_none());
    /// simoom::time::sleep(simoom::time::Duration::from_millis(5)).await;
    /// assert_eq!(set.try_join_next().unwrap().unwrap(), 1);
    /// # });
    /// ```
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        without_id(self.try_join_next_with_id())
    }

    /// As [`try_join_next`](Self::try_join_next), with the task's id.
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        observe(&self.ended.resource);
        let key = self.ended.state().keys.pop_front()?;
        Some(self.take(key))
    }

    /// Polls for the end of a task: `Ready(None)` when there are no tasks.
    ///
    /// Pending also when another task is to run first: the waker has then been woken.
    #[track_caller]
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(cx).map(without_id)
    }

    /// As [`poll_join_next`](Self::poll_join_next), with the task's id.
    #[track_caller]
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        self.poll_at(cx, Location::caller())
    }

    fn poll_at(
        &mut self,
        cx: &mut Context<'_>,
        location: &'static Location<'static>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        if self.tasks.is_empty() {
            return Poll::Ready(None);
        }
        let op = Op::write(OpKind::Join, &self.ended.resource, location).contained();
        let Poll::Ready(progress) = proceed(cx, &op) else {
            note_members(self.tasks.values().map(JoinHandle::id));
            return Poll::Pending;
        };
        let key = ready!(self.ended.poll(cx));
        progress.done();
        Poll::Ready(Some(self.take(key)))
    }

    /// Waits for all tasks, and returns what they returned, in the order in which they ended.
    ///
    /// # Panics
    /// With a task's own panic if one panicked, and if one was cancelled: the others are aborted.
    ///
    /// # Cancel safety
    /// Dropped, it aborts the tasks.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let set: simoom::task::JoinSet<_> = (0..3).map(|it| async move { it }).collect();
    /// let mut all = set.join_all().await;
    /// all.sort();
    /// assert_eq!(all, [0, 1, 2]);
    /// # });
    /// ```
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(ended) = self.join_next().await {
            match ended {
                Ok(output) => outputs.push(output),
                Err(error) => match error.try_into_panic() {
                    Ok(payload) => std::panic::resume_unwind(payload),
                    Err(error) => panic!("`join_all` of a task that did not return: {error}"),
                },
            }
        }
        outputs
    }

    /// Aborts all tasks and waits until they have ended.
    ///
    /// # Cancel safety
    /// Dropped, it has aborted the tasks, and does not wait.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut set = simoom::task::JoinSet::new();
    /// set.spawn(std::future::pending::<()>());
    /// set.shutdown().await;
    /// assert!(set.is_empty());
    /// # });
    /// ```
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Asks for every task to be dropped; see [`JoinHandle::abort`]. They stay in the set until their
    /// ends are returned.
    pub fn abort_all(&mut self) {
        self.tasks.values().for_each(JoinHandle::abort);
    }

    /// Asks every task to end; see [`JoinHandle::cancel`].
    pub(crate) fn cancel_all(&mut self) {
        for task in self.tasks.values() {
            task.cancel();
        }
    }

    /// Takes all tasks out of the set. They run on.
    pub fn detach_all(&mut self) {
        for task in std::mem::take(&mut self.tasks).into_values() {
            self.ended.tell_parted(&task);
        }
        self.ended.state().keys.clear();
        // Those that are gone say so to nobody.
        self.ended = Arc::default();
    }

    /// Takes the task that has ended.
    fn take(&mut self, key: u64) -> Result<(Id, T), JoinError> {
        let task = self.tasks.remove(&key).expect("a key leaves with its task");
        self.ended.tell_parted(&task);
        let id = task.id();
        task.into_output().map(|output| (id, output))
    }
}

fn without_id<T>(ended: Option<Result<(Id, T), JoinError>>) -> Option<Result<T, JoinError>> {
    ended.map(|ended| ended.map(|(_, output)| output))
}

impl Ended {
    /// The next key, or the task of `cx` is woken when there is one.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<u64> {
        let mut spare = None;
        loop {
            let mut state = self.state();
            if let Some(key) = state.keys.pop_front() {
                drop(state);
                return Poll::Ready(key);
            }
            let slot = &mut state.waker;
            if slot.as_ref().is_some_and(|own| own.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if spare.is_some() {
                let old = std::mem::replace(slot, spare);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
            // Cloning a waker is foreign code.
            drop(state);
            spare = Some(cx.waker().clone());
        }
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        for task in self.tasks.values() {
            self.ended.tell_parted(task);
            task.abort();
        }
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}

/// Collects futures into a set, spawning each.
///
/// # Panics
/// Outside a runtime.
impl<T, F> std::iter::FromIterator<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        let mut set = Self::new();
        set.extend(futures);
        set
    }
}

/// Spawns each future in the set.
///
/// # Panics
/// Outside a runtime.
impl<T, F> Extend<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            self.spawn(future);
        }
    }
}

/// The future of [`JoinSet::join_next`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct JoinNext<'a, T>(JoinNextWithId<'a, T>);

impl<T: 'static> Future for JoinNext<'_, T> {
    type Output = Option<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(without_id)
    }
}

/// The future of [`JoinSet::join_next_with_id`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct JoinNextWithId<'a, T> {
    set: &'a mut JoinSet<T>,
    location: Site,
}

impl<T: 'static> Future for JoinNextWithId<'_, T> {
    type Output = Option<Result<(Id, T), JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let location = self.location.used();
        self.set.poll_at(cx, location)
    }
}

/// Spawns a task of a [`JoinSet`] of which something is said: its name.
///
/// The methods are those of [`Builder`].
#[derive(Debug)]
#[must_use = "a builder spawns nothing by itself"]
pub struct SetBuilder<'a, 'n, T> {
    set: &'a mut JoinSet<T>,
    builder: Builder<'n>,
}

impl<'n, T: 'static> SetBuilder<'_, 'n, T> {
    /// The task's name, which need not be its alone.
    pub fn name(self, name: &'n str) -> Self {
        Self {
            builder: self.builder.name(name),
            ..self
        }
    }

    /// Spawns as [`JoinSet::spawn`] does.
    ///
    /// # Errors
    /// None today.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> io::Result<AbortHandle>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        Ok(self.set.insert(self.builder.spawn(future)?))
    }

    pub(crate) fn spawn_at<F>(self, future: F, location: &'static Location<'static>) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.set.insert(self.builder.spawn_at(future, location))
    }

    /// Spawns as [`JoinSet::spawn_on`] does.
    ///
    /// # Errors
    /// None today.
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, handle: &Handle) -> io::Result<AbortHandle>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        Ok(self.set.insert(self.builder.spawn_on(future, handle)?))
    }

    /// Spawns as [`JoinSet::spawn_local`] does.
    ///
    /// # Errors
    /// None today.
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> io::Result<AbortHandle>
    where
        F: Future<Output = T> + 'static,
    {
        Ok(self.set.insert(self.builder.spawn_local(future)?))
    }

    /// Runs a closure as [`JoinSet::spawn_blocking`] does.
    ///
    /// # Errors
    /// None today.
    #[track_caller]
    pub fn spawn_blocking<F>(self, f: F) -> io::Result<AbortHandle>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        Ok(self.set.insert(self.builder.spawn_blocking(f)?))
    }

    /// Runs a closure as [`JoinSet::spawn_blocking_on`] does.
    ///
    /// # Errors
    /// None today.
    #[track_caller]
    pub fn spawn_blocking_on<F>(self, f: F, handle: &Handle) -> io::Result<AbortHandle>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        Ok(self.set.insert(self.builder.spawn_blocking_on(f, handle)?))
    }
}
