//! What a cell holds beside its header, and the functions that know its type.
//!
//! Owns the future, then its output, and the join waker. Knows nothing of who may call what: that
//! is said by the invariants of [`cell`](super), which are cited here.
//!
//! This file holds `unsafe`: it is a part of the task cell.

#![expect(unsafe_code, reason = "the task cell")]

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use super::current::Running;
use super::waker::borrowed_waker;
use super::{Ended, Extra, HANDLE, Header, Links, REF, SEND};
use crate::backend::TakenBack;
use crate::coop::Resource;
use crate::shim::{AtomicUsize, UnsafeCell};
use crate::task::error::JoinError;
use crate::task::id::Id;
use crate::task::inbox::Owner;
use crate::task::spawn::Origin;
use crate::task::trace::{Kind, Trace};
use crate::task::unobserved::Unobserved;

/// What a cell does that depends on its future.
pub(super) struct Vtable {
    /// Polls the future; `Ready` when it has ended and the output is stored.
    pub(super) poll: unsafe fn(NonNull<Header>) -> Poll<Ended>,
    /// Drops the future and stores the cancellation as the output.
    pub(super) cancel: unsafe fn(NonNull<Header>),
    /// Moves the output into a `Poll<Result<T, JoinError>>`.
    pub(super) take_output: unsafe fn(NonNull<Header>, *mut ()),
    /// Drops the output, if it is still there.
    pub(super) drop_output: unsafe fn(NonNull<Header>),
    /// Replaces the join waker.
    pub(super) set_join_waker: unsafe fn(NonNull<Header>, Option<Waker>),
    /// Whether the join waker wakes the same task as another.
    pub(super) is_join_waker: unsafe fn(NonNull<Header>, &Waker) -> bool,
    /// Wakes the join waker.
    pub(super) wake_join_waker: unsafe fn(NonNull<Header>),
    /// Frees the cell.
    pub(super) free: unsafe fn(NonNull<Header>),
    /// What sort of future it runs.
    pub(super) type_name: fn() -> &'static str,
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
pub(super) fn allocate<F: Future>(
    future: F,
    owner: Owner,
    id: Id,
    origin: Origin<'_>,
    flags: u8,
) -> NonNull<Header> {
    let kind = match flags & SEND {
        _ if owner.id == Owner::NOBODY => Kind::Blocking,
        0 => Kind::Local,
        _ => Kind::Task,
    };
    let extra = OnceLock::new();
    if origin.name.is_some() || origin.future.is_some() {
        let named = Extra {
            name: origin.name.map(Into::into),
            future: origin.future,
            ..Extra::default()
        };
        extra.get_or_init(|| Arc::new(named));
    }
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
            location: origin.location,
            resource: Resource::new(),
            key: Cell::new(0),
            flags: Cell::new(flags),
            refused: Cell::new(None),
            site: Cell::new(origin.location),
            trace: Trace::new(
                kind,
                (origin.name.or(origin.future)).unwrap_or(std::any::type_name::<F>()),
                id,
                origin.location,
            ),
            extra,
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
    let _running = Running::task(header);
    let entered = cell.header.trace.enter();
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
        Ok(Poll::Pending) => {
            cell.header.trace.leave(entered);
            return Poll::Pending;
        }
        Ok(Poll::Ready(output)) => Ok(output),
        Err(payload) if payload.is::<TakenBack>() => {
            Err(JoinError::cancelled(cell.header.id, None))
        }
        Err(payload) => Err(JoinError::panicked(cell.header.id, payload)),
    };
    let ended = match &output {
        Ok(_) => Ended::Returned,
        Err(error) if error.is_panic() => Ended::Panicked,
        Err(_) => Ended::Cancelled,
    };
    finish(cell, output);
    drop(entered);
    Poll::Ready(ended)
}

unsafe fn cancel<F: Future>(header: NonNull<Header>) {
    // SAFETY: the caller's header was made by `allocate::<F>` and is alive.
    let cell = unsafe { header.cast::<TaskCell<F>>().as_ref() };
    let _running = Running::task(header);
    let reason = cell
        .header
        .extra
        .get()
        .and_then(|it| it.cancellation.reason());
    let _entered = cell.header.trace.enter();
    finish(cell, Err(JoinError::cancelled(cell.header.id, reason)));
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
    if let Stage::Finished(Err(error)) = &stage
        && error.is_panic()
    {
        tell_unobserved(&cell.header, error);
    }
    discard(stage);
}

/// Tells whoever wants to know of a panic that nobody joins.
#[cold]
fn tell_unobserved(header: &Header, error: &JoinError) {
    let Some(hook) = header.owner.unobserved() else {
        return;
    };
    let unobserved = Unobserved {
        id: header.id,
        name: header.extra.get().and_then(|it| it.name.as_deref()),
        location: header.location,
        panic: Some(error),
    };
    contain(|| hook(&unobserved));
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
pub(super) fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        std::mem::forget(payload);
    }
}
