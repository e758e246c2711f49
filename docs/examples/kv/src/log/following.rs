//! The log of one of several servers that hold the same.
//!
//! Owns who decides what comes next, and what those who follow have and lack. Knows nothing of
//! connections.

use std::io;

use bytes::Bytes;

use super::history::{History, HistoryId, Offset};
use super::record;
use super::state::{Log, Position, Replacement};
use crate::store::{Change, Store, decode, encode};

/// The commits after a position, as far as they are safe.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Bytes>,
    /// The position after them.
    pub(crate) position: Position,
}

/// What is told of one's place among others.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) history: History,
    /// Of everything that was appended.
    pub(crate) appended: Offset,
    /// Of what is safe here.
    pub(crate) safe: Offset,
    /// Of what the store holds.
    pub(crate) applied: Offset,
    /// Before the oldest commit that is still there for those who follow.
    pub(crate) backlog_start: Offset,
    pub(crate) backlog_bytes: usize,
    pub(crate) backlog_bytes_max: usize,
}

/// One server, while others decide.
impl Log {
    /// Appends a commit that another server has made, as a whole record. It is for the store once
    /// it is safe.
    pub(crate) fn receive(&self, record: Bytes) {
        let mut state = self.state();
        if let Some(id) = fork_in(&record) {
            let offset = state.offset_of(state.appended);
            state.history.fork(id, offset);
        }
        state.unapplied_bytes += record.len();
        state.unapplied.push_back(record.clone());
        self.append_to(&mut state, record);
    }

    /// Waits until there is something for the store.
    ///
    /// # Errors
    /// The log is broken.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(crate) async fn wait_for_changes(&self) -> io::Result<()> {
        self.until(|state| {
            let is_there = !state.unapplied.is_empty() && state.applied() < state.safe;
            is_there.then_some(())
        })
        .await
    }

    /// Takes the commits that are safe and not in the store, which the caller holds and puts them
    /// into before it lets go of it.
    pub(crate) fn take_for_store(&self) -> Vec<Bytes> {
        let mut state = self.state();
        let count = usize::try_from(state.safe.saturating_sub(state.applied()));
        let count = count.unwrap_or(usize::MAX).min(state.unapplied.len());
        let records: Vec<_> = state.unapplied.drain(..count).collect();
        state.unapplied_bytes -= records.iter().map(Bytes::len).sum::<usize>();
        drop(state);
        self.progress.notify_waiters();
        records
    }

    /// Waits until what has come and is not in the store is at most `bytes_max` bytes.
    ///
    /// # Errors
    /// The log is broken.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(crate) async fn room_for_changes(&self, bytes_max: usize) -> io::Result<()> {
        self.until(|state| (state.unapplied_bytes <= bytes_max).then_some(()))
            .await
    }

    /// Waits until everything that has come is safe and in the store.
    ///
    /// # Errors
    /// The log is broken.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(crate) async fn all_applied(&self) -> io::Result<()> {
        self.until(|state| state.unapplied.is_empty().then_some(()))
            .await
    }

    /// Asks for everything to be replaced. Without a file the caller does it itself.
    pub(crate) fn request_replacement(&self, replacement: Replacement) {
        let mut state = self.state();
        state.replacement = Some(replacement);
        state.is_replacing = true;
        drop(state);
        self.work.notify_one();
    }

    /// Waits until no replacement is under way, also one that nobody waits for any more.
    ///
    /// # Errors
    /// The log is broken.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub(crate) async fn settled(&self) -> io::Result<()> {
        self.until(|state| (!state.is_replacing).then_some(()))
            .await
    }

    /// Notes that a replacement came to nothing.
    pub(super) fn was_not_replaced(&self) {
        self.state().is_replacing = false;
        self.progress.notify_waiters();
    }

    /// Notes that everything was replaced, which is safe. The caller holds the store.
    pub(crate) fn was_replaced(&self, history: History, offset: Offset) {
        let mut state = self.state();
        // A position never goes back: this is one more.
        state.appended += 1;
        state.safe = state.appended;
        state.decided = state.appended;
        state.shift = offset.wrapping_sub(state.appended);
        state.history = history;
        state.is_replacing = false;
        state.unwritten.clear();
        state.unapplied.clear();
        state.unapplied_bytes = 0;
        let end = state.appended;
        state.backlog.restart(end);
        drop(state);
        self.progress.notify_waiters();
    }

    /// Others decide from now on: nobody is told any more of what is not safe yet. The caller holds
    /// the store.
    pub(crate) fn give_up(&self) {
        let mut state = self.state();
        let (told, appended) = (state.told(), state.appended);
        if told < appended {
            state.given_up.push((told, appended));
        }
        drop(state);
        self.progress.notify_waiters();
    }

    /// This server decides from now on, which is a commit. What was there before counts as safe
    /// elsewhere if it `is_agreed`: a primary has said that it is its own past. Else nobody is told of
    /// it until so many replicas have it as are asked for. The caller holds the store.
    pub(crate) fn take_over(&self, is_agreed: bool) {
        let id = HistoryId::new();
        let mut changes = Vec::new();
        encode(&mut changes, Change::Fork { id: id.as_bytes() });
        let mut state = self.state();
        let offset = state.offset_of(state.appended);
        state.history.fork(id, offset);
        let mut record = Vec::new();
        record::append(&mut record, &changes);
        self.append_to(&mut state, record.into());
        if is_agreed {
            state.acknowledged = state.appended;
        }
        state.taken_over = state.appended;
    }

    /// Which past there is, and how far what has come is safe and shown.
    pub(crate) fn place(&self) -> Place {
        let state = self.state();
        let start = state.backlog.start();
        Place {
            history: state.history.clone(),
            appended: state.offset_of(state.appended),
            safe: state.offset_of(state.safe),
            applied: state.offset_of(state.applied()),
            backlog_start: state.offset_of(start),
            backlog_bytes: state.backlog.bytes(),
            backlog_bytes_max: state.backlog.bytes_max(),
        }
    }

    /// How many commits are safe here, of all that led to them.
    pub(crate) fn safe_offset(&self) -> Offset {
        let state = self.state();
        state.offset_of(state.safe)
    }
}

/// One server, while it decides.
impl Log {
    /// Where one who has `offset` commits, the last of them in `id`, can go on; `None` if he has
    /// others, or needs some that are not there any more.
    pub(crate) fn resume(&self, id: HistoryId, offset: Offset) -> Option<Position> {
        let state = self.state();
        let position = state.position_of(offset)?;
        let is_ours = state.history.holds(id, offset);
        (is_ours && state.backlog.after(position).is_some()).then_some(position)
    }

    /// The commits after `position` that are safe here, about `bytes_max` bytes of them; `None` if
    /// they are not there any more.
    pub(crate) fn after(&self, position: Position, bytes_max: usize) -> Option<Batch> {
        let state = self.state();
        let mut bytes = 0;
        let safe = state.safe.saturating_sub(position);
        let mut records = Vec::new();
        let all = state.backlog.after(position)?;
        for record in all.take(usize::try_from(safe).unwrap_or(usize::MAX)) {
            bytes += record.len();
            records.push(record.clone());
            if bytes >= bytes_max {
                break;
            }
        }
        let position = position + records.len() as u64;
        Some(Batch { records, position })
    }

    /// How many commits there were at `position`; 0 if it was before a copy of all data, and what
    /// was there then is gone.
    pub(crate) fn offset_of(&self, position: Position) -> Offset {
        let offset = self.state().offset_of(position);
        if offset > i64::MAX.unsigned_abs() {
            0
        } else {
            offset
        }
    }

    /// Where `offset` is; `None` if nothing of this log is there.
    pub(crate) fn position_of(&self, offset: Offset) -> Option<Position> {
        self.state().position_of(offset)
    }

    /// How many replicas must have a commit before anybody is told of it.
    pub(crate) fn replicas_min(&self) -> usize {
        self.state().replicas_min
    }

    /// So many replicas as are asked for have everything up to `position`.
    pub(crate) fn acknowledged(&self, position: Position) {
        let mut state = self.state();
        // Who waits for something has nothing to look at each time a replica repeats itself.
        if position <= state.acknowledged {
            return;
        }
        state.acknowledged = position;
        drop(state);
        self.progress.notify_waiters();
    }

    /// How many bytes of commits come after `offset`, as far as they are there.
    pub(crate) fn bytes_after(&self, offset: Offset) -> usize {
        let state = self.state();
        match state.position_of(offset) {
            Some(position) => state.backlog.bytes_after(position),
            None => state.backlog.bytes(),
        }
    }
}

/// Does the changes of a record to `store`; `None` if it holds one that this version does not know.
pub(crate) fn do_changes(record: &[u8], mut change_store: impl FnMut(Change<'_>)) -> Option<()> {
    let mut changes = record.get(record::HEADER_BYTES..)?;
    while !changes.is_empty() {
        change_store(decode(&mut changes)?);
    }
    Some(())
}

/// The name of the history that begins with a record, if one does.
fn fork_in(record: &[u8]) -> Option<HistoryId> {
    let mut changes = record.get(record::HEADER_BYTES..)?;
    match decode(&mut changes)? {
        Change::Fork { id } => HistoryId::from_bytes(id),
        _ => None,
    }
}

/// The records that make `store`, and a last one that says which past it has.
pub(crate) fn snapshot(
    store: &Store,
    history: &History,
    offset: Offset,
    mut record: impl FnMut(&[u8]),
) {
    let mut bytes = Vec::new();
    let mut give = |changes: &[u8]| {
        bytes.clear();
        record::append(&mut bytes, changes);
        record(&bytes);
    };
    store.changes(crate::store::Both::now(), PIECE_BYTES, &mut give);
    let mut past = Vec::new();
    history.encode(&mut past);
    let mut changes = Vec::new();
    let past = Change::Past {
        offset,
        history: &past,
    };
    encode(&mut changes, past);
    give(&changes);
}

/// How large the pieces of a snapshot are.
const PIECE_BYTES: usize = 64 << 10;
