//! Tasks of one thread that are waited for together.
//!
//! Owns which of them have not ended, and which set is the current one. Knows nothing of how they
//! run: they are ordinary tasks of the runtime.
//!
//! # Invariants
//! 1. A task's key is in `left` from before its first poll until its future has ended or was dropped.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::join::{AbortHandle, JoinHandle};
use super::spawn::{Origin, outside, spawn_local_in};
use crate::context;
use crate::coop::{Op, OpKind, Resource, proceed, touch};
use crate::dump::collect::note_members;
use crate::runtime::Runtime;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Set>>> = const { RefCell::new(None) };
}

/// Tasks that stay on this thread, and are waited for together.
///
/// What [`spawn_local`](super::spawn_local) spawns inside [`run_until`](Self::run_until), or in a task
/// of the set, belongs to the set. Awaiting the set waits until none of its tasks is left. Dropping it
/// aborts those that are; what is spawned into it after that runs on by itself.
///
/// `spawn_local` needs no set here, since a runtime has one thread. So a set is for waiting, and for
/// ending tasks together; unlike tokio's, its tasks run whenever the runtime does, not only while
/// the set is awaited, and it takes tasks only inside `block_on`.
///
/// # Examples
/// ```
/// use std::rc::Rc;
/// use simoom::task::{LocalSet, spawn_local};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let shared = Rc::new(5);
/// let set = LocalSet::new();
/// let sum = set
///     .run_until(async move {
///         let task = spawn_local(async move { *shared + 1 });
///         task.await.unwrap()
///     })
///     .await;
/// assert_eq!(sum, 6);
/// set.await;
/// # });
/// ```
pub struct LocalSet {
    set: Rc<Set>,
    /// Where it was made, which is what reports show of whoever waits for it.
    site: &'static Location<'static>,
}

#[derive(Default)]
struct Set {
    resource: Resource,
    /// Without a handle while it is being spawned.
    left: RefCell<BTreeMap<u64, Option<AbortHandle>>>,
    next: Cell<u64>,
    /// Whoever waits for the last one.
    waiting: Cell<Option<Waker>>,
}

impl LocalSet {
    /// A set without tasks.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self {
            set: Rc::default(),
            site: Location::caller(),
        }
    }

    /// Starts a task of the set, as [`spawn_local`](super::spawn_local) does.
    ///
    /// # Panics
    /// As [`spawn_local`](super::spawn_local) does.
    ///
    /// # Examples
    /// ```
    /// use simoom::task::LocalSet;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let set = LocalSet::new();
    /// let task = set.spawn_local(async { 5 });
    /// set.await;
    /// assert_eq!(task.await.unwrap(), 5);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        spawn_in_set(&self.set, future, Location::caller().into())
    }

    /// Runs `future` with this as the set of what it spawns by
    /// [`spawn_local`](super::spawn_local).
    ///
    /// The tasks that are left when it has ended run on.
    ///
    /// # Cancel safety
    /// As `future`.
    pub fn run_until<F: Future>(&self, future: F) -> RunUntil<F> {
        RunUntil {
            future: Inside {
                future,
                set: self.set.clone(),
            },
        }
    }

    /// Runs `future` as [`run_until`](Self::run_until) does, on `rt`.
    ///
    /// # Panics
    /// As [`Runtime::block_on`].
    ///
    /// # Examples
    /// ```
    /// use simoom::task::{LocalSet, spawn_local};
    ///
    /// let rt = simoom::runtime::Runtime::new().unwrap();
    /// let set = LocalSet::new();
    /// let answer = set.block_on(&rt, async { spawn_local(async { 42 }).await.unwrap() });
    /// assert_eq!(answer, 42);
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, rt: &Runtime, future: F) -> F::Output {
        rt.block_on(self.run_until(future))
    }

    /// Makes this the set of what this thread spawns by [`spawn_local`](super::spawn_local), until the
    /// guard is dropped.
    ///
    /// # Examples
    /// ```
    /// use simoom::task::{LocalSet, spawn_local};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let set = LocalSet::new();
    /// let task = {
    ///     let _guard = set.enter();
    ///     spawn_local(async { 5 })
    /// };
    /// set.await;
    /// assert!(task.is_finished());
    /// # });
    /// ```
    pub fn enter(&self) -> LocalEnterGuard {
        LocalEnterGuard {
            previous: CURRENT.replace(Some(self.set.clone())),
            _thread: PhantomData,
        }
    }
}

impl Default for LocalSet {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSet")
            .field("left", &self.set.left.borrow().len())
            .finish_non_exhaustive()
    }
}

/// Waits until none of its tasks is left.
impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let set = &self.set;
        let op = Op::read(OpKind::Join, &set.resource, self.site);
        let Poll::Ready(progress) = proceed(cx, &op) else {
            let left = set.left.borrow();
            note_members(left.values().flatten().map(AbortHandle::id));
            return Poll::Pending;
        };
        if set.left.borrow().is_empty() {
            progress.done();
            return Poll::Ready(());
        }
        set.waiting.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        // An abort may drop a future, which may end another task of the set.
        let left = std::mem::take(&mut *self.set.left.borrow_mut());
        for task in left.values().flatten() {
            task.abort();
        }
    }
}

/// Spawns into the set that is the current one, if any.
#[track_caller]
pub(super) fn spawn_in_current<F>(future: F, origin: Origin<'_>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match CURRENT.with_borrow(Clone::clone) {
        Some(set) => spawn_in_set(&set, future, origin),
        None => spawn_here(future, origin),
    }
}

#[track_caller]
fn spawn_here<F>(future: F, origin: Origin<'_>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    context::with_current(|backend| match backend {
        Some(backend) => spawn_local_in(backend, future, origin),
        None => outside("spawn_local", origin.location),
    })
}

#[track_caller]
fn spawn_in_set<F>(set: &Rc<Set>, future: F, origin: Origin<'_>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let key = set.next.get();
    set.next.set(key + 1);
    let inside = Inside {
        future,
        set: set.clone(),
    };
    // What goes first when the future is dropped, polled or not, is the user's.
    let member = Member {
        key,
        set: set.clone(),
    };
    set.left.borrow_mut().insert(key, None);
    let task = spawn_here(
        Joined {
            inside,
            _member: member,
        },
        origin,
    );
    if let Some(handle) = set.left.borrow_mut().get_mut(&key) {
        *handle = Some(task.abort_handle());
    }
    task
}

pin_project! {
    /// What a task of a set polls. Fields are dropped in this order.
    struct Joined<F> {
        #[pin]
        inside: Inside<F>,
        _member: Member,
    }
}

impl<F: Future> Future for Joined<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inside.poll(cx)
    }
}

/// A task that has not ended.
struct Member {
    key: u64,
    set: Rc<Set>,
}

impl Drop for Member {
    fn drop(&mut self) {
        let set = &self.set;
        touch(&set.resource);
        let mut left = set.left.borrow_mut();
        left.remove(&self.key);
        let waker = left.is_empty().then(|| set.waiting.take()).flatten();
        drop(left);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

pin_project! {
    /// A future whose set is the current one while it is polled.
    struct Inside<F> {
        #[pin]
        future: F,
        set: Rc<Set>,
    }
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _guard = LocalEnterGuard {
            previous: CURRENT.replace(Some(this.set.clone())),
            _thread: PhantomData,
        };
        this.future.poll(cx)
    }
}

pin_project! {
    /// The future of [`LocalSet::run_until`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct RunUntil<F> {
        #[pin]
        future: Inside<F>,
    }
}

impl<F: Future> Future for RunUntil<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}

impl<F> fmt::Debug for RunUntil<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunUntil").finish_non_exhaustive()
    }
}

/// Keeps a set the current one: see [`LocalSet::enter`].
#[must_use = "the set is left as soon as the guard is dropped"]
pub struct LocalEnterGuard {
    previous: Option<Rc<Set>>,
    _thread: PhantomData<*const ()>,
}

impl Drop for LocalEnterGuard {
    fn drop(&mut self) {
        let left = CURRENT.replace(self.previous.take());
        // The last one may drop tasks' handles, which is foreign code.
        drop(left);
    }
}

impl fmt::Debug for LocalEnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalEnterGuard").finish_non_exhaustive()
    }
}
