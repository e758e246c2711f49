//! A barrier that can be broken.
//!
//! Owns its errors and states as users see them. Who passes is the business of `raw`.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::BarrierWaitResult;
use super::raw::{Phase, RawBarrier, Ticket};
use crate::sync::wait_list::Waiter;

/// As [`sync::Barrier`](crate::sync::Barrier), and can be broken and mended.
///
/// A group that was let through leaves before the next one may: who comes in between waits.
///
/// # Under simulation
/// Waiting is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::asyncio::{Barrier, BrokenBarrier};
///
/// let barrier = Arc::new(Barrier::new(2));
/// let first = simoom::spawn({
///     let barrier = barrier.clone();
///     async move { barrier.wait().await }
/// });
/// simoom::task::yield_now().await;
/// barrier.abort();
/// assert!(matches!(first.await.unwrap(), Err(BrokenBarrier)));
/// assert!(matches!(barrier.wait().await, Err(BrokenBarrier)));
/// barrier.reset();
/// let (one, two) = simoom::join!(barrier.wait(), barrier.wait());
/// assert_eq!(one.unwrap().index() + two.unwrap().index(), 1);
/// # });
/// ```
pub struct Barrier {
    raw: RawBarrier,
}

impl Barrier {
    /// A barrier for so many.
    ///
    /// # Panics
    /// If that is none.
    #[track_caller]
    #[must_use]
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier is for at least one");
        Self {
            raw: RawBarrier::new(parties, true),
        }
    }

    /// Waits until so many have come, this one included.
    ///
    /// # Errors
    /// If the barrier is broken, or is broken or reset before it lets this one through.
    ///
    /// # Cancel safety
    /// Safe. A dropped future has not come, unless it was let through before: then the others have
    /// passed all the same.
    #[track_caller]
    pub fn wait(&self) -> BreakableWait<'_> {
        BreakableWait {
            barrier: self,
            location: Location::caller(),
            waiter: Waiter::new(Ticket::Waits),
        }
    }

    /// Breaks the barrier: those who wait and those who come get an error, until somebody
    /// [resets](Self::reset) it. Who was let through before is not concerned.
    pub fn abort(&self) {
        self.raw.abort();
    }

    /// Those who wait get an error, and those who come form a group. Mends a barrier that is broken.
    ///
    /// Who was let through before is not concerned, and neither is who comes while they leave.
    pub fn reset(&self) {
        self.raw.reset();
    }

    /// For how many it is.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.raw.parties()
    }

    /// How many of a group that is not complete have come.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.raw.waiting()
    }

    /// Whether it is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.raw.phase() == Phase::Broken
    }

    /// What it is about.
    ///
    /// # Examples
    /// ```
    /// use simoom::asyncio::{Barrier, BarrierState};
    ///
    /// let barrier = Barrier::new(2);
    /// assert_eq!(barrier.state(), BarrierState::Filling);
    /// barrier.abort();
    /// assert_eq!(barrier.state(), BarrierState::Broken);
    /// ```
    #[must_use]
    pub fn state(&self) -> BarrierState {
        match self.raw.phase() {
            Phase::Filling => BarrierState::Filling,
            Phase::Draining => BarrierState::Draining,
            Phase::Resetting => BarrierState::Resetting,
            Phase::Broken => BarrierState::Broken,
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &self.waiting())
            .field("state", &self.state())
            .finish()
    }
}

/// What a [`Barrier`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BarrierState {
    /// A group forms.
    Filling,
    /// A group was let through, and some of it have not run since.
    Draining,
    /// Those who waited were told of a reset, and some of them have not run since.
    Resetting,
    /// Nobody is let through.
    Broken,
}

/// The barrier is broken, or was reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenBarrier;

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier is broken")
    }
}

impl Error for BrokenBarrier {}

pin_project! {
    /// The future of [`Barrier::wait`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct BreakableWait<'a> {
        barrier: &'a Barrier,
        location: &'static Location<'static>,
        #[pin]
        waiter: Waiter<Ticket>,
    }

    impl PinnedDrop for BreakableWait<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.barrier.raw.abandon(this.waiter);
        }
    }
}

impl Future for BreakableWait<'_> {
    type Output = Result<BarrierWaitResult, BrokenBarrier>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let raw = &this.barrier.raw;
        let passed = ready!(raw.poll_wait(cx, this.waiter, this.location));
        Poll::Ready(match passed {
            Ok(index) => Ok(BarrierWaitResult::new(raw, index)),
            Err(_) => Err(BrokenBarrier),
        })
    }
}

impl fmt::Debug for BreakableWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakableWait").finish_non_exhaustive()
    }
}
