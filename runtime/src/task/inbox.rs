//! What other threads send to the thread that holds a world.
//!
//! Owns one queue per world and the rule that a world that has ended receives nothing.
//! Knows nothing of what a world does with a message.
//!
//! Inboxes are pooled and never freed: a task header can hold a plain `&'static Inbox`, so that
//! neither spawning nor waking touches a shared reference count. A task of an ended world is told
//! from one of its inbox's next owner by the owner's id, which is never reused.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
#[cfg(not(loom))]
use std::sync::Mutex as StdMutex;
use std::sync::atomic::AtomicU64 as StdAtomicU64;
use std::sync::atomic::Ordering as StdOrdering;

use super::Hook;
use super::cell::{SendTask, WokenTask};
use crate::shim::{Mutex, lock};

/// Wakes the thread that waits for a world's next event. Any thread may call it.
pub trait Unpark: Send + Sync {
    /// Ends the current wait, or the next one if nobody waits now.
    fn unpark(&self);
}

/// Something another thread wants of a world.
#[derive(Debug)]
pub enum Message {
    /// A task was woken.
    Wake(WokenTask),
    /// A task was spawned.
    Spawn(SendTask),
}

/// The queue of messages to one world after another.
pub struct Inbox {
    state: Mutex<State>,
}

struct State {
    /// The id of the world that reads this inbox, or 0.
    owner: u64,
    messages: Vec<Message>,
    unpark: Option<Arc<dyn Unpark>>,
    /// Whom the world tells of failures that nobody waits for.
    unobserved: Option<Hook>,
}

/// The right to run a world: to poll its tasks and to receive what is sent to it.
///
/// There is one for each world. It may move from thread to thread but is not shared between
/// threads, which is what keeps a world's tasks on one thread at a time.
#[derive(Debug)]
pub struct Claim {
    owner: Owner,
    _not_sync: PhantomData<Cell<()>>,
}

/// Which world a task belongs to and where to reach it.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The world's id: never 0, never reused in this process.
    pub id: u64,
    /// Where other threads reach it.
    pub inbox: &'static Inbox,
}

static NEXT_OWNER: StdAtomicU64 = StdAtomicU64::new(1);
#[cfg(not(loom))]
static POOL: StdMutex<Vec<&'static Inbox>> = StdMutex::new(Vec::new());

#[cfg(not(loom))]
fn pool() -> std::sync::MutexGuard<'static, Vec<&'static Inbox>> {
    POOL.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(not(loom))]
fn pooled() -> Option<&'static Inbox> {
    pool().pop()
}

/// A lock of one loom execution must not be seen by the next.
#[cfg(loom)]
fn pooled() -> Option<&'static Inbox> {
    None
}

impl Inbox {
    /// Opens an inbox for a new world.
    #[must_use]
    pub fn open(unpark: Arc<dyn Unpark>) -> Claim {
        let id = NEXT_OWNER.fetch_add(1, StdOrdering::Relaxed);
        let inbox = pooled().unwrap_or_else(|| {
            Box::leak(Box::new(Inbox {
                state: Mutex::new(State {
                    owner: 0,
                    messages: Vec::new(),
                    unpark: None,
                    unobserved: None,
                }),
            }))
        });
        let mut state = lock(&inbox.state);
        state.owner = id;
        state.unpark = Some(unpark);
        drop(state);
        let owner = Owner { id, inbox };
        Claim {
            owner,
            _not_sync: PhantomData,
        }
    }
}

/// The inbox of what belongs to no world: it takes nothing.
#[cfg(not(loom))]
static NOBODY: Inbox = Inbox {
    state: Mutex::new(State {
        owner: 0,
        messages: Vec::new(),
        unpark: None,
        unobserved: None,
    }),
};

impl Owner {
    /// No world: nothing is sent there, and no thread ever holds it.
    #[cfg(not(loom))]
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            id: Self::NOBODY,
            inbox: &NOBODY,
        }
    }

    /// A lock of one loom execution must not be seen by the next.
    #[cfg(loom)]
    #[must_use]
    pub fn nobody() -> Self {
        let inbox = Box::leak(Box::new(Inbox {
            state: Mutex::new(State {
                owner: 0,
                messages: Vec::new(),
                unpark: None,
                unobserved: None,
            }),
        }));
        Self {
            id: Self::NOBODY,
            inbox,
        }
    }

    /// No world is ever given this id.
    pub(crate) const NOBODY: u64 = u64::MAX;

    /// Whom to tell of a failure that nobody waits for; nobody once the world has ended.
    pub(crate) fn unobserved(self) -> Option<Hook> {
        let state = lock(&self.inbox.state);
        let hook = state.unobserved.as_ref();
        hook.filter(|_| state.owner == self.id).cloned()
    }

    /// Sends `message`, or drops it if the world has ended.
    pub fn send(self, message: Message) {
        let mut state = lock(&self.inbox.state);
        if state.owner != self.id {
            // Dropping the message may run foreign code.
            drop(state);
            drop(message);
            return;
        }
        let was_empty = state.messages.is_empty();
        state.messages.push(message);
        let unpark = if was_empty {
            state.unpark.clone()
        } else {
            None
        };
        drop(state);
        if let Some(unpark) = unpark {
            unpark.unpark();
        }
    }
}

impl Claim {
    /// The world's name for its tasks' wakes.
    #[must_use]
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Tells `hook` of failures that nobody waits for.
    pub(crate) fn tell_unobserved(&self, hook: Option<Hook>) {
        let mut state = lock(&self.owner.inbox.state);
        let before = std::mem::replace(&mut state.unobserved, hook);
        drop(state);
        drop(before);
    }

    /// Moves everything that waits into `messages`, in the order it was sent.
    pub fn receive(&self, messages: &mut Vec<Message>) {
        let mut state = lock(&self.owner.inbox.state);
        if state.owner == self.owner.id {
            messages.append(&mut state.messages);
        }
    }

    /// Ends the world's part of the inbox and returns what was still in it.
    pub fn close(&self) -> Vec<Message> {
        let mut state = lock(&self.owner.inbox.state);
        if state.owner != self.owner.id {
            return Vec::new();
        }
        state.owner = 0;
        let (unpark, hook) = (state.unpark.take(), state.unobserved.take());
        let messages = std::mem::take(&mut state.messages);
        drop(state);
        drop((unpark, hook));
        #[cfg(not(loom))]
        pool().push(self.owner.inbox);
        messages
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
mod loom;
