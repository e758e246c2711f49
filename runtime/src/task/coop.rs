//! The budget that a task has before it must let others run, for code that brings its own operations.
//!
//! Every operation of this crate that is ready at once takes a unit of its task's budget, so that a
//! task whose operations are always ready gives way all the same: after 128 of them it is told to
//! wait, and is polled again when the others have had a turn. What is here lets other code take part
//! ([`cooperative`], [`poll_proceed`], [`consume_budget`]), or stay out of it ([`unconstrained`]).
//!
//! # Under simulation
//! There is no budget: before any operation the scheduler may let others run, which is what it is
//! for. What takes part by the functions here is such an operation.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::context;
use crate::coop::{Op, OpKind, Progress, proceed};

/// Whether the running task has some of its budget left, so that its next operation will not make it
/// yield. True where there is no budget: outside a task, in [`unconstrained`].
///
/// # Under simulation
/// True.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert!(simoom::task::coop::has_budget_remaining());
/// # });
/// ```
#[must_use]
pub fn has_budget_remaining() -> bool {
    context::with_current(|backend| backend.is_none_or(|backend| backend.has_budget()))
}

/// Takes a unit of the budget, or gives way if there is none: for a loop that computes for long.
///
/// # Cancel safety
/// Safe.
///
/// # Under simulation
/// A point where other tasks may run first, as [`preemption_point`](super::preemption_point).
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut sum = 0_u64;
/// for number in 0..1000 {
///     sum += number;
///     simoom::task::coop::consume_budget().await;
/// }
/// assert_eq!(sum, 499_500);
/// # });
/// ```
#[track_caller]
pub fn consume_budget() -> impl Future<Output = ()> + Send + Sync {
    let site = Location::caller();
    std::future::poll_fn(move |cx| {
        ready!(proceed(cx, &Op::private(OpKind::Point, site))).done();
        Poll::Ready(())
    })
}

/// `Ready` if the running task may try an operation, for which a unit of its budget is taken; else
/// the task has been woken and is to return `Pending`.
///
/// Say by [`RestoreOnPending::made_progress`] that the operation was done. The unit is given back
/// otherwise.
///
/// # Examples
/// ```
/// use std::future::poll_fn;
/// use std::task::{Poll, ready};
/// use simoom::task::coop::poll_proceed;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut items = vec![3, 2, 1];
/// let next = poll_fn(|cx| {
///     let budget = ready!(poll_proceed(cx));
///     match items.pop() {
///         Some(item) => {
///             budget.made_progress();
///             Poll::Ready(item)
///         }
///         None => Poll::Pending,
///     }
/// });
/// assert_eq!(next.await, 1);
/// # });
/// ```
#[track_caller]
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    let site = Location::caller();
    proceed(cx, &Op::private(OpKind::Point, site)).map(|progress| RestoreOnPending {
        progress: Cell::new(Some(progress)),
    })
}

/// Leave to try one operation: see [`poll_proceed`].
#[must_use = "call `made_progress` when the operation was done"]
pub struct RestoreOnPending {
    progress: Cell<Option<Progress<'static>>>,
}

impl RestoreOnPending {
    /// The operation was done: the unit of the budget is spent.
    pub fn made_progress(&self) {
        if let Some(progress) = self.progress.take() {
            progress.done();
        }
    }
}

impl fmt::Debug for RestoreOnPending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoreOnPending").finish_non_exhaustive()
    }
}

/// Makes a future take part: whenever it is polled and the budget is spent, it gives way, and when it
/// is ready it has cost a unit.
///
/// For a future that is ready at once again and again and does nothing of this crate. The operations
/// of this crate do it themselves.
///
/// # Cancel safety
/// As `future`.
///
/// # Examples
/// ```
/// use simoom::task::coop::cooperative;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let other = simoom::spawn(async {});
/// while !other.is_finished() {
///     // Always ready, and yet the other task has its turn.
///     cooperative(std::future::ready(())).await;
/// }
/// # });
/// ```
#[track_caller]
pub fn cooperative<F: Future>(future: F) -> Coop<F> {
    Coop {
        future,
        site: Location::caller(),
    }
}

pin_project! {
    /// The future of [`cooperative`].
    #[must_use = "futures do nothing unless awaited"]
    #[derive(Debug)]
    pub struct Coop<F> {
        #[pin]
        future: F,
        site: &'static Location<'static>,
    }
}

impl<F: Future> Future for Coop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let progress = ready!(proceed(cx, &Op::private(OpKind::Point, this.site)));
        let output = ready!(this.future.poll(cx));
        progress.done();
        Poll::Ready(output)
    }
}

/// Lets a future do as many operations in one poll as it finds ready.
///
/// A task that is always ready then keeps all others waiting, timers and sockets among them: for
/// work that is known to be short.
///
/// # Cancel safety
/// As `future`.
///
/// # Under simulation
/// Changes nothing: the scheduler may let others run before any operation, whatever its budget.
///
/// # Examples
/// ```
/// use simoom::sync::mpsc;
/// use simoom::task::coop::unconstrained;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (tx, mut rx) = mpsc::unbounded_channel();
/// for number in 0..1000 {
///     tx.send(number).unwrap();
/// }
/// let sum = unconstrained(async move {
///     let mut sum = 0;
///     while let Ok(number) = rx.try_recv() {
///         sum += number;
///     }
///     sum
/// });
/// assert_eq!(sum.await, 499_500);
/// # });
/// ```
pub fn unconstrained<F: Future>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project! {
    /// The future of [`unconstrained`].
    #[must_use = "futures do nothing unless awaited"]
    #[derive(Debug)]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.project().future;
        context::unconstrained(|| future.poll(cx))
    }
}
