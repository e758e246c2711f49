//! A value that is set once, and waited for.
//!
//! Owns who waits, and who sets it first.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::crowd::{leave, poll_crowd};
use super::slot::Slot;
use super::wait_list::{Queue, Waiter};
use super::wakers::Wakers;
use crate::coop::{Op, OpKind, Resource, observe, proceed, touch};
use crate::shim::{Mutex, lock};

/// A value that is set once, for which any number of tasks may wait.
///
/// As a [`OnceCell`](super::OnceCell), but whoever waits does not make the value.
///
/// # Under simulation
/// Waiting is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::sync::Arc;
/// use simoom::sync::SetOnce;
///
/// let address = Arc::new(SetOnce::<&str>::new());
/// let client = simoom::spawn({
///     let address = address.clone();
///     async move { address.wait().await.len() }
/// });
/// address.set("127.0.0.1:80").unwrap();
/// assert_eq!(client.await.unwrap(), 12);
/// assert!(address.set("127.0.0.1:81").is_err());
/// # });
/// ```
pub struct SetOnce<T> {
    slot: Slot<T>,
    resource: Resource,
    /// The slot is filled under this.
    waiters: Mutex<Queue<()>>,
}

impl<T> SetOnce<T> {
    /// Without a value.
    #[must_use]
    pub fn new() -> Self {
        Self::made(Slot::empty())
    }

    /// Without a value, in a constant expression.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn const_new() -> Self {
        Self::made(Slot::empty())
    }

    /// With this value, or without one.
    #[must_use]
    pub fn new_with(value: Option<T>) -> Self {
        Self::made(Slot::of(value))
    }

    /// With this value, in a constant expression.
    ///
    /// In a `static`, it is one for all runs of a simulation, which fail where they share it at the same
    /// time: what is to be simulated keeps it in an [`Arc`](std::sync::Arc).
    ///
    /// # Examples
    /// ```
    /// static SET: simoom::sync::SetOnce<u8> = simoom::sync::SetOnce::const_new_with(5);
    /// assert_eq!(SET.get(), Some(&5));
    /// ```
    #[cfg(not(loom))]
    #[must_use]
    pub const fn const_new_with(value: T) -> Self {
        Self::made(Slot::Given(value))
    }

    #[cfg(not(loom))]
    const fn made(slot: Slot<T>) -> Self {
        Self {
            slot,
            resource: Resource::new(),
            waiters: Mutex::new(Queue::new()),
        }
    }

    #[cfg(loom)]
    fn made(slot: Slot<T>) -> Self {
        Self {
            slot,
            resource: Resource::new(),
            waiters: Mutex::new(Queue::new()),
        }
    }

    /// Whether the value was set.
    #[must_use]
    pub fn initialized(&self) -> bool {
        self.get().is_some()
    }

    /// The value, if it was set.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        observe(&self.resource);
        self.slot.value()
    }

    /// Sets the value, and wakes everybody who waits for it.
    ///
    /// # Errors
    /// Gives `value` back if another was set before.
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        touch(&self.resource);
        let mut wakers = Wakers::new();
        {
            let mut waiters = lock(&self.waiters);
            if let Err(value) = self.slot.fill(value) {
                drop(waiters);
                return Err(SetOnceError(value));
            }
            wakers.call_all(&mut waiters);
        }
        wakers.finish();
        Ok(())
    }

    /// The value itself, if it was set.
    pub fn into_inner(self) -> Option<T> {
        self.slot.into_value()
    }

    /// Waits until the value is set.
    ///
    /// # Cancel safety
    /// Safe.
    #[track_caller]
    pub fn wait(&self) -> WaitSet<'_, T> {
        WaitSet {
            cell: self,
            location: Location::caller(),
            waiter: Waiter::new(()),
        }
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> Self {
        Self::new_with(Some(value))
    }
}

impl<T: Clone> Clone for SetOnce<T> {
    fn clone(&self) -> Self {
        Self::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for SetOnce<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for SetOnce<T> {}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnce")
            .field("value", &self.get())
            .finish()
    }
}

pin_project! {
    /// The future of [`SetOnce::wait`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct WaitSet<'a, T> {
        cell: &'a SetOnce<T>,
        location: &'static Location<'static>,
        #[pin]
        waiter: Waiter<()>,
    }

    impl<T> PinnedDrop for WaitSet<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            leave(&this.cell.waiters, this.waiter, |waiters| waiters);
        }
    }
}

impl<'a, T> Future for WaitSet<'a, T> {
    type Output = &'a T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        let this = self.project();
        let cell = *this.cell;
        let op = Op::read(OpKind::Notified, &cell.resource, this.location).contained();
        let progress = ready!(proceed(cx, &op));
        let value = ready!(poll_crowd(
            &cell.waiters,
            cx,
            this.waiter,
            |waiters| waiters,
            |_, _| cell.slot.value(),
        ));
        progress.done();
        Poll::Ready(value)
    }
}

impl<T> fmt::Debug for WaitSet<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSet").finish_non_exhaustive()
    }
}

/// The value was set before; gives the other back.
///
/// # Examples
/// ```
/// use simoom::sync::{SetOnce, SetOnceError};
///
/// let cell = SetOnce::from(1);
/// assert_eq!(cell.set(2), Err(SetOnceError(2)));
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value was set before")
    }
}

impl<T: fmt::Debug> Error for SetOnceError<T> {}

#[cfg(all(test, not(loom)))]
mod tests;
