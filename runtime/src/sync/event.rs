//! A flag that tasks wait for.
//!
//! Owns the flag, and who waits.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::crowd::{leave, poll_crowd};
use super::wait_list::{Queue, Waiter};
use super::wakers::Wakers;
use crate::coop::{Op, OpKind, Resource, observe, proceed, touch};
use crate::shim::{Mutex, lock};
use crate::site::Site;

/// A flag for which any number of tasks wait until somebody sets it.
///
/// # Under simulation
/// Waiting is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::asyncio::Event;
///
/// let started = Arc::new(Event::new());
/// let waiting = simoom::spawn({
///     let started = started.clone();
///     async move {
///         started.wait().await;
///         "go"
///     }
/// });
/// started.set();
/// assert_eq!(waiting.await.unwrap(), "go");
/// started.clear();
/// assert!(!started.is_set());
/// # });
/// ```
pub struct Event {
    resource: Resource,
    state: Mutex<State>,
}

struct State {
    is_set: bool,
    waiters: Queue<()>,
}

impl Event {
    /// A flag that is not set.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            resource: Resource::new(),
            state: Mutex::new(State {
                is_set: false,
                waiters: Queue::new(),
            }),
        }
    }

    /// A flag that is not set.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            resource: Resource::new(),
            state: Mutex::new(State {
                is_set: false,
                waiters: Queue::new(),
            }),
        }
    }

    /// Sets the flag, and wakes everybody who waits: they go on even if it is cleared before they
    /// run. A flag that is set stays so.
    pub fn set(&self) {
        touch(&self.resource);
        let mut wakers = Wakers::new();
        {
            let mut state = lock(&self.state);
            state.is_set = true;
            wakers.call_all(&mut state.waiters);
        }
        wakers.finish();
    }

    /// Clears the flag: who waits from now on waits until it is set again.
    pub fn clear(&self) {
        touch(&self.resource);
        lock(&self.state).is_set = false;
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        observe(&self.resource);
        lock(&self.state).is_set
    }

    /// Waits until the flag is set; if it is, only as long as the scheduler likes.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn wait(&self) -> EventWait<'_> {
        EventWait {
            event: self,
            location: Site::new(Location::caller()),
            waiter: Waiter::new(()),
        }
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("is_set", &self.is_set())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Event::wait`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct EventWait<'a> {
        event: &'a Event,
        location: Site,
        #[pin]
        waiter: Waiter<()>,
    }

    impl PinnedDrop for EventWait<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            leave(&this.event.state, this.waiter, |state| &mut state.waiters);
        }
    }
}

impl Future for EventWait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let op = Op::read(OpKind::Notified, &this.event.resource, this.location.used()).contained();
        let progress = ready!(proceed(cx, &op));
        ready!(poll_crowd(
            &this.event.state,
            cx,
            this.waiter,
            |state| &mut state.waiters,
            |state, is_called| (is_called || state.is_set).then_some(()),
        ));
        progress.done();
        Poll::Ready(())
    }
}

impl fmt::Debug for EventWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWait").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
