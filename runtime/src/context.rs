//! What this thread is running inside of.
//!
//! Owns the thread-local pointer to the current backend, the id of the world whose tasks this
//! thread may touch without synchronisation, and the cooperative budget.
//! Knows nothing of any particular backend.
//!
//! This file holds `unsafe`: a scoped pointer in a thread-local.
//!
//! # Invariants
//! 1. `CURRENT` is either `None` or points at a backend that is borrowed by a frame further up
//!    this thread's stack (`enter`), or kept alive by an [`EnterGuard`] of this thread.
//! 2. `OWNER` is the id of the world whose core this thread holds, or 0. Ids are never reused.

#![expect(unsafe_code, reason = "a scoped pointer in a thread-local")]

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::backend::{Backend, Remote};

thread_local! {
    static CURRENT: Cell<Option<NonNull<dyn Backend>>> = const { Cell::new(None) };
    static OWNER: Cell<u64> = const { Cell::new(0) };
    static BUDGET: Cell<u8> = const { Cell::new(0) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs `f` with the current backend, or with `None` outside a runtime.
#[inline]
pub fn with_current<R>(f: impl FnOnce(Option<&dyn Backend>) -> R) -> R {
    let current = CURRENT.try_with(Cell::get).unwrap_or(None);
    // SAFETY: by invariant 1 the backend outlives every frame above the one that entered it, and
    // this call is such a frame.
    f(current.map(|pointer| unsafe { pointer.as_ref() }))
}

/// Makes `backend` this thread's current one while `f` runs, as the holder of the world `owner`.
///
/// `owner` is 0 when this thread does not hold the world's core.
pub fn enter<R>(backend: &dyn Backend, owner: u64, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<NonNull<dyn Backend>>, u64, u8);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
            OWNER.set(self.1);
            BUDGET.set(self.2);
            DEPTH.set(DEPTH.get() - 1);
        }
    }

    let pointer = NonNull::from(backend);
    // SAFETY: only the lifetime changes; `Restore` takes the pointer back before the borrow ends.
    let pointer =
        unsafe { std::mem::transmute::<NonNull<dyn Backend>, NonNull<dyn Backend>>(pointer) };
    DEPTH.set(DEPTH.get() + 1);
    let _restore = Restore(
        CURRENT.replace(Some(pointer)),
        OWNER.replace(owner),
        BUDGET.replace(0),
    );
    f()
}

/// The id of the world whose core this thread holds, or 0.
#[inline]
pub fn owner() -> u64 {
    OWNER.try_with(Cell::get).unwrap_or(0)
}

/// Gives the running poll `units` ready operations before it must yield.
///
/// A simulator leaves the budget at 0, so that every operation asks it.
#[inline]
pub fn set_budget(units: u8) {
    BUDGET.set(units);
}

/// Takes one unit of the budget, if there is one.
#[inline]
pub(crate) fn take_budget() -> bool {
    BUDGET
        .try_with(|budget| match budget.get() {
            0 => false,
            left => {
                budget.set(left - 1);
                true
            }
        })
        .unwrap_or(false)
}

/// Returns a unit taken by an operation that made no progress.
#[inline]
pub(crate) fn return_budget() {
    let _ = BUDGET.try_with(|budget| budget.set(budget.get() + 1));
}

/// Keeps a runtime entered on this thread until it is dropped.
///
/// Returned by [`Handle::enter`](crate::runtime::Handle::enter).
#[must_use = "the runtime is left as soon as the guard is dropped"]
pub struct EnterGuard<'a> {
    previous: Option<NonNull<dyn Backend>>,
    depth: usize,
    remote: Option<Arc<dyn Remote>>,
    _handle: PhantomData<(&'a (), *const ())>,
}

impl std::fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}

/// Enters the view of a world that any thread may use.
pub(crate) fn enter_remote<'a>(remote: Arc<dyn Remote>) -> EnterGuard<'a> {
    let pointer = NonNull::from(remote.view());
    // SAFETY: only the lifetime changes; the guard keeps `remote`, and so its view, alive until it
    // has taken the pointer back.
    let pointer =
        unsafe { std::mem::transmute::<NonNull<dyn Backend>, NonNull<dyn Backend>>(pointer) };
    // A thread that runs this very world already has the better view of it.
    let inside = owner() != 0 && owner() == remote.owner().id;
    let previous = CURRENT.get();
    if !inside {
        CURRENT.set(Some(pointer));
    }
    DEPTH.set(DEPTH.get() + 1);
    EnterGuard {
        previous,
        depth: DEPTH.get(),
        remote: Some(remote),
        _handle: PhantomData,
    }
}

impl Drop for EnterGuard<'_> {
    fn drop(&mut self) {
        if DEPTH.get() != self.depth {
            // Leaving out of order would leave a dangling pointer behind: keep the world alive.
            std::mem::forget(self.remote.take());
            if std::thread::panicking() {
                return;
            }
            panic!("enter guards must be dropped in the reverse order of their creation");
        }
        CURRENT.set(self.previous);
        DEPTH.set(self.depth - 1);
    }
}
