//! The wakes of the future that a thread is blocked on.
//!
//! Owns the flag that it was woken and the way to its thread, which either runs the world or waits
//! until it may. Knows nothing of the future.

use std::sync::Arc;
use std::task::Wake;

use super::driver::Alarm;
use crate::backend::Unpark;
use crate::backend::park::Parker;
use crate::context;
use crate::shim::{AtomicBool, Ordering};

/// What the waker of one `block_on` holds.
///
/// # Invariants
/// 1. A wake sets `woken` before it looks at `drives`; the thread sets `drives` before it looks at
///    `woken`. So either the thread sees the wake or the wake reaches the thread where it is.
pub(super) struct Root {
    owner: u64,
    woken: AtomicBool,
    /// The thread runs the world: it looks at `woken` between two tasks.
    drives: AtomicBool,
    alarm: Arc<Alarm>,
    parker: Parker,
}

impl Root {
    /// A root that has not been polled, and so counts as woken.
    pub(super) fn new(owner: u64, alarm: Arc<Alarm>) -> Arc<Self> {
        Arc::new(Self {
            owner,
            woken: AtomicBool::new(true),
            drives: AtomicBool::new(false),
            alarm,
            parker: Parker::default(),
        })
    }

    /// Whether it was woken and not polled since.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }

    /// Forgets the wake, because the future is polled now.
    pub(super) fn take_wake(&self) -> bool {
        self.is_woken() && self.woken.swap(false, Ordering::SeqCst)
    }

    /// The thread runs the world from now on.
    pub(super) fn drive(&self) {
        self.drives.store(true, Ordering::SeqCst);
    }

    /// Waits for a wake or a [`nudge`](Self::nudge).
    pub(super) fn park(&self) {
        self.parker.park();
    }

    /// Ends the thread's wait: it may be able to run the world now.
    pub(super) fn nudge(&self) {
        self.parker.unpark();
    }
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.woken.swap(true, Ordering::SeqCst) {
            return;
        }
        if !self.drives.load(Ordering::SeqCst) {
            self.parker.unpark();
        } else if context::owner() != self.owner {
            self.alarm.unpark();
        }
    }
}
