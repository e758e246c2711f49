//! Running a future on a thread that does not run the world.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::backend::park::Parker;
use crate::backend::{BUDGET, Remote};
use crate::context;

/// Runs `future` on this thread, as a guest of a world that another thread runs.
pub(super) fn block_on_remote<F: Future>(remote: &dyn Remote, future: F) -> F::Output {
    let mut future = pin!(future);
    let thread = Arc::new(Thread(Parker::default()));
    let waker = Waker::from(thread.clone());
    let mut cx = Context::from_waker(&waker);
    context::enter(remote.view(), None, || {
        loop {
            context::set_budget(BUDGET);
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            thread.0.park();
        }
    })
}

/// A thread that is blocked on a future would never serve the runtime that it is inside of.
#[track_caller]
pub(super) fn assert_outside() {
    assert!(
        !context::is_inside(),
        "`block_on` was called on a thread that already runs a simoom runtime: `.await` the \
         future instead, or block on another thread"
    );
}

struct Thread(Parker);

impl Wake for Thread {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
