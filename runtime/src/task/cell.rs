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
//! 1. `flags`, `key` and the links are touched only by the thread that holds the world's core
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
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use super::error::JoinError;
use super::id::{Id, Running};
use super::inbox::{Message, Owner};
use crate::backend::TakenBack;
use crate::context;
use crate::coop::Resource;
use crate::shim::{AtomicUsize, Ordering, UnsafeCell};

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
/// One reference.
const REF: usize = 1 << 5;

/// The task is in its world's queue.
const QUEUED: u8 = 1;
/// The task is being polled.
const RUNNING: u8 = 1 << 2;
/// The task's future may be dropped on any thread. Set when the cell is made.
const SEND: u8 = 1 << 1;

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
    pub(crate) links: Links,
}

impl Header {
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

struct Vtable {
    /// Polls the future; `Ready` when it has ended and the output is stored.
    poll: unsafe fn(NonNull<Header>) -> Poll<Ended>,
    /// Drops the future and stores the cancellation as the output.
    cancel: unsafe fn(NonNull<Header>),
    /// Moves the output into a `Poll<Result<T, JoinError>>`.
    take_output: unsafe fn(NonNull<Header>, *mut ()),
    /// Drops the output, if it is still there.
    drop_output: unsafe fn(NonNull<Header>),
    /// Replaces the join waker.
    set_join_waker: unsafe fn(NonNull<Header>, Option<Waker>),
    /// Whether the join waker wakes the same task as another.
    is_join_waker: unsafe fn(NonNull<Header>, &Waker) -> bool,
    /// Wakes the join waker.
    wake_join_waker: unsafe fn(NonNull<Header>),
    /// Frees the cell.
    free: unsafe fn(NonNull<Header>),
    /// What sort of future it runs.
    type_name: fn() -> &'static str,
}

#[repr(C)]
struct TaskCell<F: Future> {
    header: Header,
    join_waker: UnsafeCell<Option<Waker>>,
    stage: UnsafeCell<Stage<F>>,
}

enum Stage<F: Future> {
    Running(F),
    Finished(Result<F::Output, JoinError>),
    Gone,
}

/// Makes a cell with two references: the world's and the join handle's.
fn allocate<F: Future>(
    future: F,
    owner: Owner,
    id: Id,
    location: &'static Location<'static>,
    flags: u8,
) -> NonNull<Header> {
    let cell = Box::new(TaskCell {
        header: Header {
            state: AtomicUsize::new((2 * REF) | HANDLE),
            vtable: &const {
                Vtable {
                    poll: poll::<F>,
                    cancel: cancel::<F>,
                    take_output: take_output::<F>,
                    drop_output: drop_output::<F>,
                    set_join_waker: set_join_waker::<F>,
                    is_join_waker: is_join_waker::<F>,
                    wake_join_waker: wake_join_waker::<F>,
                    free: free::<F>,
                    type_name: std::any::type_name::<F>,
                }
            },
            owner,
            id,
            location,
            resource: Resource::new(),
            key: Cell::new(0),
            flags: Cell::new(flags),
            links: Links::default(),
        },
        join_waker: UnsafeCell::new(None),
        stage: UnsafeCell::new(Stage::Running(future)),
    });
    NonNull::from(Box::leak(cell)).cast()
}

unsafe fn poll<F: Future>(header: NonNull<Header>) -> Poll<Ended> {
    // SAFETY: the caller's header was made by `allocate::<F>` and is alive.
    let cell = unsafe { header.cast::<TaskCell<F>>().as_ref() };
    let _running = Running::task(cell.header.id);
    let waker = borrowed_waker(header);
    let mut cx = Context::from_waker(&waker);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        cell.stage.with_mut(|stage| {
            // SAFETY: the caller holds the world and the task is not complete (invariant 2).
            let Stage::Running(future) = (unsafe { &mut *stage }) else {
                unreachable!("a complete task is never polled")
            };
            // SAFETY: the future stays in its cell until it is dropped there.
            unsafe { Pin::new_unchecked(future) }.poll(&mut cx)
        })
    }));
    let output = match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(output)) => Ok(output),
        Err(payload) if payload.is::<TakenBack>() => Err(JoinError::cancelled(cell.header.id)),
        Err(payload) => Err(JoinError::panicked(cell.header.id, payload)),
    };
    let ended = match &output {
        Ok(_) => Ended::Returned,
        Err(error) if error.is_panic() => Ended::Panicked,
        Err(_) => Ended::Cancelled,
    };
    finish(cell, output);
    Poll::Ready(ended)
}

unsafe fn cancel<F: Future>(header: NonNull<Header>) {
    // SAFETY: the caller's header was made by `allocate::<F>` and is alive.
    let cell = unsafe { header.cast::<TaskCell<F>>().as_ref() };
    let _running = Running::task(cell.header.id);
    finish(cell, Err(JoinError::cancelled(cell.header.id)));
}

/// Drops the future and stores `output`, or the panic that dropping the future threw.
fn finish<F: Future>(cell: &TaskCell<F>, output: Result<F::Output, JoinError>) {
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        cell.stage.with_mut(|stage| {
            // SAFETY: the callers hold the world and the task is not complete (invariant 2).
            unsafe { *stage = Stage::Gone };
        });
    }));
    let output = match dropped {
        Ok(()) => output,
        Err(payload) => {
            discard(output);
            Err(JoinError::panicked(cell.header.id, payload))
        }
    };
    cell.stage.with_mut(|stage| {
        // SAFETY: as above. The stage holds `Gone`, so this drops nothing.
        unsafe { *stage = Stage::Finished(output) };
    });
}

unsafe fn take_output<F: Future>(header: NonNull<Header>, target: *mut ()) {
    // SAFETY: the caller's header was made by `allocate::<F>` and is alive.
    let cell = unsafe { header.cast::<TaskCell<F>>().as_ref() };
    let stage = cell.stage.with_mut(|stage| {
        // SAFETY: the caller is the join handle of a complete task (invariant 2).
        std::mem::replace(unsafe { &mut *stage }, Stage::Gone)
    });
    let Stage::Finished(output) = stage else {
        panic!("a join handle was polled after it had returned its task's output")
    };
    let target = target.cast::<Poll<Result<F::Output, JoinError>>>();
    // SAFETY: the caller's target is of this type and valid for writes.
    unsafe { *target = Poll::Ready(output) };
}

unsafe fn drop_output<F: Future>(header: NonNull<Header>) {
    // SAFETY: the caller's header was made by `allocate::<F>` and is alive.
    let cell = unsafe { header.cast::<TaskCell<F>>().as_ref() };
    let stage = cell.stage.with_mut(|stage| {
        // SAFETY: the caller owns the output of a complete task (invariant 2).
        std::mem::replace(unsafe { &mut *stage }, Stage::Gone)
    });
    discard(stage);
}

unsafe fn set_join_waker<F: Future>(header: NonNull<Header>, waker: Option<Waker>) {
    // SAFETY: the caller's header was made by `allocate::<F>` and is alive.
    let cell = unsafe { header.cast::<TaskCell<F>>().as_ref() };
    let previous = cell.join_waker.with_mut(|slot| {
        // SAFETY: the caller is the join handle and owns the slot (invariant 3).
        std::mem::replace(unsafe { &mut *slot }, waker)
    });
    drop(previous);
}

unsafe fn is_join_waker<F: Future>(header: NonNull<Header>, waker: &Waker) -> bool {
    // SAFETY: the caller's header was made by `allocate::<F>` and is alive.
    let cell = unsafe { header.cast::<TaskCell<F>>().as_ref() };
    cell.join_waker.with(|slot| {
        // SAFETY: the caller is the join handle and set `JOIN_WAKER`: until it clears the bit
        // nobody writes to the slot (invariant 3).
        let kept = unsafe { &*slot };
        kept.as_ref().is_some_and(|kept| kept.will_wake(waker))
    })
}

unsafe fn wake_join_waker<F: Future>(header: NonNull<Header>) {
    // SAFETY: the caller's header was made by `allocate::<F>` and is alive.
    let cell = unsafe { header.cast::<TaskCell<F>>().as_ref() };
    cell.join_waker.with(|slot| {
        // SAFETY: the caller completed the task while `JOIN_WAKER` was set (invariant 3).
        if let Some(waker) = unsafe { &*slot } {
            // A waker that panics must not stop the world that completed the task.
            contain(|| waker.wake_by_ref());
        }
    });
}

unsafe fn free<F: Future>(header: NonNull<Header>) {
    // SAFETY: the caller's header was made by `allocate::<F>` from a box, and its reference was
    // the last one (invariant 4).
    drop(unsafe { Box::from_raw(header.cast::<TaskCell<F>>().as_ptr()) });
}

/// Drops a value whose destructor may panic where nobody could catch the panic.
fn discard<T>(value: T) {
    contain(|| drop(value));
}

/// Runs foreign code whose panic must stop nobody. A payload whose own destructor may panic again
/// is leaked.
fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        std::mem::forget(payload);
    }
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
        location: &'static Location<'static>,
    ) -> (Self, Join<F::Output>)
    where
        F: Future + 'static,
    {
        let header = allocate(future, owner, id, location, 0);
        let task = Self {
            reference: Reference(header),
            _not_send: PhantomData,
        };
        (
            task,
            Join {
                reference: Reference(header),
                _output: PhantomData,
            },
        )
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
        header.flags.set(header.flags.get() | RUNNING);
        // SAFETY: the task is alive, not complete, and this thread holds its world.
        let polled = unsafe { (header.vtable.poll)(self.reference.0) };
        header.flags.set(header.flags.get() & !RUNNING);
        if polled.is_ready() {
            self.complete();
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
        self.complete();
    }

    fn complete(&self) {
        let header = self.reference.header();
        // The bit is clear, so adding sets it, in one instruction where `fetch_or` is a loop.
        let before = header.state.fetch_add(COMPLETE, Ordering::AcqRel);
        debug_assert_eq!(before & COMPLETE, 0, "a task completes once");
        if before & JOIN_WAKER != 0 {
            // SAFETY: the task is alive and `JOIN_WAKER` was set when it completed (invariant 3).
            unsafe { (header.vtable.wake_join_waker)(self.reference.0) };
        }
        if before & HANDLE == 0 {
            // SAFETY: the task is complete and nobody else owns its output (invariant 2).
            unsafe { (header.vtable.drop_output)(self.reference.0) };
        }
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

    /// The type of its future.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        (self.header().vtable.type_name)()
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
        flags & QUEUED == 0
    }

    /// Whether the task is in the world's queue.
    #[must_use]
    pub fn is_queued(self) -> bool {
        self.header().flags.get() & QUEUED != 0
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

/// A task on its way to the thread that holds its world. Made only of `Send` futures.
pub struct SendTask(ManuallyDrop<Reference>);

// SAFETY: `new` asks for a future and an output that are `Send`; the header is shared by design
// (invariant 1).
unsafe impl Send for SendTask {}

impl SendTask {
    pub(crate) fn new<F>(
        future: F,
        owner: Owner,
        id: Id,
        location: &'static Location<'static>,
    ) -> (Self, Join<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let header = allocate(future, owner, id, location, SEND);
        let task = Self(ManuallyDrop::new(Reference(header)));
        (
            task,
            Join {
                reference: Reference(header),
                _output: PhantomData,
            },
        )
    }

    /// Polls a task of [nobody](Owner::nobody) to its end, on any thread.
    ///
    /// # Panics
    /// If the task belongs to a world, or its future was not ready.
    pub(crate) fn run_detached(self) -> Ended {
        let task = self.into_task();
        let header = task.reference.header();
        assert_eq!(header.owner.id, Owner::NOBODY, "a world runs its own tasks");
        if header.state.load(Ordering::Acquire) & ABORT != 0 {
            task.cancel();
            return Ended::Cancelled;
        }
        // SAFETY: the task is alive and was never polled, and this thread has the one value that
        // gives access to its stage (invariant 6).
        let polled = unsafe { (header.vtable.poll)(task.reference.0) };
        let Poll::Ready(ended) = polled else {
            panic!("a closure is ready when it returns")
        };
        task.complete();
        ended
    }

    /// The task, on the thread that holds its world.
    #[must_use]
    pub fn into_task(self) -> Task {
        Task {
            reference: Reference(ManuallyDrop::new(self).0.0),
            _not_send: PhantomData,
        }
    }
}

impl Drop for SendTask {
    /// Cancels a task that no world took. Its future is `Send`, so any thread may drop it.
    fn drop(&mut self) {
        // SAFETY: `into_task` forgets `self`, so the reference is taken once.
        let reference = unsafe { ManuallyDrop::take(&mut self.0) };
        drop(Task {
            reference,
            _not_send: PhantomData,
        });
    }
}

impl std::fmt::Debug for SendTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendTask").finish_non_exhaustive()
    }
}

/// A task that another thread woke, on its way to the thread that holds its world.
pub struct WokenTask(Reference);

// SAFETY: it only gives access to the shared part of the header, until it is received.
unsafe impl Send for WokenTask {}

impl WokenTask {
    /// Arrives on the thread that holds the task's world: `deliver` is told of the task if it must
    /// be queued.
    pub fn receive(self, deliver: impl FnOnce(TaskRef<'_>)) {
        let header = self.0.header();
        header.assert_held();
        header.state.fetch_and(!REMOTE, Ordering::AcqRel);
        if self.0.is_complete() {
            return;
        }
        let task = TaskRef::of(&self.0);
        if task.queue() {
            deliver(task);
        }
    }
}

impl std::fmt::Debug for WokenTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WokenTask").finish_non_exhaustive()
    }
}

/// The join handle's hold on a task.
pub(crate) struct Join<T> {
    reference: Reference,
    _output: PhantomData<T>,
}

// SAFETY: the handle gives access to the output alone, which is `Send`, and to the shared part of
// the header.
unsafe impl<T: Send> Send for Join<T> {}
// SAFETY: a shared handle gives no access to the output.
unsafe impl<T: Send> Sync for Join<T> {}

impl<T> Join<T> {
    /// Called by the one owner of the handle alone.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let header = self.reference.header();
        let mut output = Poll::Pending;
        if self.reference.is_complete() || self.store_waker(cx.waker()) {
            let target: *mut Poll<Result<T, JoinError>> = &raw mut output;
            // SAFETY: the task is complete, this is its join handle, and `T` is its output type.
            unsafe { (header.vtable.take_output)(self.reference.0, target.cast()) };
        }
        output
    }

    /// Stores the waker to wake at the end; true if the task ended meanwhile.
    fn store_waker(&self, waker: &Waker) -> bool {
        let header = self.reference.header();
        let state = header.state.load(Ordering::Acquire);
        if state & JOIN_WAKER != 0 {
            // SAFETY: the task is alive, this is its join handle and the bit is set (invariant 3).
            if unsafe { (header.vtable.is_join_waker)(self.reference.0, waker) } {
                return state & COMPLETE != 0;
            }
            // Take the slot back before writing to it.
            if header.state.fetch_sub(JOIN_WAKER, Ordering::AcqRel) & COMPLETE != 0 {
                return true;
            }
        }
        // SAFETY: this is the join handle, and both bits were clear (invariant 3): only this
        // handle sets the one, and if the other was set since, the completer saw no waker.
        unsafe { (header.vtable.set_join_waker)(self.reference.0, Some(waker.clone())) };
        header.state.fetch_add(JOIN_WAKER, Ordering::AcqRel) & COMPLETE != 0
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.reference.is_complete()
    }

    pub(crate) fn id(&self) -> Id {
        self.reference.header().id
    }

    pub(crate) fn resource(&self) -> &Resource {
        &self.reference.header().resource
    }

    pub(crate) fn abort(&self) {
        abort(&self.reference);
    }

    pub(crate) fn aborter(&self) -> Aborter {
        Aborter(self.reference.clone())
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        let header = self.reference.header();
        if !self.reference.is_complete() {
            let before = header
                .state
                .fetch_and(!(HANDLE | JOIN_WAKER), Ordering::AcqRel);
            if before & COMPLETE == 0 {
                if before & JOIN_WAKER != 0 {
                    // SAFETY: this was the join handle and both bits are clear (invariant 3).
                    unsafe { (header.vtable.set_join_waker)(self.reference.0, None) };
                }
                return;
            }
        }
        // SAFETY: the task is complete and this was its join handle (invariant 2).
        unsafe { (header.vtable.drop_output)(self.reference.0) };
    }
}

/// An abort handle's hold on a task.
#[derive(Clone)]
pub(crate) struct Aborter(Reference);

// SAFETY: it only gives access to the shared part of the header.
unsafe impl Send for Aborter {}
// SAFETY: as above.
unsafe impl Sync for Aborter {}

impl Aborter {
    pub(crate) fn abort(&self) {
        abort(&self.0);
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.0.is_complete()
    }

    pub(crate) fn id(&self) -> Id {
        self.0.header().id
    }
}

/// Asks for the task's future to be dropped instead of polled, and sees that this happens.
fn abort(reference: &Reference) {
    let before = reference.header().state.fetch_or(ABORT, Ordering::AcqRel);
    if before & (ABORT | COMPLETE) == 0 {
        wake(reference);
    }
}

/// Queues the task, from any thread.
fn wake(reference: &Reference) {
    let header = reference.header();
    if context::owner() == header.owner.id {
        let task = TaskRef::of(reference);
        if !reference.is_complete() && task.queue() {
            // Not the current backend: this thread may have entered another runtime since.
            context::with_holder(|backend| {
                if let Some(backend) = backend {
                    backend.schedule(task);
                }
            });
        }
        return;
    }
    let before = header.state.fetch_or(REMOTE, Ordering::AcqRel);
    if before & (REMOTE | COMPLETE) == 0 {
        header
            .owner
            .send(Message::Wake(WokenTask(reference.clone())));
    }
}

static WAKER: RawWakerVTable =
    RawWakerVTable::new(waker_clone, waker_wake, waker_wake_by_ref, waker_drop);

/// A waker that borrows the caller's reference.
fn borrowed_waker(header: NonNull<Header>) -> ManuallyDrop<Waker> {
    let raw = RawWaker::new(header.as_ptr().cast_const().cast(), &WAKER);
    // SAFETY: the functions of `WAKER` keep the contract of `RawWaker`; never dropping the waker
    // means that it needs no reference of its own.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw) })
}

fn reference_of(data: *const ()) -> ManuallyDrop<Reference> {
    let header = NonNull::new(data.cast_mut().cast()).expect("a waker points at its task");
    ManuallyDrop::new(Reference(header))
}

unsafe fn waker_clone(data: *const ()) -> RawWaker {
    std::mem::forget(Reference::clone(&reference_of(data)));
    RawWaker::new(data, &WAKER)
}

unsafe fn waker_wake(data: *const ()) {
    let reference = ManuallyDrop::into_inner(reference_of(data));
    wake(&reference);
}

unsafe fn waker_wake_by_ref(data: *const ()) {
    wake(&reference_of(data));
}

unsafe fn waker_drop(data: *const ()) {
    drop(ManuallyDrop::into_inner(reference_of(data)));
}

/// What a panic left, for [`JoinError`].
pub(crate) type Payload = Box<dyn Any + Send + 'static>;

#[cfg(all(test, loom))]
mod loom;
