//! Waking one task or all that wait.
//!
//! Owns a permit that one `notify_one` leaves for later, and how often all were notified. Knows
//! nothing of what the notifications are about.
//!
//! # Invariants
//! 1. A permit is stored only while no waiter of the current round is linked.
//! 2. Linked waiters are ordered by round. Those of an earlier round have been notified by
//!    `notify_waiters`, which has only not got round to waking them yet.
//! 3. `round` changes only under the mutex.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::wait_list::{Queue, Waiter, poll_wait};
use super::wakers::{Wakers, discard, wake};
use crate::coop::{Op, OpKind, Resource, proceed};
use crate::shim::{AtomicUsize, Mutex, MutexGuard, Ordering, lock};

/// Wakes one waiting task or all of them; the first notification is kept if nobody waits.
///
/// Carries no data: combine it with a value that says what happened.
///
/// # Under simulation
/// Waiting is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::sync::Notify;
///
/// let ready = Arc::new(Notify::new());
/// let waiter = simoom::spawn({
///     let ready = ready.clone();
///     async move { ready.notified().await }
/// });
/// ready.notify_one();
/// waiter.await.unwrap();
/// # });
/// ```
pub struct Notify {
    /// How often `notify_waiters` was called.
    round: AtomicUsize,
    resource: Resource,
    state: Mutex<State>,
}

struct State {
    permit: bool,
    queue: Queue<Ticket>,
}

/// What a waiter knows and is told.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    /// The round in which it was created.
    round: usize,
    /// How `notify_one` or `notify_last` chose it, if one of them did.
    chosen: Option<End>,
}

/// An end of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    First,
    Last,
}

impl Notify {
    /// A notifier without waiters and without a permit.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            round: AtomicUsize::new(0),
            resource: Resource::new(),
            state: Mutex::new(State {
                permit: false,
                queue: Queue::new(),
            }),
        }
    }

    /// A notifier without waiters and without a permit.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            round: AtomicUsize::new(0),
            resource: Resource::new(),
            state: Mutex::new(State {
                permit: false,
                queue: Queue::new(),
            }),
        }
    }

    /// A notifier without waiters and without a permit, in a constant expression.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn const_new() -> Self {
        Self::new()
    }

    /// Waits for a notification.
    ///
    /// Takes the stored permit if there is one. Else it waits for the `notify_one` or `notify_last`
    /// that chooses it, in the order in which the futures were first polled or
    /// [enabled](Notified::enable), or for the first `notify_waiters` after this call, even if the
    /// future has not been polled by then.
    ///
    /// # Cancel safety
    /// Safe. If a dropped future had been chosen, its notification goes to the next waiter, or is
    /// kept. It loses its place in the queue.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let notify = simoom::sync::Notify::new();
    /// notify.notify_one();
    /// notify.notified().await;
    /// # });
    /// ```
    #[track_caller]
    pub fn notified(&self) -> Notified<'_> {
        Notified {
            notify: self,
            wait: Wait::new(self, Location::caller()),
        }
    }

    /// As [`notified`](Self::notified), with a future that keeps the notifier alive.
    ///
    /// # Cancel safety
    /// As for [`notified`](Self::notified).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::sync::Arc;
    /// use simoom::sync::Notify;
    ///
    /// let notify = Arc::new(Notify::new());
    /// let waiter = simoom::spawn(notify.clone().notified_owned());
    /// notify.notify_waiters();
    /// waiter.await.unwrap();
    /// # });
    /// ```
    #[track_caller]
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        OwnedNotified {
            wait: Wait::new(&self, Location::caller()),
            notify: self,
        }
    }

    /// Notifies the task that has waited longest, or stores a permit for the next one to wait.
    ///
    /// At most one permit is stored.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let notify = simoom::sync::Notify::new();
    /// notify.notify_one();
    /// notify.notify_one();
    /// notify.notified().await;
    /// // The second call found the permit of the first.
    /// use futures::FutureExt;
    /// assert!(notify.notified().now_or_never().is_none());
    /// # });
    /// ```
    pub fn notify_one(&self) {
        self.choose(self.lock(), End::First);
    }

    /// As [`notify_one`](Self::notify_one), for the task that has waited shortest.
    pub fn notify_last(&self) {
        self.choose(self.lock(), End::Last);
    }

    /// Notifies every future that [`notified`](Self::notified) has returned so far, polled or not.
    ///
    /// Stores no permit, and leaves a stored one where it is.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let notify = simoom::sync::Notify::new();
    /// let before = notify.notified();
    /// notify.notify_waiters();
    /// before.await;
    /// # });
    /// ```
    pub fn notify_waiters(&self) {
        let state = self.lock();
        let round = self.round.load(Ordering::Relaxed).wrapping_add(1);
        self.round.store(round, Ordering::Release);
        let mut wakers = Wakers::new();
        drop(self.release_notified(state, &mut wakers));
        wakers.finish();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Notifies the waiter at one end, or stores a permit.
    fn choose<'a>(&'a self, mut state: MutexGuard<'a, State>, end: End) {
        let round = self.round.load(Ordering::Relaxed);
        if state
            .queue
            .first()
            .is_some_and(|ticket| ticket.round != round)
        {
            let mut wakers = Wakers::new();
            drop(self.release_notified(state, &mut wakers));
            wakers.finish();
            return self.choose(self.lock(), end);
        }
        if state.queue.is_empty() {
            state.permit = true;
            return;
        }
        let ticket = Ticket {
            round,
            chosen: Some(end),
        };
        let waker = match end {
            End::First => state.queue.pop_first(ticket),
            End::Last => state.queue.pop_last(ticket),
        };
        drop(state);
        wake(waker);
    }

    /// Unlinks the waiters of earlier rounds. When `wakers` is full, it is woken with the mutex
    /// released, and whoever comes meanwhile goes on here before doing anything else.
    fn release_notified<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        wakers: &mut Wakers,
    ) -> MutexGuard<'a, State> {
        loop {
            let round = self.round.load(Ordering::Relaxed);
            match state.queue.first() {
                Some(ticket) if ticket.round != round => {
                    wakers.push(state.queue.pop_first(ticket));
                }
                _ => return state,
            }
            if wakers.is_full() {
                drop(state);
                wakers.wake();
                state = self.lock();
            }
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl UnwindSafe for Notify {}
impl RefUnwindSafe for Notify {}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").finish_non_exhaustive()
    }
}

pin_project! {
    /// What [`Notified`] and [`OwnedNotified`] share.
    struct Wait {
        round: usize,
        notified: bool,
        location: &'static Location<'static>,
        #[pin]
        waiter: Waiter<Ticket>,
    }
}

impl Wait {
    fn new(notify: &Notify, location: &'static Location<'static>) -> Self {
        let round = notify.round.load(Ordering::Acquire);
        Self {
            round,
            notified: false,
            location,
            waiter: Waiter::new(Ticket {
                round,
                chosen: None,
            }),
        }
    }

    fn poll(self: Pin<&mut Self>, notify: &Notify, cx: &mut Context<'_>) -> Poll<()> {
        let op = Op::write(OpKind::Notified, &notify.resource, self.location);
        let progress = ready!(proceed(cx, &op));
        let this = self.project();
        if !*this.notified {
            let round = *this.round;
            ready!(poll_wait(
                &notify.state,
                cx,
                this.waiter,
                false,
                |state| &mut state.queue,
                |state, waiter| attempt(notify, state, waiter, round).then_some(()),
                |state, waiter, waker| state.queue.enlist(waiter, Some(waker)),
            ));
            *this.notified = true;
        }
        progress.done();
        Poll::Ready(())
    }

    fn enable(self: Pin<&mut Self>, notify: &Notify) -> bool {
        let mut this = self.project();
        if *this.notified {
            return true;
        }
        let mut state = notify.lock();
        let mut old = None;
        if attempt(notify, &mut state, this.waiter.as_mut(), *this.round) {
            *this.notified = true;
        } else if !this.waiter.is_enlisted() {
            old = state.queue.enlist(this.waiter, None);
        }
        drop(state);
        discard(old);
        *this.notified
    }

    fn abandon(self: Pin<&mut Self>, notify: &Notify) {
        let waiter = self.project().waiter;
        if !waiter.is_enlisted() {
            return;
        }
        let mut state = notify.lock();
        let left = state.queue.delist(waiter);
        if let Some(end) = left.value.chosen {
            notify.choose(state, end);
        }
    }
}

/// Whether the waiter created in `round` has been notified, or takes the permit.
fn attempt(
    notify: &Notify,
    state: &mut State,
    waiter: Pin<&mut Waiter<Ticket>>,
    round: usize,
) -> bool {
    let everybody = round != notify.round.load(Ordering::Relaxed);
    if !waiter.is_enlisted() {
        return everybody || std::mem::take(&mut state.permit);
    }
    if !everybody && state.queue.is_linked(&waiter) {
        return false;
    }
    state.queue.delist(waiter);
    true
}

pin_project! {
    /// The future of [`Notify::notified`].
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::sync::{Notify, futures::Notified};
    ///
    /// let notify = Notify::new();
    /// let notified: Notified<'_> = notify.notified();
    /// notify.notify_waiters();
    /// notified.await;
    /// # });
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    pub struct Notified<'a> {
        notify: &'a Notify,
        #[pin]
        wait: Wait,
    }

    impl PinnedDrop for Notified<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.wait.abandon(this.notify);
        }
    }
}

impl Notified<'_> {
    /// Takes a place in the queue, as polling does, without a task to wake.
    ///
    /// Returns whether the future has been notified: it then ends at its next poll. Use it where a
    /// `notify_one` may come between a look at the shared value and the first poll.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::pin::pin;
    /// use simoom::sync::Notify;
    ///
    /// let notify = Notify::new();
    /// let mut first = pin!(notify.notified());
    /// assert!(!first.as_mut().enable());
    /// notify.notify_one();
    /// assert!(first.as_mut().enable());
    /// first.await;
    /// # });
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        this.wait.enable(this.notify)
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.wait.poll(this.notify, cx)
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Notify::notified_owned`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct OwnedNotified {
        notify: Arc<Notify>,
        #[pin]
        wait: Wait,
    }

    impl PinnedDrop for OwnedNotified {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.wait.abandon(this.notify);
        }
    }
}

impl OwnedNotified {
    /// Takes a place in the queue without a task to wake; see [`Notified::enable`].
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        this.wait.enable(this.notify)
    }
}

impl Future for OwnedNotified {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.wait.poll(this.notify, cx)
    }
}

impl fmt::Debug for OwnedNotified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedNotified").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
