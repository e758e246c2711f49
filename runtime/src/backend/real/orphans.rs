//! Children that nobody waits for.
//!
//! Owns them until they end, and takes their ends from the operating system, or they would stay
//! there as zombies. Knows nothing of runtimes: the thread that listens for signals does the work,
//! when SIGCHLD says that a child has ended.

use std::process::Child;
use std::sync::{Mutex, PoisonError};

use super::signals;

/// Those that ran when they were last looked at.
static ORPHANS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Takes a child over that may still run.
pub(super) fn adopt(mut child: Child) {
    if !runs(&mut child) {
        return;
    }
    ORPHANS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(child);
    // Without a listener the next orphan reaps this one.
    let _ = signals::signal_count(libc::SIGCHLD);
    // It may have ended before there was a listener.
    reap();
}

/// Takes the ends of those that have ended.
pub(super) fn reap() {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    orphans.retain_mut(runs);
}

/// Whether it has not ended. One of which nothing can be learnt has: nobody else reaps it.
fn runs(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}
