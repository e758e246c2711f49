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
//! 2. `OWNER` is the id of the world whose claim a frame of this thread borrows, or 0. Ids are
//!    never reused, and a claim is never borrowed by two threads.
//! 3. `HOLDER` is either `None` or points at the backend of the innermost `enter` of this thread:
//!    unlike `CURRENT` it does not change when the thread enters another runtime by a guard.
//! 4. `LAYER` is the serial number of the innermost `enter` or guard, or 0. Serial numbers are
//!    never reused on a thread, so that a guard that was left behind cannot be taken for another.
//! 5. `TOLD` says whether the backend of the innermost `enter` wants to know of changes.
//! 6. `WATCHED` says whether anybody watches the backend of the innermost `enter`.
//! 7. `GUEST` says that the innermost `enter` was `enter_guest`, and `FREE` that its thread is not
//!    blocked on a future right now.

#![expect(unsafe_code, reason = "a scoped pointer in a thread-local")]

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::backend::{Backend, Claim, Remote};

thread_local! {
    static CURRENT: Cell<Option<NonNull<dyn Backend>>> = const { Cell::new(None) };
    static OWNER: Cell<u64> = const { Cell::new(0) };
    static BUDGET: Cell<u8> = const { Cell::new(0) };
    static UNCONSTRAINED: Cell<bool> = const { Cell::new(false) };
    static TOLD: Cell<bool> = const { Cell::new(false) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static HOLDER: Cell<Option<NonNull<dyn Backend>>> = const { Cell::new(None) };
    static GUEST: Cell<bool> = const { Cell::new(false) };
    static FREE: Cell<bool> = const { Cell::new(false) };
    static LAYER: Cell<u64> = const { Cell::new(0) };
    static LAYERS: Cell<u64> = const { Cell::new(0) };
}

/// Enters a layer: its serial number and that of the layer around it.
fn next_layer() -> (u64, u64) {
    let serial = LAYERS.get() + 1;
    LAYERS.set(serial);
    (serial, LAYER.replace(serial))
}

/// Runs `f` with the current backend, or with `None` outside a runtime.
#[inline]
pub fn with_current<R>(f: impl FnOnce(Option<&dyn Backend>) -> R) -> R {
    let current = CURRENT.try_with(Cell::get).unwrap_or(None);
    // SAFETY: by invariant 1 the backend outlives every frame above the one that entered it, and
    // this call is such a frame.
    f(current.map(|pointer| unsafe { pointer.as_ref() }))
}

/// Runs `f` with the backend that this thread holds, whatever runtime it has entered since.
///
/// `None` on a thread that runs no backend.
#[inline]
pub(crate) fn with_holder<R>(f: impl FnOnce(Option<&dyn Backend>) -> R) -> R {
    let holder = HOLDER.try_with(Cell::get).unwrap_or(None);
    // SAFETY: by invariant 3 the backend is borrowed by an `enter` further up this thread's stack.
    f(holder.map(|pointer| unsafe { pointer.as_ref() }))
}

/// Whether this thread is inside [`enter`]: it must not block on another future.
pub(crate) fn is_inside() -> bool {
    HOLDER.try_with(Cell::get).unwrap_or(None).is_some() && !FREE.get()
}

/// Whether this thread is inside [`enter_guest`]: it must not own what stays with the world's
/// thread.
pub(crate) fn is_guest() -> bool {
    GUEST.try_with(Cell::get).unwrap_or(false)
}

/// Runs `f`, during which a guest must not block again.
pub(crate) fn while_occupied<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            FREE.set(self.0);
        }
    }
    let _restore = Restore(FREE.replace(false));
    f()
}

/// Makes `backend` this thread's current one while `f` runs, as the one that runs the world of
/// `claim`; `None` when this thread does not run it.
pub fn enter<R>(backend: &dyn Backend, claim: Option<&Claim>, f: impl FnOnce() -> R) -> R {
    enter_as(backend, claim, false, f)
}

/// As [`enter`], on a thread that the world was lent to and that may block in it.
///
/// What is not `Send` cannot be spawned there.
pub fn enter_guest<R>(backend: &dyn Backend, claim: &Claim, f: impl FnOnce() -> R) -> R {
    enter_as(backend, Some(claim), true, f)
}

fn enter_as<R>(
    backend: &dyn Backend,
    claim: Option<&Claim>,
    guest: bool,
    f: impl FnOnce() -> R,
) -> R {
    struct Restore {
        current: Option<NonNull<dyn Backend>>,
        holder: Option<NonNull<dyn Backend>>,
        owner: u64,
        budget: u8,
        unconstrained: bool,
        told: bool,
        watched: bool,
        guest: bool,
        free: bool,
        layer: u64,
    }
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.current);
            HOLDER.set(self.holder);
            OWNER.set(self.owner);
            BUDGET.set(self.budget);
            UNCONSTRAINED.set(self.unconstrained);
            TOLD.set(self.told);
            WATCHED.set(self.watched);
            GUEST.set(self.guest);
            FREE.set(self.free);
            LAYER.set(self.layer);
        }
    }

    let pointer = NonNull::from(backend);
    // SAFETY: only the lifetime changes; `Restore` takes the pointer back before the borrow ends.
    let pointer =
        unsafe { std::mem::transmute::<NonNull<dyn Backend>, NonNull<dyn Backend>>(pointer) };
    let (_, layer) = next_layer();
    let _restore = Restore {
        current: CURRENT.replace(Some(pointer)),
        holder: HOLDER.replace(Some(pointer)),
        owner: OWNER.replace(claim.map_or(0, |claim| claim.owner().id)),
        budget: BUDGET.replace(0),
        unconstrained: UNCONSTRAINED.replace(false),
        told: TOLD.replace(backend.wants_changes()),
        watched: WATCHED.replace(backend.watch().is_some()),
        guest: GUEST.replace(guest),
        free: FREE.replace(guest),
        layer,
    };
    f()
}

/// The id of the world whose core this thread holds, or 0.
#[inline]
pub fn owner() -> u64 {
    OWNER.try_with(Cell::get).unwrap_or(0)
}

/// Whether the backend that this thread holds wants to know what its tasks change without waiting.
#[inline]
pub(crate) fn is_told_of_changes() -> bool {
    TOLD.try_with(Cell::get).unwrap_or(false)
}

/// Whether anybody is to be told what the backend that this thread holds does.
#[inline]
pub(crate) fn is_watched() -> bool {
    WATCHED.try_with(Cell::get).unwrap_or(false)
}

/// Says that somebody watches the backend that this thread holds, from now on.
pub fn set_watched() {
    WATCHED.set(true);
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

/// Whether the running poll has a unit of the budget left.
#[inline]
pub(crate) fn has_budget() -> bool {
    BUDGET.try_with(|budget| budget.get() > 0).unwrap_or(false)
}

/// Runs `f`, during which no budget ends a poll. What was left of the budget is left afterwards.
pub(crate) fn unconstrained<R>(f: impl FnOnce() -> R) -> R {
    struct Restore {
        budget: u8,
        unconstrained: bool,
    }
    impl Drop for Restore {
        fn drop(&mut self) {
            BUDGET.set(self.budget);
            UNCONSTRAINED.set(self.unconstrained);
        }
    }
    let _restore = Restore {
        budget: BUDGET.get(),
        unconstrained: UNCONSTRAINED.replace(true),
    };
    f()
}

/// Whether no budget ends the running poll.
pub(crate) fn is_unconstrained() -> bool {
    UNCONSTRAINED.try_with(Cell::get).unwrap_or(false)
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
    serial: u64,
    outer: u64,
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
    let entered = if inside { HOLDER.get() } else { Some(pointer) };
    let previous = CURRENT.replace(entered);
    let (serial, outer) = next_layer();
    EnterGuard {
        previous,
        serial,
        outer,
        remote: Some(remote),
        _handle: PhantomData,
    }
}

impl Drop for EnterGuard<'_> {
    fn drop(&mut self) {
        if LAYER.get() != self.serial {
            // Leaving out of order would leave a dangling pointer behind: keep the world alive.
            std::mem::forget(self.remote.take());
            if std::thread::panicking() {
                return;
            }
            panic!("enter guards must be dropped in the reverse order of their creation");
        }
        CURRENT.set(self.previous);
        LAYER.set(self.outer);
    }
}
