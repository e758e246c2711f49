//! What was logged, and how far that is safe.
//!
//! Owns the commits that wait to be written, and those who wait for them. Knows nothing of files and
//! connections.
//!
//! # Invariants
//! 1. Commits are written in the order in which the store made them: whoever appends holds it.
//! 2. `safe` never exceeds `appended`, and neither goes back.
//! 3. The commits in `unapplied` are the last ones; the store holds all before them.
//! 4. Nobody is told of a commit that was given up.
//! 5. `decided` is at most `appended`; all that came after it are deaths.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use simoom::sync::Notify;
use simoom::sync::futures::Notified;
use simoom::sync::oneshot;

use super::backlog::Backlog;
use super::history::{History, Offset};
use super::record;
use crate::statistics::Histogram;
use crate::store::Store;

/// The log of a store, as its connections see it.
#[derive(Debug)]
pub(crate) struct Log {
    pub(super) state: Mutex<State>,
    /// Whether commits are kept at all. Raised by whoever holds the store.
    is_kept: AtomicBool,
    /// Whether there is a file, and somebody who writes it.
    has_file: bool,
    /// Someone has appended, or asked for something.
    pub(super) work: Notify,
    /// Something is safe that was not, or never will be.
    pub(super) progress: Notify,
    /// How long it takes to sync what was appended.
    pub(crate) sync_times: Histogram,
}

#[derive(Debug)]
pub(super) struct State {
    /// Records that nobody has taken to write.
    pub(super) unwritten: Vec<u8>,
    pub(super) appended: Position,
    pub(super) safe: Position,
    /// The position at which the process started.
    started: Position,
    requests: Requests,
    pub(super) replacement: Option<Replacement>,
    /// Whether a replacement was asked for and is neither in place nor given up.
    pub(super) is_replacing: bool,
    /// Why the log is broken.
    pub(super) broken: Option<String>,
    bytes: u64,
    syncs: u64,
    bytes_compacted: u64,
    compactions: u64,
    compactions_failed: u64,
    is_compacting: bool,
    last_compaction_failed: bool,

    pub(super) history: History,
    /// What is added to a position to have its offset. It changes with a copy of all data.
    pub(super) shift: u64,
    pub(super) backlog: Backlog,
    /// The positions after which commits are needed by those who follow, by number.
    pub(super) holds: BTreeMap<u64, Position>,
    pub(super) holds_taken: u64,
    /// Records that came from a primary and are not in the store yet.
    pub(super) unapplied: VecDeque<Bytes>,
    pub(super) unapplied_bytes: usize,
    /// How many replicas must have a commit before anybody is told of it, and up to where they do.
    pub(super) replicas_min: usize,
    pub(super) acknowledged: Position,
    /// After the last commit that was more than the death of keys.
    pub(super) decided: Position,
    /// After the commit with which this server became the one that decides; 0 if it always was.
    pub(super) taken_over: Position,
    /// Commits that were not safe when others began to decide: after the first position of a pair,
    /// up to the second.
    pub(super) given_up: Vec<(Position, Position)>,
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

/// How many commits were appended up to a moment. It never goes back while the process lives.
pub(crate) type Position = u64;

/// What the writer is asked to do beside writing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Requests {
    /// Make the log small.
    pub(super) compact: bool,
    /// Write and sync what there is, and end.
    pub(super) finish: bool,
    /// End as after an error.
    pub(super) fail: bool,
}

/// Another server's data, to be had instead of our own.
#[derive(Debug)]
pub(crate) struct Replacement {
    /// A whole log that holds it.
    pub(crate) log: Vec<u8>,
    pub(crate) store: Store,
    pub(crate) history: History,
    pub(crate) offset: Offset,
    /// Told when it is safe and in place.
    pub(crate) done: oneshot::Sender<io::Result<()>>,
}

/// What the writer is to do next.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) records: Vec<u8>,
    /// The position after them.
    pub(super) position: Position,
    pub(super) requests: Requests,
    pub(super) replacement: Option<Replacement>,
}

impl Log {
    /// An empty log. Without a file nothing is kept until somebody [asks](Self::keep_commits).
    pub(crate) fn new(has_file: bool, replicas_min: usize, backlog_bytes_max: usize) -> Self {
        let state = State {
            unwritten: Vec::new(),
            appended: 0,
            safe: 0,
            started: 0,
            requests: Requests::default(),
            replacement: None,
            is_replacing: false,
            broken: None,
            bytes: 0,
            syncs: 0,
            bytes_compacted: 0,
            compactions: 0,
            compactions_failed: 0,
            is_compacting: false,
            last_compaction_failed: false,
            history: History::new(),
            shift: 0,
            backlog: Backlog::new(0, backlog_bytes_max),
            holds: BTreeMap::new(),
            holds_taken: 0,
            unapplied: VecDeque::new(),
            unapplied_bytes: 0,
            replicas_min,
            acknowledged: 0,
            decided: 0,
            taken_over: 0,
            given_up: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
            is_kept: AtomicBool::new(has_file),
            has_file,
            work: Notify::new(),
            progress: Notify::new(),
            sync_times: Histogram::default(),
        }
    }

    /// Whether there is a file.
    pub(crate) fn has_file(&self) -> bool {
        self.has_file
    }

    /// Whether commits are kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Acquire)
    }

    /// Keeps commits from now on. The caller holds the store.
    pub(crate) fn keep_commits(&self) {
        self.is_kept.store(true, Ordering::Release);
    }

    /// Goes on from what was read; the last commit, if it is given, is there for those who follow.
    pub(super) fn start(&self, history: History, offset: Offset, last: Option<Bytes>) {
        let mut state = self.state();
        let before = offset - u64::from(last.is_some());
        state.backlog.restart(before);
        if let Some(record) = last {
            state.backlog.push(record);
        }
        state.history = history;
        state.appended = offset;
        state.safe = offset;
        state.started = offset;
        state.decided = offset;
    }

    /// Appends a commit. The caller holds the store that made it.
    pub(crate) fn append(&self, changes: &[u8]) {
        let mut record = Vec::with_capacity(record::HEADER_BYTES + changes.len());
        record::append(&mut record, changes);
        self.append_to(&mut self.state(), record.into());
    }

    /// Appends a commit of keys that have died of age. Nobody waits for it: who learns of it learns
    /// what the lifetime of the keys has told before. The caller holds the store that made it.
    pub(crate) fn append_deaths(&self, changes: &[u8]) {
        let mut record = Vec::with_capacity(record::HEADER_BYTES + changes.len());
        record::append(&mut record, changes);
        let state = &mut *self.state();
        let decided = state.decided;
        self.append_to(state, record.into());
        state.decided = decided;
    }

    pub(super) fn append_to(&self, state: &mut State, record: Bytes) {
        state.appended += 1;
        state.decided = state.appended;
        if self.has_file {
            state.unwritten.extend_from_slice(&record);
            self.work.notify_one();
        } else {
            state.safe = state.appended;
            self.progress.notify_waiters();
        }
        state.backlog.push(record);
        state.forget_old();
    }

    /// The position after everything that was appended.
    pub(crate) fn position(&self) -> Position {
        self.state().appended
    }

    /// The position that must be safe before anybody may learn what the store holds.
    pub(crate) fn decided(&self) -> Position {
        self.state().decided
    }

    /// The position that must be safe before anybody may learn that this server decides.
    pub(crate) fn taken_over(&self) -> Position {
        self.state().taken_over
    }

    /// Waits until everything up to the last of `positions` is as safe as was asked for: here, and
    /// on so many replicas.
    ///
    /// # Errors
    /// The log is broken, or something between the first and the last was given up: others decide
    /// now, or have decided meanwhile. It may be safe, or not.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(crate) async fn reached(&self, positions: RangeInclusive<Position>) -> io::Result<()> {
        let (first, last) = positions.into_inner();
        self.until(|state| {
            let is_in = |&(after, upto): &_| after < last && first <= upto;
            if state.given_up.iter().any(is_in) {
                return Some(Err(io::Error::other("another server decides")));
            }
            (state.told() >= last).then_some(Ok(()))
        })
        .await?
    }

    /// Waits until everything up to `position` is as safe here as was asked for.
    ///
    /// # Errors
    /// The log is broken.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(crate) async fn kept(&self, position: Position) -> io::Result<()> {
        self.until(|state| (state.safe >= position).then_some(()))
            .await
    }

    /// Waits until `look` sees something.
    pub(super) async fn until<T>(
        &self,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> io::Result<T> {
        loop {
            // Waiting starts before looking: progress in between is not missed.
            let progress = self.progress.notified();
            {
                let mut state = self.state();
                if let Some(seen) = look(&mut state) {
                    return Ok(seen);
                }
                if let Some(broken) = &state.broken {
                    return Err(io::Error::other(broken.clone()));
                }
            }
            progress.await;
        }
    }

    /// Completes when something is safe that is not yet.
    pub(crate) fn progress(&self) -> Notified<'_> {
        self.progress.notified()
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

    /// Ends the log as after an error of writing: what else is in the folder is unknown.
    pub(crate) fn fail(&self) {
        self.state().requests.fail = true;
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
                let Requests {
                    compact,
                    finish,
                    fail,
                } = state.requests;
                let replace = state.replacement.is_some();
                if !state.unwritten.is_empty() || replace || compact || finish || fail {
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
            commits: state.appended - state.started,
            safe: state.safe - state.started,
            syncs: state.syncs,
            bytes_compacted: state.bytes_compacted,
            compactions: state.compactions,
            compactions_failed: state.compactions_failed,
            is_compacting: state.is_compacting,
            last_compaction_failed: state.last_compaction_failed,
            is_broken: state.broken.is_some(),
        }
    }

    /// Notes that the log is so large.
    pub(super) fn was_written(&self, bytes: u64) {
        self.state().bytes = bytes;
    }

    /// Notes that what was appended to the log was synced.
    pub(super) fn was_synced(&self) {
        self.state().syncs += 1;
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
            replacement: state.replacement.take(),
        }
    }

    /// Takes all that is to be written, and leaves what is to be done. Also returns the records that
    /// are not in the store.
    pub(super) fn take_records(&self) -> (Vec<u8>, Position, Vec<Bytes>) {
        let mut state = self.state();
        let unwritten = std::mem::take(&mut state.unwritten);
        let unapplied = state.unapplied.iter().cloned().collect();
        (unwritten, state.appended, unapplied)
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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The last position that anybody may be told of.
    pub(super) fn told(&self) -> Position {
        match self.replicas_min {
            0 => self.safe,
            _ => self.safe.min(self.acknowledged),
        }
    }

    /// The last position that the store holds.
    pub(super) fn applied(&self) -> Position {
        self.appended - self.unapplied.len() as u64
    }

    pub(super) fn offset_of(&self, position: Position) -> Offset {
        position.wrapping_add(self.shift)
    }

    /// Where `offset` is; `None` if nothing of this log is there: it is ahead of everything, or
    /// before a copy of all data.
    pub(super) fn position_of(&self, offset: Offset) -> Option<Position> {
        let behind = self.offset_of(self.appended).checked_sub(offset)?;
        self.appended.checked_sub(behind)
    }

    /// Forgets what is too old for those who come back, and needed by nobody who is here.
    pub(super) fn forget_old(&mut self) {
        let needed = self.holds.values().copied().min();
        self.backlog.cut(needed.unwrap_or(Position::MAX));
    }
}

#[cfg(test)]
mod tests;
