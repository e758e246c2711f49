//! One task in one allocation: its header, then its future or what the future left.
//!
//! Owns the life of that allocation and the protocol between the thread that holds the world, the
//! task's wakers, its join handle and its abort handles. Knows nothing of who decides the order.
//!
//! This file holds `unsafe`: it is the task cell.
//!
//! ```text
//!            spawn                 run: Pending
//!              |                     .------.
//!              v      run            v      |
//!   [queued] ----> [being polled] --> [idle] --- wake, abort ---> [queued]
//!                      |    \
//!          run: Ready, |     \ cancel (also from idle and queued)
//!          panic       v      v
//!                   [complete: output stored, future dropped]
//! ```
//!
//! # Invariants
//! 1. `flags`, `key`, `refused`, `site`, the span and the links are touched only by the thread that holds the world's core
//!    (`context::owner() == owner.id`), which the core's lock orders from one thread to the next.
//! 2. The stage is touched by that thread until `COMPLETE` is set, and afterwards by the join
//!    handle alone, or by nobody but the last reference if there is no join handle.
//! 3. The join waker is written by the join handle while `JOIN_WAKER` and `COMPLETE` are clear,
//!    and read by the completing thread if `JOIN_WAKER` was set when it set `COMPLETE`.
//! 4. References: one of the [`Task`] until it is dropped, one of the join handle, one of each
//!    abort handle and waker, one of each [`WokenTask`]. The last one frees the cell.
//! 5. The future of a task is dropped on the thread that holds the world, unless it is `Send`.
//! 6. A task of [`Owner::nobody`] is touched by whoever has its [`SendTask`] instead: no thread
//!    holds that world, so wakes and aborts only set bits of `state`.

#![expect(unsafe_code, reason = "the task cell")]

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Waker};

pub(crate) use self::join::{Aborter, Join};
pub use self::send::{SendTask, WokenTask};
use self::stage::{Vtable, allocate, contain};
use super::cancel::Cancellation;
use super::id::Id;
use super::inbox::Owner;
use super::spawn::Origin;
use crate::context;
use crate::coop::{OpKind, Resource};
use crate::instrument::{self, Times};
use crate::shim::{AtomicUsize, Ordering};
use crate::task::trace::Trace;

pub(crate) mod current;
mod join;
mod send;
mod stage;
mod waker;

/// The output is stored (or gone) and the future dropped.
const COMPLETE: usize = 1;
/// A join handle exists and owns the output.
const HANDLE: usize = 1 << 1;
/// The join waker is set.
const JOIN_WAKER: usize = 1 << 2;
/// The task is to be dropped instead of polled.
const ABORT: usize = 1 << 3;
/// The task is in its world's inbox.
const REMOTE: usize = 1 << 4;
/// The task was asked to end.
const CANCEL: usize = 1 << 5;
/// One reference.
const REF: usize = 1 << 6;

/// The task is in its world's queue.
const QUEUED: u8 = 1;
/// The task is being polled.
const RUNNING: u8 = 1 << 2;
/// The task's future may be dropped on any thread. Set when the cell is made.
const SEND: u8 = 1 << 1;
/// The task has come to its world: until then nothing queues it.
const ARRIVED: u8 = 1 << 3;
/// The task was polled.
const POLLED: u8 = 1 << 5;
/// Somebody is told what becomes of the task. Set when it comes to its world.
const WATCHED: u8 = 1 << 4;

/// The part of a task that does not depend on its future.
#[repr(C)]
pub(crate) struct Header {
    state: AtomicUsize,
    vtable: &'static Vtable,
    owner: Owner,
    id: Id,
    location: &'static Location<'static>,
    resource: Resource,
    key: Cell<u64>,
    flags: Cell<u8>,
    /// The operation that was not ready when the task came to it, the last of its last poll.
    refused: Cell<Option<OpKind>>,
    /// The program's line of that.
    site: Cell<&'static Location<'static>>,
    trace: Trace,
    /// What few tasks have.
    extra: OnceLock<Arc<Extra>>,
    pub(crate) links: Links,
}

/// What a task has that few tasks have: made when it is first needed, and kept by whoever needs it.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    pub(crate) name: Option<Box<str>>,
    /// The type of the spawner's future, if the task's is another's around it.
    pub(crate) future: Option<&'static str>,
    pub(crate) cancellation: Arc<Cancellation>,
    /// What it has done, if somebody keeps that.
    pub(crate) times: OnceLock<Box<Times>>,
    /// Who is to be woken when the task has ended, beside whoever joins it.
    watchers: Mutex<Vec<Waker>>,
}

fn lock(watchers: &Mutex<Vec<Waker>>) -> MutexGuard<'_, Vec<Waker>> {
    watchers.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Header {
    fn extra(&self) -> &Arc<Extra> {
        self.extra.get_or_init(Arc::default)
    }

    /// Whether the task has ended its poll without an answer to a request that it end.
    fn is_to_be_dropped(&self, state: usize) -> bool {
        state & CANCEL != 0 && self.extra().cancellation.may_drop()
    }

    /// Stops whoever touches the task's own state outside its world (invariant 1).
    #[inline]
    fn assert_held(&self) {
        // A model's threads hold no world.
        #[cfg(not(loom))]
        assert_eq!(
            context::owner(),
            self.owner.id,
            "a task is polled and woken by the thread that runs its world"
        );
    }
}

/// The places a task has in the lists of the world that runs it.
#[derive(Default)]
pub(crate) struct Links {
    pub(crate) queue_next: Cell<Option<NonNull<Header>>>,
    pub(crate) next: Cell<Option<NonNull<Header>>>,
    pub(crate) previous: Cell<Option<NonNull<Header>>>,
}

/// A counted reference to a cell: what the safe types below share.
struct Reference(NonNull<Header>);

impl Reference {
    fn header(&self) -> &Header {
        // SAFETY: a reference keeps its cell alive (invariant 4).
        unsafe { self.0.as_ref() }
    }

    fn is_complete(&self) -> bool {
        self.header().state.load(Ordering::Acquire) & COMPLETE != 0
    }
}

impl Clone for Reference {
    fn clone(&self) -> Self {
        let before = self.header().state.fetch_add(REF, Ordering::Relaxed);
        assert!(before < usize::MAX / 2, "too many references to one task");
        Self(self.0)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let header = self.header();
        // The last reference needs no atomic subtraction: nobody else can add one.
        let last = header.state.load(Ordering::Acquire) < 2 * REF
            || header.state.fetch_sub(REF, Ordering::AcqRel) < 2 * REF;
        if last {
            let free = header.vtable.free;
            // SAFETY: this was the last reference (invariant 4).
            unsafe { free(self.0) };
        }
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its future returned.
    Returned,
    /// Its future panicked.
    Panicked,
    /// It was aborted.
    Cancelled,
    /// It had ended before this turn.
    Before,
}

/// A world's hold on one of its tasks. Not `Send`: see [`SendTask`].
///
/// Dropping it without running the task to its end cancels the task.
pub struct Task {
    reference: Reference,
    _not_send: PhantomData<*const ()>,
}

impl Task {
    /// A task of `owner` that runs `future`, and its join handle.
    pub(crate) fn new<F>(
        future: F,
        owner: Owner,
        id: Id,
        origin: Origin<'_>,
    ) -> (Self, Join<F::Output>)
    where
        F: Future + 'static,
    {
        let header = allocate(future, owner, id, origin, 0);
        let task = Self {
            reference: Reference(header),
            _not_send: PhantomData,
        };
        task.arrive();
        (task, Join::new(Reference(header)))
    }

    /// Notes that the task has come to its world.
    #[inline]
    fn arrive(&self) {
        let flags = &self.reference.header().flags;
        flags.set(flags.get() | ARRIVED);
        if context::is_watched() {
            self.arrive_watched();
        }
    }

    #[cold]
    fn arrive_watched(&self) {
        let header = self.reference.header();
        if context::owner() == header.owner.id {
            header.flags.set(header.flags.get() | WATCHED);
            instrument::spawned(self.view());
        }
    }

    /// Polls the task once, on the thread that holds its world, inside that world.
    ///
    /// `Ready` when the task has ended.
    pub fn run(&self) -> Poll<Ended> {
        let header = self.reference.header();
        header.assert_held();
        let flags = header.flags.get();
        assert_eq!(flags & RUNNING, 0, "a task does not poll itself");
        header.flags.set(flags & !QUEUED);
        let state = header.state.load(Ordering::Acquire);
        if state & COMPLETE != 0 {
            return Poll::Ready(Ended::Before);
        }
        if state & ABORT != 0 {
            self.cancel();
            return Poll::Ready(Ended::Cancelled);
        }
        header.flags.set(header.flags.get() | RUNNING | POLLED);
        header.refused.set(None);
        if flags & WATCHED != 0 {
            instrument::will_step(self.view());
        }
        // SAFETY: the task is alive, not complete, and this thread holds its world.
        let polled = unsafe { (header.vtable.poll)(self.reference.0) };
        let flags = header.flags.get();
        header.flags.set(flags & !RUNNING);
        if flags & WATCHED != 0 {
            instrument::stepped(self.view());
        }
        if let Poll::Ready(ended) = polled {
            self.complete(ended);
            return polled;
        }
        let state = header.state.load(Ordering::Acquire);
        if state & ABORT != 0 || header.is_to_be_dropped(state) {
            self.cancel();
            return Poll::Ready(Ended::Cancelled);
        }
        polled
    }

    /// Polls the task to see what it comes to, while [nothing is ever ready](crate::dump::collect).
    ///
    /// Not one that was never polled, nor one that is to end: what these come to is not what they wait
    /// for. `Ready` if it has ended all the same. It stays in the world's queue if it is there.
    pub(crate) fn look(&self) -> Poll<Ended> {
        let header = self.reference.header();
        header.assert_held();
        let (flags, state) = (header.flags.get(), header.state.load(Ordering::Acquire));
        let is_to_end = state & (COMPLETE | ABORT | CANCEL) != 0;
        if flags & (POLLED | RUNNING) != POLLED || is_to_end {
            return Poll::Pending;
        }
        header.flags.set(flags | RUNNING);
        // SAFETY: the task is alive, not complete, and this thread holds its world.
        let polled = unsafe { (header.vtable.poll)(self.reference.0) };
        header.flags.set(header.flags.get() & !RUNNING);
        if let Poll::Ready(ended) = polled {
            self.complete(ended);
        }
        polled
    }

    /// Drops the future now; whoever joins the task is told that it was cancelled.
    ///
    /// Called on the thread that holds the task's world. Does nothing if the task has ended.
    pub fn cancel(&self) {
        if self.reference.is_complete() {
            return;
        }
        let flags = self.reference.header().flags.get();
        assert_eq!(flags & RUNNING, 0, "a task's own poll does not drop it");
        // SAFETY: the task is alive, not complete and not being polled, and this thread holds its
        // world.
        unsafe { (self.reference.header().vtable.cancel)(self.reference.0) };
        self.complete(Ended::Cancelled);
    }

    fn complete(&self, how: Ended) {
        let header = self.reference.header();
        // The bit is clear, so adding sets it, in one instruction where `fetch_or` is a loop.
        let before = header.state.fetch_add(COMPLETE, Ordering::AcqRel);
        debug_assert_eq!(before & COMPLETE, 0, "a task completes once");
        if header.flags.get() & WATCHED != 0 {
            instrument::ended(self.view(), how);
        }
        if before & JOIN_WAKER != 0 {
            // SAFETY: the task is alive and `JOIN_WAKER` was set when it completed (invariant 3).
            unsafe { (header.vtable.wake_join_waker)(self.reference.0) };
        }
        if let Some(extra) = header.extra.get() {
            let watchers = std::mem::take(&mut *lock(&extra.watchers));
            for watcher in watchers {
                contain(|| watcher.wake());
            }
        }
        if before & HANDLE == 0 {
            // SAFETY: the task is complete and nobody else owns its output (invariant 2).
            unsafe { (header.vtable.drop_output)(self.reference.0) };
        }
    }

    /// The task of `reference`, whose world keeps its own hold on it.
    #[cfg(not(loom))]
    fn borrow(reference: &Reference) -> ManuallyDrop<Self> {
        ManuallyDrop::new(Self {
            reference: Reference(reference.0),
            _not_send: PhantomData,
        })
    }

    /// What the world may know of the task.
    #[must_use]
    pub fn view(&self) -> TaskRef<'_> {
        TaskRef::of(&self.reference)
    }

    /// Gives the task to an intrusive list.
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).reference.0
    }

    /// Takes the task back from an intrusive list.
    ///
    /// # Safety
    /// `header` came out of [`into_raw`](Self::into_raw), and is taken back once.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Self {
            reference: Reference(header),
            _not_send: PhantomData,
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.view().id())
            .finish_non_exhaustive()
    }
}

/// What a world may know of a task it is told about.
#[derive(Clone, Copy)]
pub struct TaskRef<'a> {
    /// Reaches the whole cell: a world may keep it as the place of the task in its queue.
    pointer: NonNull<Header>,
    _cell: PhantomData<&'a Header>,
}

impl<'a> TaskRef<'a> {
    fn of(reference: &'a Reference) -> Self {
        Self {
            pointer: reference.0,
            _cell: PhantomData,
        }
    }

    fn header(self) -> &'a Header {
        // SAFETY: whoever made this view keeps the cell alive for `'a` (invariant 4).
        unsafe { self.pointer.as_ref() }
    }

    /// The task's number.
    #[must_use]
    pub fn id(self) -> Id {
        self.header().id
    }

    /// Where it was spawned.
    #[must_use]
    pub fn location(self) -> &'static Location<'static> {
        self.header().location
    }

    /// The [data](std::task::Waker::data) of the wakers with which it is polled.
    #[must_use]
    pub fn waker_data(self) -> *const () {
        self.pointer.as_ptr().cast_const().cast()
    }

    /// The name that its spawner gave it.
    #[must_use]
    pub fn name(self) -> Option<&'a str> {
        self.header().extra.get()?.name.as_deref()
    }

    /// What it has that few tasks have.
    pub(crate) fn extra(self) -> &'a Arc<Extra> {
        self.header().extra()
    }

    /// The same, if it has anything of it.
    pub(crate) fn known_extra(self) -> Option<Arc<Extra>> {
        self.header().extra.get().cloned()
    }

    /// What it has done, if somebody keeps that.
    pub(crate) fn times(self) -> Option<&'a Times> {
        Some(self.header().extra.get()?.times.get()?)
    }

    /// Whether somebody has asked it to end.
    pub(crate) fn is_asked_to_end(self) -> bool {
        self.header().state.load(Ordering::Acquire) & CANCEL != 0
    }

    /// The type of its future, as its spawner gave it.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        let inside = self.header().extra.get().and_then(|it| it.future);
        inside.unwrap_or_else(self.header().vtable.type_name)
    }

    /// The world's own word about the task; 0 until it is set.
    #[must_use]
    pub fn key(self) -> u64 {
        self.header().key.get()
    }

    /// Sets the world's own word about the task.
    pub fn set_key(self, key: u64) {
        self.header().key.set(key);
    }

    /// The name under which tasks that wait for this one know it.
    #[must_use]
    pub fn resource(self) -> &'a Resource {
        &self.header().resource
    }

    /// Notes that the task is in the world's queue; false if it already was.
    ///
    /// For a task that a world queues by itself, as it does with one that it was just given.
    #[must_use]
    pub fn queue(self) -> bool {
        let flags = self.header().flags.get();
        self.header().flags.set(flags | QUEUED);
        let is_new = flags & QUEUED == 0;
        if is_new && flags & WATCHED != 0 {
            instrument::scheduled(self);
        }
        is_new
    }

    /// Whether the task is in the world's queue.
    #[must_use]
    pub fn is_queued(self) -> bool {
        self.header().flags.get() & QUEUED != 0
    }

    /// Whether somebody has a waker of the task, or may abort it.
    #[must_use]
    pub fn can_be_woken(self) -> bool {
        let state = self.header().state.load(Ordering::Relaxed);
        // One reference is the world's, and one its join handle's if there is one.
        state / REF > 1 + usize::from(state & HANDLE != 0)
    }

    /// Whether the task has ended.
    pub(crate) fn is_complete(self) -> bool {
        self.header().state.load(Ordering::Acquire) & COMPLETE != 0
    }

    /// Whether the task is being polled.
    pub(crate) fn is_running(self) -> bool {
        self.header().flags.get() & RUNNING != 0
    }

    /// The operation that the task came to last in its last poll and that was not ready, and the
    /// program's line.
    pub(crate) fn refused(self) -> Option<(OpKind, &'static Location<'static>)> {
        let header = self.header();
        Some((header.refused.get()?, header.site.get()))
    }

    /// Notes that an operation of the task, which is being polled, was not ready.
    pub(crate) fn refuse(self, kind: OpKind, site: &'static Location<'static>) {
        self.header().refused.set(Some(kind));
        self.header().site.set(site);
    }

    /// Whether the task may be dropped on any thread: it was not made by `spawn_local`.
    #[must_use]
    pub fn is_send(self) -> bool {
        self.header().flags.get() & SEND != 0
    }

    /// The id of the world that the task belongs to.
    #[must_use]
    pub fn owner(self) -> u64 {
        self.header().owner.id
    }

    pub(crate) fn raw(self) -> NonNull<Header> {
        self.pointer
    }

    /// # Safety
    /// The cell of `header` lives at least as long as `'a`.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Self {
            pointer: header,
            _cell: PhantomData,
        }
    }
}

impl std::fmt::Debug for TaskRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskRef")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// What a panic left, for [`JoinError`].
pub(crate) type Payload = Box<dyn Any + Send + 'static>;

#[cfg(all(test, loom))]
mod loom;
