//! Giving way to other tasks.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::backend::{Op, OpKind};
use crate::coop::proceed;
use crate::site::Site;

/// Lets every other task that can run have a turn before the caller goes on.
///
/// # Cancel safety
/// Safe.
///
/// # Under simulation
/// Takes no virtual time. The scheduler may choose the caller again before others that can run, any
/// number of times but not for ever: which of them go first is what a simulation explores.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let other = simoom::spawn(async {});
/// simoom::task::yield_now().await;
/// assert!(other.is_finished());
/// # });
/// ```
#[track_caller]
pub fn yield_now() -> YieldNow {
    YieldNow {
        location: Site::new(Location::caller()),
        yielded: false,
    }
}

/// The future of [`yield_now`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct YieldNow {
    location: Site,
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        match proceed(cx, &Op::private(OpKind::Yield, self.location.used())) {
            // The budget made the task yield, which is what it wanted.
            Poll::Pending => self.yielded = true,
            Poll::Ready(progress) => {
                self.yielded = true;
                progress.done();
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}
