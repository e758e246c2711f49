//! Waiting for each other.
//!
//! Owns what users see of a barrier. Who passes is the business of `raw`.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use self::raw::{RawBarrier, Ticket};
use super::wait_list::Waiter;

pub(crate) mod breakable;
mod raw;

/// Lets nobody through until so many have come.
///
/// Then it lets these through together, and begins anew. For one that can be broken, see
/// [`asyncio::Barrier`](crate::asyncio::Barrier).
///
/// # Under simulation
/// Waiting is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::sync::Barrier;
///
/// let barrier = Arc::new(Barrier::new(3));
/// let tasks: Vec<_> = (0..3)
///     .map(|_| {
///         let barrier = barrier.clone();
///         simoom::spawn(async move { barrier.wait().await.is_leader() })
///     })
///     .collect();
/// let mut leaders = 0;
/// for task in tasks {
///     leaders += u32::from(task.await.unwrap());
/// }
/// assert_eq!(leaders, 1);
/// # });
/// ```
pub struct Barrier {
    raw: RawBarrier,
}

impl Barrier {
    /// A barrier for so many. For 0 it is as for 1: everybody passes.
    #[must_use]
    pub fn new(parties: usize) -> Self {
        Self {
            raw: RawBarrier::new(parties, false),
        }
    }

    /// Waits until so many have come, this one included.
    ///
    /// # Cancel safety
    /// Safe. A dropped future has not come, unless it was let through before: then the others have
    /// passed all the same.
    #[track_caller]
    pub fn wait(&self) -> BarrierWait<'_> {
        BarrierWait {
            barrier: self,
            location: Location::caller(),
            waiter: Waiter::new(Ticket::Waits),
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.raw.parties())
            .field("waiting", &self.raw.waiting())
            .finish_non_exhaustive()
    }
}

/// One that was let through.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let passed = simoom::sync::Barrier::new(1).wait().await;
/// assert!(passed.is_leader());
/// assert_eq!(passed.index(), 0);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct BarrierWaitResult {
    index: usize,
    is_leader: bool,
}

impl BarrierWaitResult {
    fn new(raw: &RawBarrier, index: usize) -> Self {
        Self {
            index,
            is_leader: index + 1 == raw.parties(),
        }
    }

    /// Whether it came last. One of each group did.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }

    /// Its number in its group: how many came before it and did not go away. Each of a group has
    /// another, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }
}

pin_project! {
    /// The future of [`Barrier::wait`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct BarrierWait<'a> {
        barrier: &'a Barrier,
        location: &'static Location<'static>,
        #[pin]
        waiter: Waiter<Ticket>,
    }

    impl PinnedDrop for BarrierWait<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.barrier.raw.abandon(this.waiter);
        }
    }
}

impl Future for BarrierWait<'_> {
    type Output = BarrierWaitResult;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let raw = &this.barrier.raw;
        match ready!(raw.poll_wait(cx, this.waiter, this.location)) {
            Ok(index) => Poll::Ready(BarrierWaitResult::new(raw, index)),
            Err(_) => unreachable!("nobody breaks this barrier"),
        }
    }
}

impl fmt::Debug for BarrierWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWait").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
