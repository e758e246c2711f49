//! A channel for one value.
//!
//! Owns that value on its way from one task to another, and the end of either side.
//!
//! ```text
//!             send                      poll, try_recv
//!   [open] ---------> [value waits] -------------------> [taken]
//!     |                     |
//!     |  close, drop        | receiver dropped: the value is dropped
//!     v                     v
//!   [ended] <---------------'
//! ```

use std::fmt;
use std::marker::PhantomPinned;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;

use self::error::{RecvError, TryRecvError};
use super::wakers::{discard, wake};
use crate::block;
use crate::coop::{Op, OpKind, Resource, observe, proceed, touch};
use crate::shim::{Arc, Mutex, MutexGuard, lock};

pub mod error;

/// The futures of a channel for one value.
pub mod futures {
    pub use super::Closed;
}

/// A channel that carries one value from its sender to its receiver.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, receiver) = simoom::sync::oneshot::channel();
/// simoom::spawn(async move { sender.send(3).unwrap() });
/// assert_eq!(receiver.await, Ok(3));
/// # });
/// ```
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let location = Location::caller();
    let shared = Arc::new(Shared {
        resource: Resource::new(),
        state: Mutex::new(State {
            value: None,
            complete: false,
            closed: false,
            sender: None,
            receiver: None,
        }),
    });
    let sender = Sender {
        shared: Some(shared.clone()),
        location,
    };
    let receiver = Receiver {
        shared: Some(shared),
        location,
    };
    (sender, receiver)
}

struct Shared<T> {
    resource: Resource,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Option<T>,
    /// The sender has sent or is gone.
    complete: bool,
    /// The receiver takes no value that was not sent before.
    closed: bool,
    /// Waits for `closed`.
    sender: Option<Waker>,
    /// Waits for `complete`.
    receiver: Option<Waker>,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }

    /// The sender has sent `value`, or is gone without.
    fn complete(&self, value: Option<T>) -> Result<(), Option<T>> {
        touch(&self.resource);
        let mut state = self.lock();
        state.complete = true;
        let sender = state.sender.take();
        let receiver = state.receiver.take();
        let outcome = if state.closed {
            Err(value)
        } else {
            state.value = value;
            Ok(())
        };
        drop(state);
        discard(sender);
        wake(receiver);
        outcome
    }

    /// The receiver takes no value that is sent after this.
    fn close(&self) {
        touch(&self.resource);
        let mut state = self.lock();
        state.closed = true;
        let sender = state.sender.take();
        drop(state);
        wake(sender);
    }

    fn poll_closed(&self, cx: &mut Context<'_>, location: &'static Location<'static>) -> Poll<()> {
        let op = Op::read(OpKind::Notified, &self.resource, location).contained();
        let progress = ready!(proceed(cx, &op));
        ready!(self.poll_state(
            cx,
            |state| state.closed.then_some(()),
            |state| &mut state.sender
        ));
        progress.done();
        Poll::Ready(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        location: &'static Location<'static>,
    ) -> Poll<Result<T, RecvError>> {
        let op = Op::write(OpKind::Recv, &self.resource, location).contained();
        let progress = ready!(proceed(cx, &op));
        let received = ready!(self.poll_state(cx, State::take, |state| &mut state.receiver));
        progress.done();
        Poll::Ready(received)
    }

    /// Takes from the state what `attempt` finds, or leaves the waker of `cx` in `slot`.
    fn poll_state<R>(
        &self,
        cx: &mut Context<'_>,
        attempt: impl Fn(&mut State<T>) -> Option<R>,
        slot: impl Fn(&mut State<T>) -> &mut Option<Waker>,
    ) -> Poll<R> {
        let mut spare = None;
        loop {
            let mut state = self.lock();
            if let Some(output) = attempt(&mut state) {
                drop(state);
                discard(spare);
                return Poll::Ready(output);
            }
            let slot = slot(&mut state);
            if slot.as_ref().is_some_and(|own| own.will_wake(cx.waker())) {
                drop(state);
                discard(spare);
                return Poll::Pending;
            }
            if spare.is_some() {
                let old = std::mem::replace(slot, spare);
                drop(state);
                discard(old);
                return Poll::Pending;
            }
            // Cloning a waker is foreign code.
            drop(state);
            spare = Some(cx.waker().clone());
        }
    }
}

impl<T> State<T> {
    /// The value, or that it will never come.
    fn take(&mut self) -> Option<Result<T, RecvError>> {
        match self.value.take() {
            Some(value) => Some(Ok(value)),
            None if self.complete || self.closed => Some(Err(RecvError(()))),
            None => None,
        }
    }
}

/// Sends the one value. Dropping it unsent tells the receiver that no value will come.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, receiver) = simoom::sync::oneshot::channel::<u8>();
/// drop(sender);
/// assert!(receiver.await.is_err());
/// # });
/// ```
pub struct Sender<T> {
    /// There until the value is sent.
    shared: Option<Arc<Shared<T>>>,
    location: &'static Location<'static>,
}

impl<T> Sender<T> {
    /// Sends `value`; the receiver may still be dropped before it looks.
    ///
    /// # Errors
    /// Gives `value` back if the receiver was closed or dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = simoom::sync::oneshot::channel();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn send(mut self, value: T) -> Result<(), T> {
        let Some(shared) = self.shared.take() else {
            unreachable!("only sending takes the channel from its sender")
        };
        match shared.complete(Some(value)) {
            Ok(()) => Ok(()),
            Err(Some(value)) => Err(value),
            Err(None) => unreachable!("what was to be sent comes back"),
        }
    }

    /// Waits until the receiver is closed or dropped.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (mut sender, receiver) = simoom::sync::oneshot::channel::<u8>();
    /// simoom::spawn(async move { drop(receiver) });
    /// sender.closed().await;
    /// assert!(sender.is_closed());
    /// # });
    /// ```
    #[track_caller]
    pub fn closed(&mut self) -> Closed<'_, T> {
        Closed {
            sender: self,
            location: Location::caller(),
            pinned: PhantomPinned,
        }
    }

    /// Whether the receiver was closed or dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let shared = self.shared();
        observe(&shared.resource);
        shared.lock().closed
    }

    /// `Ready` when the receiver is closed or dropped, else keeps the waker of the last call.
    #[track_caller]
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared().poll_closed(cx, Location::caller())
    }

    fn shared(&self) -> &Shared<T> {
        match &self.shared {
            Some(shared) => shared,
            None => unreachable!("sending takes the sender itself"),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            // There is no value to come back.
            let _ = shared.complete(None);
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("created", &format_args!("{}", self.location))
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Sender::closed`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Closed<'a, T> {
        sender: &'a mut Sender<T>,
        location: &'static Location<'static>,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.sender.shared().poll_closed(cx, self.location)
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}

/// Waits for the one value: it is a future of it.
///
/// # Errors
/// If the sender was dropped without sending, or [`close`](Self::close) came first.
///
/// # Panics
/// If polled again after it returned the value or the error, or `try_recv` did.
///
/// # Cancel safety
/// Safe while it is awaited by `&mut`: no value is lost. Dropping the receiver drops the value.
///
/// # Under simulation
/// Receiving is a point where the scheduler may let another task run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (sender, receiver) = simoom::sync::oneshot::channel();
/// sender.send("hello").unwrap();
/// assert_eq!(receiver.await, Ok("hello"));
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Receiver<T> {
    /// There until the outcome is known to the caller.
    shared: Option<Arc<Shared<T>>>,
    location: &'static Location<'static>,
}

impl<T> Receiver<T> {
    /// Makes later sends fail. A value that was sent before can still be received.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = simoom::sync::oneshot::channel();
    /// receiver.close();
    /// assert_eq!(sender.send(1), Err(1));
    /// ```
    pub fn close(&mut self) {
        if let Some(shared) = &self.shared {
            shared.close();
        }
    }

    /// Whether the value or the error has been returned: polling again would panic.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.shared.is_none()
    }

    /// Whether no value waits to be received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.shared {
            Some(shared) => {
                observe(&shared.resource);
                shared.lock().value.is_none()
            }
            None => true,
        }
    }

    /// Waits for the value as awaiting the receiver does, blocking this thread instead of a task.
    ///
    /// For threads that run no tasks, such as those of
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Errors
    /// As for awaiting the receiver.
    ///
    /// # Panics
    /// On a thread that runs tasks; if the value or the error was returned before.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (sender, receiver) = simoom::sync::oneshot::channel();
    /// let received = simoom::task::spawn_blocking(move || receiver.blocking_recv());
    /// sender.send(1).unwrap();
    /// assert_eq!(received.await.unwrap(), Ok(1));
    /// # });
    /// ```
    #[track_caller]
    pub fn blocking_recv(mut self) -> Result<T, RecvError> {
        self.location = Location::caller();
        block::wait("blocking_recv", self)
    }

    /// The value, if it was sent.
    ///
    /// # Errors
    /// [`Empty`](TryRecvError::Empty) if it may still come, [`Closed`](TryRecvError::Closed) if it
    /// never will.
    ///
    /// # Examples
    /// ```
    /// use simoom::sync::oneshot::{self, error::TryRecvError};
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let Some(shared) = &self.shared else {
            return Err(TryRecvError::Closed);
        };
        touch(&shared.resource);
        let taken = shared.lock().take();
        let Some(outcome) = taken else {
            return Err(TryRecvError::Empty);
        };
        self.end(outcome.is_ok());
        outcome.map_err(|_| TryRecvError::Closed)
    }

    /// The outcome is known to the caller.
    fn end(&mut self, received: bool) {
        if received {
            // The sender has taken everything else with it.
            self.shared = None;
        } else {
            self.leave();
        }
    }

    /// Lets go of the channel, and of what it holds for the receiver.
    fn leave(&mut self) {
        let Some(shared) = self.shared.take() else {
            return;
        };
        touch(&shared.resource);
        let mut state = shared.lock();
        state.closed = true;
        let value = state.value.take();
        let sender = state.sender.take();
        let receiver = state.receiver.take();
        drop(state);
        discard(receiver);
        wake(sender);
        drop(value);
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(shared) = &self.shared else {
            panic!("a receiver was polled again after it had returned its outcome")
        };
        let outcome = ready!(shared.poll_recv(cx, self.location));
        self.end(outcome.is_ok());
        Poll::Ready(outcome)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("created", &format_args!("{}", self.location))
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
