//! What was logged, and how far that is safe.
//!
//! Owns the commits that wait to be written, and those who wait for them. Knows nothing of files.
//!
//! # Invariants
//! 1. Commits are written in the order in which the store made them: whoever appends holds it.
//! 2. `safe` never exceeds `appended`, and neither goes back.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use simoom::sync::Notify;

use super::record;
use crate::statistics::Histogram;

/// The log of a store, as its connections see it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    state: Mutex<State>,
    /// Someone has appended, or asked for something.
    work: Notify,
    /// Something is safe that was not, or never will be.
    progress: Notify,
    /// How long it takes to sync what was appended.
    pub(crate) sync_times: Histogram,
}

#[derive(Debug, Default)]
struct State {
    /// Records that nobody has taken to write.
    unwritten: Vec<u8>,
    appended: Position,
    safe: Position,
    requests: Requests,
    /// Why the log is broken.
    broken: Option<String>,
    bytes: u64,
    syncs: u64,
    bytes_compacted: u64,
    compactions: u64,
    compactions_failed: u64,
    is_compacting: bool,
    last_compaction_failed: bool,
}

/// What is told of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) bytes: u64,
    pub(crate) commits: Position,
    /// How many commits are as safe as was asked for.
    pub(crate) safe: Position,
    pub(crate) syncs: u64,
    /// How large it was when it was last made small, or could not be.
    pub(crate) bytes_compacted: u64,
    pub(crate) compactions: u64,
    pub(crate) compactions_failed: u64,
    pub(crate) is_compacting: bool,
    pub(crate) last_compaction_failed: bool,
    pub(crate) is_broken: bool,
}

/// How many commits were appended up to a moment.
pub(crate) type Position = u64;

/// What the writer is asked to do beside writing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Requests {
    /// Make the log small.
    pub(super) compact: bool,
    /// Write and sync what there is, and end.
    pub(super) finish: bool,
}

/// What the writer is to do next.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) records: Vec<u8>,
    /// The position after them.
    pub(super) position: Position,
    pub(super) requests: Requests,
}

impl Log {
    /// Appends a commit. The caller holds the store that made it.
    pub(crate) fn append(&self, changes: &[u8]) {
        let mut state = self.state();
        record::append(&mut state.unwritten, changes);
        state.appended += 1;
        drop(state);
        self.work.notify_one();
    }

    /// The position after everything that was appended.
    pub(crate) fn position(&self) -> Position {
        self.state().appended
    }

    /// Waits until everything up to `position` is as safe as was asked for.
    ///
    /// # Errors
    /// The log is broken: it may be safe, or not.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(crate) async fn reached(&self, position: Position) -> io::Result<()> {
        loop {
            // Waiting starts before looking: progress in between is not missed.
            let progress = self.progress.notified();
            {
                let state = self.state();
                if state.safe >= position {
                    return Ok(());
                }
                if let Some(broken) = &state.broken {
                    return Err(io::Error::other(broken.clone()));
                }
            }
            progress.await;
        }
    }

    /// Asks for the log to be made small.
    pub(crate) fn request_compaction(&self) {
        self.state().requests.compact = true;
        self.work.notify_one();
    }

    /// Asks the writer to write and sync everything, and to end.
    pub(crate) fn finish(&self) {
        self.state().requests.finish = true;
        self.work.notify_one();
    }

    /// Waits until there is something to write or to do.
    ///
    /// # Cancel safety
    /// Safe: work that nobody has taken stays.
    pub(super) async fn wait_for_work(&self) {
        loop {
            let work = self.work.notified();
            {
                let state = self.state();
                let Requests { compact, finish } = state.requests;
                if !state.unwritten.is_empty() || compact || finish {
                    return;
                }
            }
            work.await;
        }
    }

    /// How the log is doing.
    pub(crate) fn figures(&self) -> Figures {
        let state = self.state();
        Figures {
            bytes: state.bytes,
            commits: state.appended,
            safe: state.safe,
            syncs: state.syncs,
            bytes_compacted: state.bytes_compacted,
            compactions: state.compactions,
            compactions_failed: state.compactions_failed,
            is_compacting: state.is_compacting,
            last_compaction_failed: state.last_compaction_failed,
            is_broken: state.broken.is_some(),
        }
    }

    /// Notes that the log was synced and is so large.
    pub(super) fn was_synced(&self, bytes: u64) {
        let mut state = self.state();
        state.syncs += 1;
        state.bytes = bytes;
    }

    /// Notes that there is a log of so many bytes to begin with.
    pub(super) fn begins(&self, bytes: u64) {
        let mut state = self.state();
        state.bytes = bytes;
        state.bytes_compacted = bytes;
    }

    /// Notes that the log is being made small.
    pub(super) fn compaction_began(&self) {
        self.state().is_compacting = true;
    }

    /// Notes that the log was made small, or could not be, and how large it is.
    pub(super) fn compaction_ended(&self, bytes: u64, failed: bool) {
        let mut state = self.state();
        state.is_compacting = false;
        state.last_compaction_failed = failed;
        state.bytes_compacted = bytes;
        if failed {
            state.compactions_failed += 1;
        } else {
            state.compactions += 1;
        }
    }

    /// Takes all that is to be written or done.
    pub(super) fn take_work(&self) -> Work {
        let mut state = self.state();
        Work {
            records: std::mem::take(&mut state.unwritten),
            position: state.appended,
            requests: std::mem::take(&mut state.requests),
        }
    }

    /// Takes all that is to be written, and leaves what is to be done.
    pub(super) fn take_records(&self) -> (Vec<u8>, Position) {
        let mut state = self.state();
        (std::mem::take(&mut state.unwritten), state.appended)
    }

    /// Everything up to `position` is safe.
    pub(super) fn is_safe(&self, position: Position) {
        let mut state = self.state();
        state.safe = state.safe.max(position);
        drop(state);
        self.progress.notify_waiters();
    }

    /// Nothing more will be safe.
    pub(super) fn is_broken(&self, error: &io::Error) {
        self.state().broken = Some(format!("the log cannot be written: {error}"));
        self.progress.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
