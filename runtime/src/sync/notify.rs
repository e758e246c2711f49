//! Waking one task or all that wait.
//!
//! Owns a permit that one `notify_one` leaves for later, and how often all were notified. Knows
//! nothing of what the notifications are about.
//!
//! # Invariants
//! 1. While a waiter of the current round is linked, `WAITED` is set and `PERMIT` is clear.
//! 2. While `WAITED` is set, the word changes only under the mutex; it is set only under it.
//! 3. Linked waiters are ordered by round. Those of an earlier round have been notified by
//!    `notify_waiters`, which has only not got round to waking them yet.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::wait_list::{Queue, Waiter, poll_wait};
use super::wakers::{Wakers, discard, wake};
use crate::coop::{News, Op, OpKind, QueuePlace, Resource, observe, proceed, tell, touch};
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
    /// How often `notify_waiters` was called, times `ROUND`, and the two bits below it.
    word: AtomicUsize,
    resource: Resource,
    queue: Mutex<Queue<Ticket>>,
}

/// A notification is kept for the next waiter.
const PERMIT: usize = 1;
/// Notifying must look at the queue.
const WAITED: usize = 1 << 1;
/// One call of `notify_waiters`.
const ROUND: usize = 1 << 2;

/// The round that `word` counts.
fn round_of(word: usize) -> usize {
    word & !(PERMIT | WAITED)
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
            word: AtomicUsize::new(0),
            resource: Resource::new(),
            queue: Mutex::new(Queue::new()),
        }
    }

    /// A notifier without waiters and without a permit.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            resource: Resource::new(),
            queue: Mutex::new(Queue::new()),
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
        self.notify(End::First);
    }

    /// As [`notify_one`](Self::notify_one), for the task that has waited shortest.
    pub fn notify_last(&self) {
        self.notify(End::Last);
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
        touch(&self.resource);
        // By invariant 1 there is nobody to wake while `WAITED` is clear.
        if self
            .change(|word| (word & WAITED == 0).then(|| word.wrapping_add(ROUND)))
            .is_none()
        {
            self.notify_linked();
        }
    }

    #[cold]
    fn notify_linked(&self) {
        let queue = self.lock();
        self.change(|word| Some(word.wrapping_add(ROUND) & !WAITED));
        let mut wakers = Wakers::new();
        drop(self.release_notified(queue, &mut wakers));
        wakers.finish();
    }

    fn lock(&self) -> MutexGuard<'_, Queue<Ticket>> {
        lock(&self.queue)
    }

    /// Changes the word as `change` says, or not at all if it returns `None`.
    ///
    /// Writes even what is there already: who takes a permit sees what came before every
    /// notification that it stands for.
    fn change(&self, mut change: impl FnMut(usize) -> Option<usize>) -> Option<usize> {
        let mut word = self.word.load(Ordering::Acquire);
        while let Some(changed) = change(word) {
            match self.word.compare_exchange_weak(
                word,
                changed,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(changed),
                Err(now) => word = now,
            }
        }
        None
    }

    /// Notifies the waiter at one end, or stores a permit.
    fn notify(&self, end: End) {
        touch(&self.resource);
        if self
            .change(|word| (word & WAITED == 0).then_some(word | PERMIT))
            .is_none()
        {
            self.choose(self.lock(), end);
        }
    }

    fn choose<'a>(&'a self, mut queue: MutexGuard<'a, Queue<Ticket>>, end: End) {
        let round = round_of(self.word.load(Ordering::Relaxed));
        if queue.first().is_some_and(|ticket| ticket.round != round) {
            let mut wakers = Wakers::new();
            drop(self.release_notified(queue, &mut wakers));
            wakers.finish();
            return self.notify(end);
        }
        if queue.is_empty() {
            self.change(|word| Some(word & !WAITED | PERMIT));
            return;
        }
        let ticket = Ticket {
            round,
            chosen: Some(end),
        };
        let (place, waker) = match end {
            End::First => (queue.first_place(), queue.pop_first(ticket)),
            End::Last => (queue.last_place(), queue.pop_last(ticket)),
        };
        self.settle(&queue);
        drop(queue);
        if let Some(place) = place {
            tell(&self.resource, News::Granted { place });
        }
        wake(waker);
    }

    /// Tells a world that wants to know whether the future at `place` waits.
    #[inline]
    fn tell_place(&self, place: QueuePlace, waits: bool, site: &'static Location<'static>) {
        let kind = OpKind::Notified;
        let news = match waits {
            true => News::Waits { place, kind, site },
            false => News::Left { place },
        };
        tell(&self.resource, news);
    }

    /// Clears `WAITED` if nobody waits any more.
    fn settle(&self, queue: &Queue<Ticket>) {
        if queue.is_empty() {
            self.word.fetch_and(!WAITED, Ordering::Release);
        }
    }

    /// Unlinks the waiters of earlier rounds. When `wakers` is full, it is woken with the mutex
    /// released, and whoever comes meanwhile goes on here before choosing a waiter.
    fn release_notified<'a>(
        &'a self,
        mut queue: MutexGuard<'a, Queue<Ticket>>,
        wakers: &mut Wakers,
    ) -> MutexGuard<'a, Queue<Ticket>> {
        loop {
            let round = round_of(self.word.load(Ordering::Relaxed));
            match queue.first() {
                Some(ticket) if ticket.round != round => {
                    wakers.push(queue.pop_first(ticket));
                }
                _ => return queue,
            }
            if wakers.is_full() {
                drop(queue);
                wakers.wake();
                queue = self.lock();
            }
        }
    }

    /// Whether a waiter that was created in `round` and is not in the queue has been notified, or
    /// takes the permit. If not, `WAITED` is set if `wait` says so, which takes the mutex.
    fn try_notified(&self, round: usize, wait: bool) -> bool {
        let mut notified = false;
        self.change(|word| {
            notified = round_of(word) != round || word & PERMIT != 0;
            match (notified, wait) {
                _ if round_of(word) != round => None,
                (true, _) => Some(word & !PERMIT),
                (false, true) => Some(word | WAITED),
                (false, false) => None,
            }
        });
        notified
    }

    /// Whether `waiter` has been notified, or takes the permit. If not, it may be linked.
    fn attempt(
        &self,
        queue: &mut Queue<Ticket>,
        waiter: Pin<&mut Waiter<Ticket>>,
        round: usize,
    ) -> bool {
        if !waiter.is_enlisted() {
            return self.try_notified(round, true);
        }
        let everybody = round != round_of(self.word.load(Ordering::Relaxed));
        if !everybody && queue.is_linked(&waiter) {
            return false;
        }
        queue.delist(waiter);
        self.settle(queue);
        true
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
        observe(&notify.resource);
        let round = round_of(notify.word.load(Ordering::Acquire));
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
        let op = Op::write(OpKind::Notified, &notify.resource, self.location).contained();
        let progress = ready!(proceed(cx, &op));
        let this = self.project();
        if !*this.notified {
            let round = *this.round;
            if this.waiter.is_enlisted() || !notify.try_notified(round, false) {
                let place = this.waiter.place();
                let polled = poll_wait(
                    &notify.queue,
                    cx,
                    this.waiter,
                    true,
                    |queue| queue,
                    |queue, waiter| notify.attempt(queue, waiter, round).then_some(()),
                    |queue, waiter, waker| queue.enlist(waiter, Some(waker)),
                );
                notify.tell_place(place, polled.is_pending(), this.location);
                ready!(polled);
            }
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
        touch(&notify.resource);
        let place = this.waiter.place();
        let mut queue = notify.lock();
        let mut old = None;
        if notify.attempt(&mut queue, this.waiter.as_mut(), *this.round) {
            *this.notified = true;
        } else if !this.waiter.is_enlisted() {
            old = queue.enlist(this.waiter, None);
        }
        drop(queue);
        discard(old);
        notify.tell_place(place, !*this.notified, this.location);
        *this.notified
    }

    fn abandon(self: Pin<&mut Self>, notify: &Notify) {
        let waiter = self.project().waiter;
        if !waiter.is_enlisted() {
            return;
        }
        touch(&notify.resource);
        let place = waiter.place();
        tell(&notify.resource, News::Left { place });
        let mut queue = notify.lock();
        match queue.delist(waiter).value.chosen {
            Some(end) => notify.choose(queue, end),
            None => notify.settle(&queue),
        }
    }
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
