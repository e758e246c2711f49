//! A flag that a test waits for by the seam of wakers alone.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// A future that is ready once its flag is set, by whichever thread.
#[derive(Default)]
pub(crate) struct Flag {
    state: Mutex<(bool, Option<Waker>)>,
}

impl Flag {
    pub(crate) fn set(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().unwrap();
        if std::mem::take(&mut state.0) {
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) async fn wait(&self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}
