//! What a group and its tasks share.
//!
//! Owns which tasks are left, and whether more may come. Knows nothing of the body, nor of what failed.
//!
//! # Invariants
//! 1. A task of the group that is left is in `children`, and nobody else joins it.
//! 2. Once the phase is not `Open`, no task is added that is not asked to end at once.
//! 3. No foreign code runs under the lock.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use super::error::Of;
use crate::coop::{Op, OpKind, proceed};
use crate::dump::collect::note_members;
use crate::task::cancel::{Cancellation, Reason};
use crate::task::set::Ended;
use crate::task::{AbortHandle, JoinError, JoinHandle};
use crate::time::Instant;

#[derive(Debug)]
pub(super) struct Shared<E> {
    /// The body, which can be asked to end by itself.
    pub(super) body: Arc<Cancellation>,
    /// The tasks that have ended, and whoever waits for the group.
    ended: Arc<Ended>,
    state: Mutex<State<E>>,
}

#[derive(Debug)]
struct State<E> {
    phase: Phase,
    children: BTreeMap<u64, Child<E>>,
    next: u64,
    /// When those that are left are dropped.
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Child<E> {
    task: JoinHandle<Result<(), E>>,
    origin: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Tasks may be added.
    Open,
    /// All were asked to end.
    Ending,
    /// All have ended, and the body has.
    Over,
}

/// What came of a task of the group.
pub(super) type Came<E> = (Of, Result<Result<(), E>, JoinError>);

impl<E: 'static> Shared<E> {
    pub(super) fn new() -> Self {
        Self {
            body: Arc::default(),
            ended: Arc::default(),
            state: Mutex::new(State {
                phase: Phase::Open,
                children: BTreeMap::new(),
                next: 0,
                deadline: None,
            }),
        }
    }

    /// Whether tasks may be added.
    pub(super) fn is_open(&self) -> bool {
        self.state().phase == Phase::Open
    }

    /// Whether tasks have ended that were not taken out yet.
    pub(super) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// How many tasks are left.
    pub(super) fn len(&self) -> usize {
        self.state().children.len()
    }

    /// When those that are left are to be dropped, if that was said.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.state().deadline
    }

    /// Takes a task in, which is asked to end if the group is ending.
    pub(super) fn adopt(&self, task: JoinHandle<Result<(), E>>, origin: Of) -> AbortHandle {
        let stop = task.abort_handle();
        self.ended.tell_collected(&task);
        let (key, phase) = {
            let mut state = self.state();
            let key = state.next;
            state.next += 1;
            // Its waker is ours, so no foreign code runs.
            self.ended.watch(key, &task);
            state.children.insert(key, Child { task, origin });
            (key, state.phase)
        };
        match phase {
            Phase::Open => {}
            Phase::Ending => {
                stop.cancel();
            }
            Phase::Over => {
                let late = self.state().children.remove(&key);
                if let Some(late) = late {
                    self.ended.tell_parted(&late.task);
                }
                stop.abort();
            }
        }
        self.ended.wake();
        stop
    }

    /// Asks everybody to end, once.
    pub(super) fn end(&self, reason: &Reason) {
        let children: Vec<_> = {
            let mut state = self.state();
            if state.phase != Phase::Open {
                return;
            }
            state.phase = Phase::Ending;
            state.handles().collect()
        };
        for child in children {
            child.cancel_for(reason.clone());
        }
        for waker in self.body.request(reason.clone()) {
            waker.wake();
        }
        self.ended.wake();
    }

    /// As [`end`](Self::end); what is left so long after is dropped.
    pub(super) fn end_within(&self, grace: Duration, reason: &Reason) {
        let deadline = Instant::now().checked_add(grace);
        {
            let mut state = self.state();
            if let Some(deadline) = deadline {
                let sooner = state.deadline.map_or(deadline, |it| it.min(deadline));
                state.deadline = Some(sooner);
            }
        }
        self.end(reason);
        self.ended.wake();
    }

    /// Asks for all tasks to be dropped.
    pub(super) fn abort(&self) {
        let children: Vec<_> = self.state().handles().collect();
        children.iter().for_each(AbortHandle::abort);
    }

    /// Waits for the end of one more task; `Ready(None)` when none is left.
    pub(super) fn poll_tasks(
        &self,
        cx: &mut Context<'_>,
        site: &'static Location<'static>,
    ) -> Poll<Option<Came<E>>> {
        let op = Op::write(OpKind::Join, &self.ended.resource, site).contained();
        let progress = match self.len() {
            0 => None,
            _ => match proceed(cx, &op) {
                Poll::Ready(progress) => Some(progress),
                Poll::Pending => {
                    note_members(self.state().children.values().map(|it| it.task.id()));
                    return Poll::Pending;
                }
            },
        };
        let key = match self.ended.poll(cx) {
            Poll::Ready(key) => key,
            // Whoever adds one wakes this task.
            Poll::Pending if self.len() == 0 => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        if let Some(progress) = progress {
            progress.done();
        }
        Poll::Ready(self.take(key))
    }

    /// Takes a task out that has ended.
    fn take(&self, key: u64) -> Option<Came<E>> {
        let Child { task, origin } = self.state().children.remove(&key)?;
        self.ended.tell_parted(&task);
        Some((origin, task.into_output()))
    }

    /// No more tasks come.
    pub(super) fn close(&self) {
        self.state().phase = Phase::Over;
    }

    /// Drops what is left, before this returns if that can be.
    pub(super) fn abandon(&self) {
        let children = {
            let mut state = self.state();
            state.phase = Phase::Over;
            std::mem::take(&mut state.children)
        };
        for child in children.values() {
            self.ended.tell_parted(&child.task);
            child.task.abort_handle().abort_now();
        }
    }

    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> State<E> {
    fn handles(&self) -> impl Iterator<Item = AbortHandle> {
        self.children.values().map(|it| it.task.abort_handle())
    }
}
