//! What whoever started a task of a group holds of it.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::sync::oneshot;
use crate::task::{AbortHandle, Id};

/// Waits for the output of a task of a [`TaskGroup`](super::TaskGroup); also asks it to end.
///
/// Dropping the handle changes nothing: the task is the group's. It may be returned by the group's body
/// and awaited after the group, when the output is there at once.
///
/// When the task fails, its error is the group's, and the handle has [`ChildError`]. Use `?` on it in the
/// body, not `unwrap`: the group is ending then, and a body's error that only says this is left out of
/// what the group tells.
///
/// # Cancel safety
/// Safe. Waiting again after a dropped wait gives the output; polling again after it was returned
/// panics.
#[derive(Debug)]
pub struct ChildHandle<T> {
    pub(super) output: oneshot::Receiver<T>,
    /// None of a task that was never spawned.
    pub(super) stop: Option<AbortHandle>,
}

impl<T> ChildHandle<T> {
    /// Asks the task to end, as [`JoinHandle::cancel`](crate::task::JoinHandle::cancel) does. The group
    /// goes on, and that is no failure of it.
    pub fn cancel(&self) -> bool {
        self.stop.as_ref().is_some_and(AbortHandle::cancel)
    }

    /// As [`cancel`](Self::cancel), and says why.
    pub fn cancel_with(&self, reason: impl Into<Arc<str>>) -> bool {
        self.stop
            .as_ref()
            .is_some_and(|stop| stop.cancel_with(reason))
    }

    /// Asks for the task to be dropped. The group goes on, and that is no failure of it.
    pub fn abort(&self) {
        if let Some(stop) = &self.stop {
            stop.abort();
        }
    }

    /// Whether the task has ended, or was never spawned.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.stop.as_ref().is_none_or(AbortHandle::is_finished)
    }

    /// A handle that asks the task to end, or aborts it, and does not wait for it; `None` if it was
    /// never spawned.
    #[must_use]
    pub fn abort_handle(&self) -> Option<AbortHandle> {
        self.stop.clone()
    }

    /// Why there is no output, or no start.
    fn lost(&self) -> ChildError {
        match self.stop {
            Some(_) => ChildError::Ended,
            None => ChildError::Refused,
        }
    }

    /// The task's id; `None` if it was never spawned, since the group was ending.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        self.stop.as_ref().map(AbortHandle::id)
    }
}

impl<T> Future for ChildHandle<T> {
    type Output = Result<T, ChildError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let output = ready!(Pin::new(&mut self.output).poll(cx));
        Poll::Ready(output.map_err(|_| self.lost()))
    }
}

/// Says that a task has started, to whoever [started](super::TaskGroup::start) it.
#[derive(Debug)]
#[must_use = "whoever started the task waits for it"]
pub struct Started<S> {
    pub(super) tell: oneshot::Sender<S>,
}

impl<S> Started<S> {
    /// Hands over what there is now that the task has started, such as the address it listens on.
    ///
    /// If whoever called [`start`](super::TaskGroup::start) does not wait for it any more, the value is
    /// dropped, and the task was asked to end.
    pub fn with(self, value: S) {
        drop(self.tell.send(value));
    }
}

/// The future of [`TaskGroup::start`](super::TaskGroup::start).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Starting<S, T> {
    pub(super) started: oneshot::Receiver<S>,
    /// Until it is handed over.
    pub(super) child: Option<ChildHandle<T>>,
}

impl<S, T> Future for Starting<S, T> {
    type Output = Result<(S, ChildHandle<T>), ChildError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let started = ready!(Pin::new(&mut self.started).poll(cx));
        let child = self.child.take().expect("it is polled until it is ready");
        Poll::Ready(match started {
            Ok(value) => Ok((value, child)),
            Err(_) => Err(child.lost()),
        })
    }
}

impl<S, T> Drop for Starting<S, T> {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            child.cancel();
        }
    }
}

/// Why a task of a group has no output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChildError {
    /// It was never spawned: the group was ending, or had ended.
    Refused,
    /// It failed, which is the group's business, or was cancelled.
    Ended,
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the task was not spawned: its group was ending",
            Self::Ended => "the task failed or was cancelled",
        })
    }
}

impl Error for ChildError {}

/// So that a body of I/O can use `?` on a handle.
impl From<ChildError> for io::Error {
    fn from(error: ChildError) -> Self {
        Self::other(error)
    }
}
