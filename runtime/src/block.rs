//! Waiting for a future on a thread that may be blocked.
//!
//! Owns the rule which threads may, and the wait of one that no world runs. Knows nothing of what
//! is waited for.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::backend::park::Parker;
use crate::backend::{BUDGET, Backend};
use crate::context;

/// Waits for `future` on this thread, in whatever runtime it has entered, if any. `what` is the
/// call that blocks.
///
/// # Panics
/// If this thread runs tasks.
#[track_caller]
pub(crate) fn wait<F: Future>(what: &str, future: F) -> F::Output {
    assert_may_block(what);
    context::with_holder(|holder| match holder {
        Some(backend) => block_on_in(backend, future),
        None => to_the_end(future, park_until),
    })
}

/// Waits for `future` on this thread, which `backend` knows to be one that may block.
pub(crate) fn block_on_in<F: Future>(backend: &dyn Backend, future: F) -> F::Output {
    context::while_occupied(|| to_the_end(future, |poll| backend.block_on(poll)))
}

fn to_the_end<F: Future>(
    future: F,
    block_on: impl FnOnce(&mut dyn FnMut(&mut Context<'_>) -> Poll<()>),
) -> F::Output {
    let mut future = pin!(future);
    let mut output = None;
    block_on(&mut |cx| {
        let polled = future.as_mut().poll(cx);
        polled.map(|value| output = Some(value))
    });
    output.expect("a wait ends when its future is ready")
}

/// Polls until ready, and parks this thread in between.
pub(crate) fn park_until(poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
    let thread = Arc::new(Thread(Parker::default()));
    let waker = Waker::from(thread.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        context::set_budget(BUDGET);
        if poll(&mut cx).is_ready() {
            context::set_budget(0);
            return;
        }
        thread.0.park();
    }
}

/// A thread that is blocked on a future would never serve the runtime that it is inside of.
#[track_caller]
pub(crate) fn assert_may_block(what: &str) {
    assert!(
        !context::is_inside(),
        "Cannot block the current thread from within a runtime: `{what}` was called on a thread \
         that already runs a simoom runtime: `.await` the future instead, or block on another \
         thread, such as one of `task::spawn_blocking`"
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
