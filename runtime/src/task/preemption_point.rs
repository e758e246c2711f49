//! A place at which a simulation may interrupt a task, and which costs nothing elsewhere.
//!
//! Knows nothing of who decides there.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::backend::{Op, OpKind};
use crate::coop::proceed;

/// Marks a place at which another task may go first, although the caller could go on.
///
/// Operations of simoom are such places by themselves. Atomics, the locks of `std` and the channels
/// of other libraries are not: the runtime does not see them. On a runtime with several threads
/// they interleave all the same, and so may whatever stands on both sides of this call.
///
/// Never waits for anything, and gives way only if the task has used up its budget of operations,
/// as the next operation would; it takes nothing from that budget, so that a loop of nothing else
/// never gives way. Outside a runtime it does nothing.
///
/// It has to be awaited: a task can be made to wait only where it can return to its runtime. In code
/// that is not `async` there is no such place; interleavings of that are [loom]'s business.
///
/// [loom]: https://docs.rs/loom
///
/// # Cancel safety
/// Safe.
///
/// # Under simulation
/// Takes no virtual time, unless the test asks for slow tasks. Counts as an operation for the
/// budget.
///
/// # Examples
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
///
/// static VISITS: AtomicU64 = AtomicU64::new(0);
///
/// async fn visit() {
///     let seen = VISITS.load(SeqCst);
///     // A simulation finds that an update is lost here.
///     simoom::task::preemption_point().await;
///     VISITS.store(seen + 1, SeqCst);
/// }
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// visit().await;
/// visit().await;
/// assert_eq!(VISITS.load(SeqCst), 2);
/// # });
/// ```
#[track_caller]
pub fn preemption_point() -> PreemptionPoint {
    PreemptionPoint {
        location: Location::caller(),
    }
}

/// The future of [`preemption_point`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct PreemptionPoint {
    location: &'static Location<'static>,
}

impl Future for PreemptionPoint {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let progress = ready!(proceed(cx, &Op::private(OpKind::Point, self.location)));
        progress.free();
        Poll::Ready(())
    }
}
