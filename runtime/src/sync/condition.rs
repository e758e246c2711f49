//! Waiting, with a lock given back meanwhile, until somebody notifies.
//!
//! Owns who waits, and that a notification is not lost with one who was chosen and goes away. Knows
//! nothing of what the lock protects.
//!
//! ```text
//!   wait: [guard held] -- enlisted, guard dropped --> [linked] -- notified --> [chosen] -- lock --> guard
//!                                                         |                       |
//!                                                         '------- dropped -------'--> another is chosen
//! ```

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::mutex::{Lock, MutexGuard};
use super::wait_list::{Queue, Waiter, poll_wait};
use super::wakers::Wakers;
use crate::coop::{News, Op, OpKind, Resource, proceed, tell, touch};
use crate::shim::{Mutex, MutexGuard as Locked, lock};
use crate::task::{Cancelled, catch_cancel, shield};
use crate::time::error::Elapsed;
use crate::time::{Duration, timeout};

/// Lets tasks that have a lock wait until another says that what it protects has changed.
///
/// Several conditions may share a lock. Who notifies need not have it. A task may be woken without
/// having been notified: look again, or use [`wait_for`](Self::wait_for).
///
/// # Under simulation
/// Waiting, and taking the lock again, are points where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::asyncio::Condition;
/// use simoom::sync::Mutex;
///
/// let queue = Arc::new((Mutex::new(Vec::new()), Condition::new()));
/// let worker = simoom::spawn({
///     let queue = queue.clone();
///     async move {
///         let (jobs, more) = &*queue;
///         let mut jobs = more.wait_for(jobs.lock().await, |jobs| !jobs.is_empty()).await;
///         jobs.pop()
///     }
/// });
/// let (jobs, more) = &*queue;
/// jobs.lock().await.push(7);
/// more.notify_one();
/// assert_eq!(worker.await.unwrap(), Some(7));
/// # });
/// ```
pub struct Condition {
    resource: Resource,
    waiters: Mutex<Queue<()>>,
}

impl Condition {
    /// A condition that nobody waits for.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            resource: Resource::new(),
            waiters: Mutex::new(Queue::new()),
        }
    }

    /// A condition that nobody waits for.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            resource: Resource::new(),
            waiters: Mutex::new(Queue::new()),
        }
    }

    /// Gives the lock back, waits to be notified, and takes the lock again.
    ///
    /// # Cancel safety
    /// A dropped future has not got the lock. If it had been notified, another who waits is. To have the
    /// lock again when somebody asks the task to end, use [`wait_or_cancelled`](Self::wait_or_cancelled),
    /// and after some time, [`wait_timeout`](Self::wait_timeout).
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&'a self, guard: MutexGuard<'a, T>) -> ConditionWait<'a, T> {
        self.wait_at(guard, Location::caller())
    }

    fn wait_at<'a, T: ?Sized>(
        &'a self,
        guard: MutexGuard<'a, T>,
        location: &'static Location<'static>,
    ) -> ConditionWait<'a, T> {
        let lock = MutexGuard::mutex(&guard).lock_at(location);
        ConditionWait {
            notified: self.notified(guard, location),
            chosen: None,
            lock,
        }
    }

    /// Waits until `predicate` returns `true` for what the lock protects, which it asks first and
    /// whenever it was notified.
    ///
    /// # Cancel safety
    /// As for [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_for<'a, T, F>(
        &'a self,
        mut guard: MutexGuard<'a, T>,
        mut predicate: F,
    ) -> impl Future<Output = MutexGuard<'a, T>>
    where
        T: ?Sized,
        F: FnMut(&mut T) -> bool,
    {
        let location = Location::caller();
        async move {
            while !predicate(&mut guard) {
                guard = self.wait_at(guard, location).await;
            }
            guard
        }
    }

    /// As [`wait`](Self::wait), but no longer than so long. The lock is taken again in any case.
    ///
    /// # Cancel safety
    /// As for [`wait`](Self::wait).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::asyncio::Condition;
    /// use simoom::sync::Mutex;
    /// use simoom::time::Duration;
    ///
    /// let (value, changed) = (Mutex::new(1), Condition::new());
    /// let guard = value.lock().await;
    /// let (guard, waited) = changed.wait_timeout(guard, Duration::from_millis(1)).await;
    /// assert!(waited.is_err());
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &'a self,
        guard: MutexGuard<'a, T>,
        duration: Duration,
    ) -> impl Future<Output = (MutexGuard<'a, T>, Result<(), Elapsed>)> {
        let lock = MutexGuard::mutex(&guard).lock();
        let notified = timeout(duration, self.notified(guard, Location::caller()));
        async move {
            let chosen = notified.await;
            let guard = lock.await;
            (guard, chosen.map(Chosen::used))
        }
    }

    /// As [`wait`](Self::wait), but until somebody [asks the task to end](crate::task::JoinHandle::cancel)
    /// at most. The lock is taken again in any case, and the request is answered by that: see
    /// [`catch_cancel`].
    ///
    /// # Cancel safety
    /// As for [`wait`](Self::wait).
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::sync::Arc;
    /// use simoom::asyncio::Condition;
    /// use simoom::sync::Mutex;
    ///
    /// let shared = Arc::new((Mutex::new(0), Condition::new()));
    /// let task = simoom::spawn({
    ///     let shared = shared.clone();
    ///     async move {
    ///         let (waiting, changed) = &*shared;
    ///         let mut waiting = waiting.lock().await;
    ///         *waiting += 1;
    ///         let (mut waiting, waited) = changed.wait_or_cancelled(waiting).await;
    ///         *waiting -= 1;
    ///         waited.is_err()
    ///     }
    /// });
    /// simoom::task::yield_now().await;
    /// task.cancel();
    /// assert!(task.await.unwrap());
    /// assert_eq!(*shared.0.lock().await, 0);
    /// # });
    /// ```
    #[track_caller]
    pub fn wait_or_cancelled<'a, T: ?Sized>(
        &'a self,
        guard: MutexGuard<'a, T>,
    ) -> impl Future<Output = (MutexGuard<'a, T>, Result<(), Cancelled>)> {
        let lock = shield(MutexGuard::mutex(&guard).lock());
        let notified = catch_cancel(self.notified(guard, Location::caller()));
        async move {
            let chosen = notified.await;
            let guard = lock.await;
            (guard, chosen.map(Chosen::used))
        }
    }

    fn notified<'a, T: ?Sized>(
        &'a self,
        guard: MutexGuard<'a, T>,
        location: &'static Location<'static>,
    ) -> Notified<'a, T> {
        Notified {
            condition: self,
            guard: Some(guard),
            location,
            waiter: Waiter::new(()),
        }
    }

    /// Notifies the task that has waited longest, if one waits.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Notifies the tasks that have waited longest, so many of them if so many wait.
    pub fn notify(&self, count: usize) {
        touch(&self.resource);
        let mut wakers = Wakers::new();
        self.choose(lock(&self.waiters), count, &mut wakers);
        wakers.finish();
    }

    /// Notifies everybody who waits.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    fn choose(&self, mut waiters: Locked<'_, Queue<()>>, count: usize, wakers: &mut Wakers) {
        for _ in 0..count {
            let Some(place) = waiters.first_place() else {
                break;
            };
            tell(&self.resource, News::Granted { place });
            wakers.add(waiters.pop_first(()));
        }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").finish_non_exhaustive()
    }
}

/// One that was notified. If it is dropped unused, another is.
struct Chosen<'a> {
    condition: &'a Condition,
}

impl Chosen<'_> {
    fn used(self) {
        std::mem::forget(self);
    }
}

impl Drop for Chosen<'_> {
    fn drop(&mut self) {
        self.condition.notify_one();
    }
}

pin_project! {
    /// Gives the lock back once it stands in line, and waits to be notified.
    struct Notified<'a, T: ?Sized> {
        condition: &'a Condition,
        guard: Option<MutexGuard<'a, T>>,
        location: &'static Location<'static>,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T: ?Sized> PinnedDrop for Notified<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let (condition, waiter) = (this.condition, this.waiter);
            if !waiter.is_enlisted() {
                return;
            }
            touch(&condition.resource);
            let place = waiter.place();
            tell(&condition.resource, News::Left { place });
            let mut wakers = Wakers::new();
            let mut waiters = lock(&condition.waiters);
            if !waiters.delist(waiter).linked {
                condition.choose(waiters, 1, &mut wakers);
            }
            wakers.finish();
        }
    }
}

impl<'a, T: ?Sized> Future for Notified<'a, T> {
    type Output = Chosen<'a>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Chosen<'a>> {
        let this = self.project();
        let condition = *this.condition;
        let (kind, site) = (OpKind::Notified, *this.location);
        let op = Op::write(kind, &condition.resource, site).contained();
        let progress = ready!(proceed(cx, &op));
        let place = this.waiter.place();
        let polled = poll_wait(
            &condition.waiters,
            cx,
            this.waiter,
            true,
            |waiters| waiters,
            |waiters, waiter| {
                let is_chosen = waiter.is_enlisted() && !waiters.is_linked(&waiter);
                is_chosen.then(|| waiters.delist(waiter)).map(drop)
            },
            |waiters, waiter, waker| waiters.enlist(waiter, Some(waker)),
        );
        if polled.is_pending() {
            tell(&condition.resource, News::Waits { place, kind, site });
            // It stands in line: whoever gets the lock now can notify it.
            drop(this.guard.take());
            return Poll::Pending;
        }
        tell(&condition.resource, News::Left { place });
        progress.done();
        Poll::Ready(Chosen { condition })
    }
}

pin_project! {
    /// The future of [`Condition::wait`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct ConditionWait<'a, T: ?Sized> {
        #[pin]
        notified: Notified<'a, T>,
        chosen: Option<Chosen<'a>>,
        #[pin]
        lock: Lock<'a, T>,
    }
}

impl<'a, T: ?Sized> Future for ConditionWait<'a, T> {
    type Output = MutexGuard<'a, T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.chosen.is_none() {
            *this.chosen = Some(ready!(this.notified.poll(cx)));
        }
        let guard = ready!(this.lock.poll(cx));
        if let Some(chosen) = this.chosen.take() {
            chosen.used();
        }
        Poll::Ready(guard)
    }
}

impl<T: ?Sized> fmt::Debug for ConditionWait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConditionWait").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
